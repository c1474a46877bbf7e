"""Given books whose texts hold more than the readers say: words come of what is read, no more."""

from __future__ import annotations

import re

import pytest
import yaml
from snakemake_run import ROOT, Run

from aubert import tables

FOLDERS = ("K4-french-passage", "K13-play", "K14-note-marks")
UNREAD = {
    "T05 play": r"\[.*?\]|\b(?:KEEPER|MARGARET|STRANGER)\.|A room in the lighthouse. Night.",
    "T11 footnotes": r"^[12*†] .*$|(?<=lantern)1|\(2\)|\[3\]|\[.*?\]|(?<=coin.)4|[¹*†]",
}


@pytest.fixture(scope="module")
def words(tmp_path_factory, faults) -> dict[str, list[dict]]:
    """book -> rows of `words`, of one run over all of the folders."""
    directory = tmp_path_factory.mktemp("printed")
    (directory / "audiobooks").mkdir()
    for folder in FOLDERS:
        (book,) = (faults / folder / "in").iterdir()
        (directory / "audiobooks" / book.name).symlink_to(book)
    preset = yaml.safe_load((ROOT / "workflow/presets/own-audiobooks.yaml").read_text())
    run = Run(directory, {**preset, "num_shards": 1})
    run.snakemake("dataset")
    found: dict[str, list[dict]] = {}
    for row in tables.all_rows(run.results(), "words"):
        found.setdefault(row["utterance_id"].split("/")[1], []).append(row)
    return found


@pytest.mark.parametrize("book", UNREAD)
def test_names_directions_and_marks_of_notes_are_no_words(words, faults, book):
    (path,) = faults.glob(f"K*/in/{book}/book.txt")
    read = re.sub(UNREAD[book], " ", path.read_text(encoding="utf-8"), flags=re.M)
    expected = re.findall(r"[A-Za-z0-9'’]+", read)
    assert [row["word"] for row in words[book]] == expected


def test_the_english_words_around_a_french_passage_are_timed(words):
    found = {row["word"]: row["recording_start_ms"] for row in words["F1 french"]}
    assert {"lighthouse", "murmured", "fishermen"} < found.keys()
    assert found["smiled"] == pytest.approx(24_320, abs=100)
