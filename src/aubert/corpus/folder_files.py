"""The table of a folder's files: each is used, as audio, text, cover or marks, or its row gives the
reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath

from aubert.corpus.folder_audio import Made
from aubert.corpus.folder_plan import Plan
from aubert.corpus.folder_scan import REASONS
from aubert.corpus.index import printable
from aubert.corpus.shards import natural_key
from aubert.files import write_json

NAME = "files.json"
_USES = {"audio": "audio", "text": "text", "cover": "cover", "marks": "chapter marks",
         "none": "not used"}  # fmt: skip
_WIDTH = 90  # characters of a column of the short table
_MANY = 4  # files of one folder and one fate that are shown as one line


@dataclass(frozen=True)
class Row:
    """path: relative to the folder. use: audio, text, cover, marks or none. reason: of
    folder_scan.REASONS where it is none. detail: the book that it is of, what is used instead, or
    what is wrong. recordings: that were made of it; seconds: of sound in it; announced_s: what its
    header says, where that is another length"""

    path: str
    use: str
    reason: str | None = None
    detail: str = ""
    recordings: int = 0
    seconds: float | None = None
    announced_s: float | None = None


def table_of(plan: Plan, made: Mapping[str, Made]) -> list[Row]:
    """A row for every file of the folder, in the order of their names and numbers."""
    rows = []
    for path in sorted(plan.sources, key=lambda path: [natural_key(part) for part in path.parts]):
        fate, done = plan.fates[path], made.get(str(path))
        name = printable(str(path))
        if done is None or fate.use != "audio":
            rows.append(Row(name, fate.use, fate.reason, printable(fate.detail)))
        elif done.reason:
            rows.append(Row(name, "none", done.reason, printable(done.detail)))
        else:
            lengths = (len(done.names), done.seconds, done.announced_s)
            rows.append(Row(name, "audio", None, fate.detail, *lengths))
    return rows


def write_table(path: Path, rows: Sequence[Row]) -> None:
    write_json(path, [asdict(row) for row in rows])


def read_table(path: Path) -> list[Row]:
    """Raises ValueError where the file is not such a table."""
    try:
        return [Row(**row) for row in json.loads(path.read_bytes())]
    except FileNotFoundError:
        raise ValueError(f"{path} is not there: it is made by: snakemake corpus") from None
    except (TypeError, ValueError):
        raise ValueError(f"{path} is no table of a folder's files") from None


def shown(rows: Sequence[Row], short: bool = False) -> str:
    """The table as text, and a line of counts. short: as `lines` has it, long names cut."""
    table = lines(rows) if short else [_line(row) for row in rows]
    if short:
        table = [(_cut(file), use, _cut(why)) for file, use, why in table]
    header = ("file", "used as", "of what, or why not")
    widths = [max(len(line[column]) for line in (header, *table)) for column in (0, 1)]
    text = [
        f"{file:{widths[0]}}  {use:{widths[1]}}  {why}".rstrip()
        for file, use, why in (header, *table)
    ]
    return "\n".join([*text, counts(rows)])


def lines(rows: Sequence[Row]) -> list[tuple[str, str, str]]:
    """(file, use, of what or why not); files of one folder and one fate, one after another, are one
    line."""
    found = []
    for (folder, _, _), group in groupby(rows, _alike):
        members = list(group)
        if len(members) < _MANY:
            found += [_line(row) for row in members]
        else:
            first, last = (PurePosixPath(members[at].path).name for at in (0, -1))
            inside = "" if folder == "." else f"{folder}/"
            name = f"{inside}{first} ... {last} ({len(members)} files)"
            found.append((name, *_line(members[0])[1:]))
    return found


def _line(row: Row) -> tuple[str, str, str]:
    return row.path, _USES[row.use], remark(row)


def _alike(row: Row) -> tuple:
    return str(PurePosixPath(row.path).parent), row.use, remark(row)


def _cut(text: str) -> str:
    half = _WIDTH // 2
    return text if len(text) <= _WIDTH else f"{text[: half - 2]} ... {text[-half + 3 :]}"


def counts(rows: Sequence[Row]) -> str:
    """One line: how many files have which use, and why others have none."""
    uses = Counter(row.use for row in rows)
    reasons = Counter(row.reason for row in rows if row.reason)
    parts = [f"{uses[use]} {what}" for use, what in _USES.items() if uses[use]]
    why = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    num_recordings = sum(row.recordings for row in rows)
    return (
        f"folder: {len(rows)} files: {', '.join(parts)}{f' ({why})' if why else ''}; "
        f"{num_recordings} recordings"
    )


def remark(row: Row) -> str:
    """The book, the length where the header has another, or why a file is not used."""
    if row.reason:
        detail = f": {row.detail}" if row.detail else ""
        return f"{row.reason}{detail} ({REASONS[row.reason]})"
    parts = [row.detail]
    if row.recordings > 1:
        parts.append(f"{row.recordings} chapters")
    if row.announced_s is not None:
        parts.append(f"{row.seconds:.1f} s of sound, the header says {row.announced_s:.1f} s")
    return "; ".join(filter(None, parts))
