"""Every file of a folder of audiobooks: what it is used as, or why it is not used."""

from __future__ import annotations

from aubert.corpus.folder_files import NAME, counts, lines, read_table
from aubert.report.blocks import Section, Table
from aubert.report.run import Run


def section(run: Run) -> Section | None:
    """None where the corpus is no folder of audiobooks."""
    table = run.results / "corpus" / NAME
    if not table.is_file():
        return None
    rows = read_table(table)
    return Section(
        "files",
        "Every file of the folder",
        f"{counts(rows).removeprefix('folder: ')}. Neighbours that became the same are one line.",
        [Table("Files", ("file", "used as", "of what, or why not"), lines(rows))],
    )
