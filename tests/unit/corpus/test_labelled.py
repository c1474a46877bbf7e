from pathlib import Path

import pytest
from tone_speech import write_labelled

from aubert.corpus.labelled import read_labelled


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_labelled(tmp_path / "1h/0/clean", {"84": ["abc dea"], "9": ["ce", "ad"]})


def transcript(folder: Path) -> Path:
    return folder / "9/7/9-7.trans.txt"


def test_every_utterance_below_a_folder_by_id(folder, tmp_path):
    write_labelled(tmp_path / "9h", {"10": ["bad"]})
    found = read_labelled([tmp_path])
    assert [(each.utterance_id, each.speaker, each.text) for each in found] == [
        ("10-7-0000", "10", "bad"),
        ("84-7-0000", "84", "abc dea"),
        ("9-7-0000", "9", "ce"),
        ("9-7-0001", "9", "ad"),
    ]
    assert found[1].path == folder / "84/7/84-7-0000.flac"
    assert read_labelled([tmp_path / "9h", folder]) == found


def test_capitals_are_no_numerals_and_no_abbreviations(folder):
    path = transcript(folder)
    path.write_text("9-7-0000 THE PART I SAW IT'S MR DOE\n\n9-7-0001 CAFÉ\n", encoding="utf-8")
    found = read_labelled([folder])
    assert [each.text for each in found[1:]] == ["the part i saw it's mr doe", "cafe"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("9-7-0002 HE", r"9-7\.trans\.txt:3: 9-7-0002\.flac is not there; fetch it"),
        ("9-7-0001", r"9-7\.trans\.txt:3: 9-7-0001 has no text"),
        ("9-7-0001  ...", r"9-7\.trans\.txt:3: 9-7-0001 has no text"),
        ("9-7-0001 HE", r"txt:3: 9-7-0001 stands at .*9-7\.trans\.txt:2 already"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(folder, line, message):
    with transcript(folder).open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(ValueError, match=message):
        read_labelled([folder])


def test_a_folder_inside_another_is_refused(folder):
    with pytest.raises(ValueError, match=r"84-7-0000 stands at .* already; give each folder once"):
        read_labelled([folder, folder / "84"])


def test_what_is_no_labelled_folder_is_named(folder, tmp_path):
    for empty in (tmp_path / "absent", folder / "84/7/84-7-0000.flac"):
        with pytest.raises(ValueError, match="holds no transcripts: a labelled folder has Libri"):
            read_labelled([folder, empty])
    transcript(folder).write_bytes(b"9-7-0000 caf\xe9\n")
    with pytest.raises(ValueError, match="is not UTF-8 text"):
        read_labelled([folder])
