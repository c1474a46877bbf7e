import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_aligned import write_aligned
from tone_speech import write_labelled

from aubert.audio import AudioError
from aubert.cli import main
from aubert.corpus.labelled import letters_of_labelled, read_labelled
from aubert.corpus.labelled_layouts import files_below, listed_files
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


def recordings_of(folder: Path) -> list[Path]:
    """Two files of 2 s at 8 kHz: silence, and behind its first second a tone."""
    sound = np.concatenate([np.zeros(8000), np.sin(np.arange(8000))]).astype(np.float32) / 2
    paths = [folder / "one.wav", folder / "two.flac"]
    for path in paths:
        soundfile.write(path, sound, 8000)
    return paths


def kaldi(tmp_path: Path, **files: str) -> Path:
    """A data directory outside of its audio; files: more, or instead."""
    one, two = recordings_of(tmp_path)
    folder = tmp_path / "data/train"
    folder.mkdir(parents=True)
    files = {
        "wav.scp": f"a {one}\nb flac -c -d -s '{two}' |\n",
        "segments": "u1 a 0.0 1.0\nu2 a 1.00 2.004\nu3 b 0.5 1.5\n",
        "text": "u1 HELLO\nu2 THE SEA\nu3 A TREE\n",
        "utt2spk": "u1 anna\nu2 anna\nu3 ben\n",
        **files,
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_kaldi_s_data_directory(tmp_path):
    found = read_labelled([kaldi(tmp_path)])
    assert [(each.utterance_id, each.speaker, each.text, each.path.name) for each in found] == [
        ("u1", "anna", "hello", "one.wav"),
        ("u2", "anna", "the sea", "one.wav"),
        ("u3", "ben", "a tree", "two.flac"),
    ]
    assert [each.num_samples() for each in found] == [16_000, 16_000, 16_000]
    quiet, loud, half = (np.abs(each.decode()) for each in found)
    assert len(quiet) == len(loud) == len(half) == 16_000
    assert quiet[:-100].max() < 1e-3 < loud[100:].mean()
    assert half[:7900].max() < 1e-3 < half[8100:].mean()
    assert listed_files(files_below(tmp_path)) == {each.path for each in found}


def test_kaldi_s_files_may_be_utterances(tmp_path):
    folder = kaldi(tmp_path, text="a HELLO\nb A TREE\n", utt2spk="a anna\nb ben\n")
    (folder / "segments").unlink()
    found = read_labelled([folder])
    assert [(each.speaker, each.num_samples()) for each in found] == [
        ("anna", 32_000),
        ("ben", 32_000),
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("text", "u9 NO\n", r"text:1: u9 has no audio in wav\.scp"),
        ("utt2spk", "u1 anna\n", r"text:2: u2 has no speaker in utt2spk"),
        ("segments", "u1 a 2 1\n", r"segments:1: the segment ends at 1 s, where it begins at 2"),
        ("segments", "u1 a x\n", r"segments:1: a segment is <utterance> <recording>"),
        ("wav.scp", "a sox in.wav -t wav - speed 1.1 |\n", r"wav\.scp:1: aubert runs no command"),
        ("wav.scp", "a ffmpeg -ss 3 -i x.wav -f wav - |\n", r"wav\.scp:1: aubert runs no command"),
        (
            "wav.scp",
            "a flac -dcs one.wav | sox - -t wav - speed 2 |\n",
            "1: aubert runs no command",
        ),
        ("wav.scp", "a cat one.wav two.flac |\n", r"wav\.scp:1: aubert runs no command"),
        ("wav.scp", "a flac -c 'one.wav |\n", r"wav\.scp:1: aubert runs no command"),
        ("wav.scp", "a gone.wav\n", r"wav\.scp:1: no file is at gone\.wav"),
    ],
)
def test_a_line_of_kaldi_s_that_cannot_be_used_is_named(tmp_path, name, text, message):
    with pytest.raises(ValueError, match=message):
        read_labelled([kaldi(tmp_path, **{name: text})])


