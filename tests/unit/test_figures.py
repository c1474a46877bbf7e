"""Tables in the READMEs are those of the figures' files."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
import figures


@pytest.mark.parametrize("readme", figures.READMES, ids=lambda path: path.parent.name)
def test_tables_are_written_from_their_files(readme):
    text = readme.read_text(encoding="utf-8")
    assert figures.with_tables(text) == text, "run `make figures`"


def test_every_file_of_figures_is_shown():
    shown = " ".join(readme.read_text(encoding="utf-8") for readme in figures.READMES)
    named = set(re.findall(r"<!-- figures: ([\w-]+) -->", shown))
    assert named == {path.stem for path in figures.FIGURES.glob("*.json")}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("chance", "chance"),
        (4510, "4,510"),
        (figures.figure(0.9912), ".991"),
        (figures.figure(0.9912, (0.952, 0.998)), ".991 (.952-.998)"),
        (figures.figure(11.42, (11.06, 11.8), "ms", 1), "11.4 ms (11.1-11.8)"),
        (figures.figure(-0.13, (-0.177, 0.02), digits=2), "-.13 (-.18 to .02)"),
        (figures.figure(1286.4, unit="s", digits=0), "1,286 s"),
        ({"text": "at random", **figures.figure(0.25)}, "at random: .250"),
    ],
)
def test_cells(cell, expected):
    assert figures.shown(cell) == expected


def test_a_kept_table_says_how_it_was_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "FIGURES", tmp_path / "figures")
    path = figures.keep(
        "one", ["figure", "n"], [["accuracy", 12]], command="python one.py", seconds=7260
    )
    content = json.loads(path.read_text())
    assert content["commit"] and content["date"] and content["processor"]
    table = figures.table("one")
    assert table.startswith("| figure | n |\n| --- | --- |\n| accuracy | 12 |\n")
    assert "`python one.py`, 2.0 CPU hours on " in table
