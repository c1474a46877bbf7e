from pathlib import Path

import pytest
from tone_speech import write_labelled

from aubert.corpus.labelled import letters_of_labelled, read_labelled
from aubert.text.languages import pack_of


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


def with_text(root: Path, lines: list[str]) -> Path:
    """A folder whose utterances have these transcripts."""
    folder = write_labelled(root, {"1": ["abc"] * len(lines)})
    text = "".join(f"1-7-{number:04} {line}\n" for number, line in enumerate(lines))
    (folder / "1/7/1-7.trans.txt").write_text(text, encoding="utf-8")
    return folder


def test_letters_outside_the_vocabulary_are_named_and_never_dropped(tmp_path, faults):
    """Each line of the fault's files, in English's letters and in those of the transcripts."""
    found = {}
    for path in sorted((faults / "B05-mixed-script").glob("*.txt")):
        lines = [line.split(" ", 1)[1] for line in path.read_text("utf-8").splitlines()]
        folder = with_text(tmp_path / path.stem, lines)
        unwritten = [each.unwritten for each in read_labelled([folder])]
        letters = letters_of_labelled([folder])
        pack = pack_of("en").with_only(letters)
        learned = [each.text for each in read_labelled([folder], pack)]
        found[path.stem.partition(".")[0]] = unwritten, learned
    assert found["russian"] == (["приветм", "кадел"], ["привет мир", "как дела"])
    assert found["mixed"][0] == ["привет", "今天", "", ""]
    assert found["mixed"][1][:2] == ["he said привет to the man", "今天 is monday"]
    assert found["accents"][0] == ["ß", "żłćź", "ß", ""]
    assert found["accents"][1][:2] == ["schöne grüße aus zürich", "żółć źdźbło ñandú façade"]
    unwritten, learned = found["digits"]
    assert unwritten == ["", "", "", "@#+"]
    assert learned[1] == "call five five five one two three four at ten thirty am"


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("1914-18 and 12-15", "nineteen fourteen eighteen and twelve fifteen"),
        ("Call 0171-5550, 007!", "call zero one seven one five five five zero zero zero seven"),
        ("It cost $5.50 — 50% more…", "it cost five dollars and fifty cents fifty percent more"),
    ],
)
def test_digits_are_read_by_the_packs_rule(tmp_path, written, spoken):
    (utterance,) = read_labelled([with_text(tmp_path, [written])])
    assert utterance.text == spoken and utterance.has_digits and not utterance.unwritten


def test_transcripts_in_another_language(tmp_path):
    folder = with_text(tmp_path, ["Schöne Grüße um 17.30 Uhr", "L’été"])
    found = read_labelled([folder], pack_of("de"))
    assert found[0].text == "schöne grüße um siebzehn uhr dreißig"
    assert found[1].text == "l'ete" and not found[1].unwritten  # é is borrowed
    assert "ß" in letters_of_labelled([folder]) and "q" not in letters_of_labelled([folder])


def test_mls_and_any_audio(tmp_path):
    """MLS's layout, with a byte-order mark, and formats that libsndfile reads."""
    for name, suffix in (("10_20_000001", ".opus"), ("9_20_000000", ".flac")):
        speaker, book, _ = name.split("_")
        path = tmp_path / "train/audio" / speaker / book / f"{name}{suffix}"
        path.parent.mkdir(parents=True)
        path.touch()
    lines = "10_20_000001\tdie straße\n9_20_000000\tund so weiter\n"
    (tmp_path / "train/transcripts.txt").write_text(lines, encoding="utf-8-sig")
    found = read_labelled([tmp_path], pack_of("de"))
    assert [(each.utterance_id, each.speaker, each.text, each.path.name) for each in found] == [
        ("10_20_000001", "10", "die straße", "10_20_000001.opus"),
        ("9_20_000000", "9", "und so weiter", "9_20_000000.flac"),
    ]
    (tmp_path / "train/transcripts.txt").write_text("10-20 die\n")
    with pytest.raises(ValueError, match="txt:1: '10-20 die' is no id of MLS"):
        read_labelled([tmp_path])
