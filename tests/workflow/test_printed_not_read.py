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


def test_the_words_of_a_french_passage_lie_where_it_is_read(words):
    """English's phones say little of French, so that the words beside the passage bound it."""
    rows = words["F1 french"]
    names = [row["word"] for row in rows]
    first, last = names.index("Je"), names.index("savoir")
    passage = "Je ne comprends pas ce que vous dites monsieur et je ne veux pas le savoir"
    assert names[first : last + 1] == passage.split()
    starts_ms = [row["recording_start_ms"] for row in rows[first : last + 1]]
    assert starts_ms == sorted(starts_ms)
    # Silence surrounds the passage.
    assert starts_ms[0] == pytest.approx(18_760, abs=100)
    last_ms = rows[last]["end_ms"] - rows[last]["start_ms"]
    assert starts_ms[-1] + last_ms == pytest.approx(22_790, abs=100)
