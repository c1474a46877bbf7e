"""docs/add-a-stage.md, applied to a copy of the checkout and run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from snakemake_run import ROOT, Run

from aubert import tables

pytestmark = pytest.mark.xdist_group("mini_run")
PAGE = ROOT / "docs/add-a-stage.md"


def apply(page: str, house: Path) -> None:
    """New files from the python blocks that begin with a path, added lines from the diffs."""
    for path, content in re.findall(r"```python\n# (\S+)\n(.*?)```", page, re.S):
        (house / path).write_text(content)
    for path, lines in re.findall(r"```diff\n(\S+)\n(.*?)```", page, re.S):
        old = "".join(line[1:] for line in lines.splitlines(keepends=True) if line[0] == " ")
        new = "".join(line[1:] for line in lines.splitlines(keepends=True))
        text = (house / path).read_text()
        assert ("\n" + text).count("\n" + old) == 1, f"{path} has not, or not once: {old}"
        (house / path).write_text(("\n" + text).replace("\n" + old, "\n" + new)[1:])


def test_the_stage_of_the_documentation_works(mini_run, tmp_path):
    house = tmp_path / "house"
    shutil.copytree(mini_run.house, house)
    apply(PAGE.read_text(), house)
    run = Run(mini_run.directory, mini_run.overlay, house)
    made = [f"results/mini/pace/{shard}.parquet" for shard in range(4)]
    # What is there was made by the code before: it is not to be made again.
    run.snakemake(*made, "--allowed-rules", "pace")
    paces = list(tables_of(run, made))
    assert len(paces) > 50
    assert all(60 < pace < 400 for pace in paces)


def tables_of(run: Run, paths: list[str]):
    import pyarrow.parquet as pq

    for path in paths:
        found = pq.read_table(run.directory / path)
        assert int(tables.metadata(run.directory / path)["aubert.ids_in"]) >= found.num_rows
        yield from found["words_per_minute"].to_pylist()
