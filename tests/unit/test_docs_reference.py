"""docs/formats.md, docs/figures.md and docs/architecture.md are complete and true."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from test_import_order import LINES, SYSTEMS

from aubert.tables import TABLES

ROOT = Path(__file__).parents[2]
FORMATS, FIGURES, ARCHITECTURE = (
    ROOT / f"docs/{name}.md" for name in ("formats", "figures", "architecture")
)
CONTROLS = re.compile(r"\.(baseline|chance|majority|over_baseline|ideal_binary|ideal_ratio)$")
NOT_OF_THE_DEMO = {
    # Only of runs with mixtures of several numbers of speakers.
    "separation.si_sdri_<number>_<split>_db",
    "separation.speaker_count_accuracy",
    # Only of `aubert evaluate abx`.
    *(f"abx.<layer>.{mode}" for mode in ("within", "across")),
    *(f"abx.{what}" for what in ("cells_within", "cells_across", "tokens", "phones", "speakers")),
}


@pytest.fixture(scope="module")
def demo() -> Path:
    """The results of `make demo`."""
    results = ROOT / "results/mini"
    if not (results / "report/index.html").exists():
        pytest.skip("results/mini is not finished: make demo")
    return results


# --- figures


class Row(NamedTuple):
    """A key of docs/figures.md, as it is written and as a pattern; the text on its control."""

    key: str
    pattern: re.Pattern
    control: str


PARTS = {"<units>": r"(units|hubert)\.\w+", "<aubert>": r"aubert(\.(mlp|cosine))?"}


def pattern_of(key: str) -> re.Pattern:
    """<name> stands for one part of a key; <units> and <aubert> as the page describes them."""
    parts = re.split(r"(<\w+>)", key)
    return re.compile(
        "".join(PARTS.get(p, r"[\w-]+") if p.startswith("<") else re.escape(p) for p in parts) + "$"
    )


def figure_rows(page: Path) -> list[Row]:
    rows = []
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 6:
            for key in re.findall(r"`([^`]+)`", cells[0]):
                rows.append(Row(key, pattern_of(key), cells[4]))
    return rows


def test_every_figure_of_the_demo_is_described(demo):
    rows = figure_rows(FIGURES)
    used = set()
    for key in json.loads((demo / "metrics.json").read_text()):
        found = [row for row in rows if row.pattern.match(key)]
        if not found and (suffix := CONTROLS.search(key)):
            found = [row for row in rows if row.pattern.match(CONTROLS.sub("", key))]
            assert any(f"`{suffix[0]}`" in row.control for row in found), f"{key}: its control"
        assert found, f"{key} is not in docs/figures.md"
        used |= {row.key for row in found}
    assert {row.key for row in rows} - used <= NOT_OF_THE_DEMO


# --- formats


def tables_described() -> dict[str, str]:
    """table -> the text below its heading"""
    own, _ = FORMATS.read_text().split("\n## Other files", 1)
    _, *parts = re.split(r"^### (.+)\n", own, flags=re.M)
    named = (re.search(r"\(`(\w+)`\)", each) or re.match(r"`(\w+)", each) for each in parts[::2])
    return dict(zip((name[1] for name in named), parts[1::2], strict=True))


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_described(name):
    text = tables_described()[name]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text, re.M)
    found = {column: "or null" in kind for column, kind in rows}
    nullable = {field.name: field.nullable for field in TABLES[name].schema}
    if name == "refined":  # "the same", with more columns
        assert {**{column: False for column in TABLES["matches"].schema.names}, **found} == nullable
        return
    assert list(found.items()) == list(nullable.items())
    assert tuple(re.findall(r"`(\w+)`", re.search(r"Key:([^.]+)\.", text)[1])) == TABLES[name].key


def file_patterns() -> list[re.Pattern]:
    """Of a folder, which ends in a slash, all that is in it; `.json` behind a name is another
    suffix of it."""
    text = FORMATS.read_text()
    names = [*re.findall(r"^### `([^`]+)`", text, re.M), "rejects/books.parquet"]
    for cell in re.findall(r"^\| (`.+?) \|", text[text.index("\n## Other files") :], re.M):
        for name in re.findall(r"`([^`]+)`", cell):
            names.append(names[-1].rpartition(".")[0] + name if name.startswith(".") else name)
    parts = (re.split(r"<[^>]+>", name) for name in names)
    return [
        re.compile(r"[^/]+".join(map(re.escape, part)) + ("" if part[-1].endswith("/") else "$"))
        for part in parts
    ]


def test_every_file_of_the_demo_is_described(demo):
    patterns = file_patterns()
    for path in sorted(path for path in demo.rglob("*") if path.is_file()):
        name = path.relative_to(demo).as_posix()
        if path.name != ".snakemake_timestamp" and not name.startswith("export/"):
            known = any(pattern.match(name) for pattern in patterns)
            assert known, f"{name} is not in docs/formats.md"


# --- architecture


def test_the_picture_of_the_rooms_is_the_order_of_imports():
    shown = re.findall(r'^ *L\d+\["(.+)"\]$', ARCHITECTURE.read_text(), re.M)
    assert [line.split(" · ") for line in shown] == LINES


def test_systems_have_the_files_that_are_named():
    text = ARCHITECTURE.read_text()
    start, end = text.index("Each has"), text.index("most have")
    for name in re.findall(r"`(\w+\.py)`", text[start:end]):
        for system in SYSTEMS:
            assert (ROOT / "src/aubert" / system / name).is_file(), f"{system}/{name}"