def test_a_segment_behind_the_end_of_its_file_is_no_utterance(tmp_path):
    folder = kaldi(tmp_path, segments="u1 a 0 1\nu2 a 1 2.5\nu3 b 0 1\n")
    _, cut, _ = read_labelled([folder])
    with pytest.raises(AudioError, match=r"holds 2\.00 s, and u2 ends at 2\.5 s"):
        cut.num_samples()


def lhotse_item(path: Path) -> dict:
    source = {"type": "file", "channels": [0], "source": str(path)}
    return {"id": path.stem, "sources": [source], "sampling_rate": 8000, "num_samples": 16_000}


def supervision(name: str, recording: str, start: float, duration: float, text: str) -> dict:
    return {"id": name, "recording_id": recording, "start": start, "duration": duration,
            "channel": 0, "text": text, "speaker": "anna"}  # fmt: skip


def write_lines(path: Path, items: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(item) + "\n" for item in items)


def test_lhotse_s_supervisions_and_cuts(tmp_path):
    """The same utterances as supervisions of recordings, and in cuts, where times are the cut's."""
    one, two = recordings_of(tmp_path)
    recordings = [lhotse_item(one), lhotse_item(two)]
    own = [
        supervision("u1", "one", 0.0, 1.0, "Hello."),
        supervision("u2", "two", 0.5, 1.0, "5 sea"),
    ]
    write_lines(tmp_path / "a/x_recordings_train.jsonl.gz", recordings)
    write_lines(tmp_path / "a/x_supervisions_train.jsonl.gz", own)
    parts = [("c1", 0.25, 1.5, 1, ("u2", "two", 0.25, 1.0, "5 sea")),
             ("c2", 0.0, 1.0, 0, ("u1", "one", 0.0, 1.0, "Hello."))]  # fmt: skip
    cuts = [
        {"id": name, "type": "MonoCut", "start": start, "duration": duration, "channel": 0,
         "recording": recordings[number], "supervisions": [supervision(*inside)]}
        for name, start, duration, number, inside in parts
    ]  # fmt: skip
    write_lines(tmp_path / "b/cuts.jsonl.gz", cuts)
    found = read_labelled([tmp_path / "a"])
    assert found == read_labelled([tmp_path / "b"])
    assert [(each.speaker, each.text, each.interval_s) for each in found] == [
        ("anna", "hello", (0.0, 1.0)),
        ("anna", "five sea", (0.5, 1.5)),
    ]
    write_lines(tmp_path / "a/cuts.jsonl.gz", cuts)  # of the same utterances
    assert read_labelled([tmp_path / "a"]) == found
    (tmp_path / "a/x_recordings_train.jsonl.gz").unlink()
    with pytest.raises(ValueError, match=r"line 1: recording 'one' is in no \*recordings"):
        read_labelled([tmp_path / "a"])


def test_voices_on_channels_of_their_own_are_refused(tmp_path):
    """aubert mixes a file's channels."""
    one, _ = recordings_of(tmp_path)
    own = [supervision("u1", "one", 0.0, 1.0, "Hello."), supervision("u2", "one", 0.5, 1.0, "Yes.")]
    own[1]["channel"] = 1
    write_lines(tmp_path / "a/recordings.jsonl.gz", [lhotse_item(one)])
    write_lines(tmp_path / "a/supervisions.jsonl.gz", own)
    with pytest.raises(ValueError, match=r"line 2: u2 is of another channel than supervisions"):
        read_labelled([tmp_path / "a"])


@pytest.mark.parametrize("kind", ["kaldi", "lhotse"])
def test_what_aubert_exports_it_reads(tmp_path, kind):
    """Kaldi's audio as ffmpeg decodes it; lhotse's slices of an utterance."""
    aligned = write_aligned(tmp_path / "aligned")
    command = ["export", kind, str(aligned.results), str(tmp_path / "out")]
    assert main([*command, *aligned.arguments()]) == 0
    found = read_labelled([tmp_path / "out"])
    words = {word for own in aligned.words.values() for word, _, _ in own}
    assert len(found) >= 5 and {each.speaker for each in found} > {"118"}
    assert any(each.has_extra for each in found) == (kind == "lhotse")
    for each in found:
        assert set(each.text.split()) & {word.lower().strip(",.") for word in words}
        assert len(each.decode()) == pytest.approx(each.num_samples(), abs=2)
