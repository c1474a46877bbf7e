"""A folder of audiobooks becomes a corpus, whatever its layout and formats."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from aubert.cli import main
from aubert.corpus.books import Bookshelf
from aubert.corpus.folder import import_folder
from aubert.corpus.folder_files import counts, read_table
from aubert.corpus.folder_scan import scan
from aubert.corpus.index import index
from aubert.corpus.shards import listed
from aubert.stage import Reject


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch) -> str:
    binary = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    (tmp_path / "bin").mkdir()
    os.symlink(binary, tmp_path / "bin/ffmpeg")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return binary


def say(path: Path, rate_hz: int = 22_050, seconds: float = 2.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    time_s = np.arange(int(seconds * rate_hz)) / rate_hz
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 300 * time_s), rate_hz)
    return path


def indexed(out: Path) -> dict[str, dict | str]:
    """recording id -> its row, or why it is rejected"""
    files = listed(out / "librilight", out / "shards/0.json")
    found = index(out / "librilight", files)
    return {
        row.id if isinstance(row, Reject) else row["recording_id"]: (
            row.reason if isinstance(row, Reject) else row
        )
        for row in found
    }


def test_formats_that_only_ffmpeg_reads_come_as_flac_by_chapters(tmp_path, ffmpeg):
    root, out = tmp_path / "my books", tmp_path / "out"
    wav = say(tmp_path / "whole.wav", 44_100, 6.0)
    marks = tmp_path / "marks.ini"
    spans = "".join(
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={end}\n"
        for start, end in ((0, 2500), (2500, 6000))
    )
    marks.write_text(f";FFMETADATA1\n{spans}")
    root.mkdir()
    command = [ffmpeg, "-loglevel", "error", "-i", wav, "-i", marks, "-map_metadata", "1"]
    subprocess.run(
        [*command, "-map_chapters", "1", "-c:a", "aac", root / "it's a book.m4b"], check=True
    )
    subprocess.run([ffmpeg, "-loglevel", "error", "-i", wav, root / "plain.m4a"], check=True)
    say(root / "Zoe/One/01.aiff")  # libsndfile reads it, though it is not named as the others
    (root / "broken.m4a").write_bytes(b"nothing")
    (root / "text.txt").write_text("It is a book.")
    rows = import_folder(root, out)
    assert counts(rows) == (
        "folder: 5 files: 3 audio, 1 text, 1 not used (1 unreadable); 4 recordings"
    )
    found = indexed(out)
    book = "folder/my books/my books"
    assert found.pop(f"{book}/broken") == "audio_unreadable"
    assert {name: row["num_samples"] / row["sample_rate_hz"] for name, row in found.items()} == {
        f"{book}/it's a book - 001": pytest.approx(2.5, abs=0.05),
        f"{book}/it's a book - 002": pytest.approx(3.5, abs=0.1),
        f"{book}/plain": pytest.approx(6.0, abs=0.1),
        "folder/Zoe/One/01": 2.0,
    }
    assert found[f"{book}/plain"]["sample_rate_hz"] == 44_100
    assert found[f"{book}/plain"]["book_id"] == "text"
    assert found["folder/Zoe/One/01"]["book_id"] is None
    # Both chapters together are the whole file.
    whole_s = sum(found[f"{book}/it's a book - 00{n}"]["num_samples"] for n in (1, 2)) / 44_100
    assert whole_s == pytest.approx(6.0, abs=0.05)
    # The second chapter has the tone from its first sample on.
    samples, _ = soundfile.read(out / f"librilight/{book}/it's a book - 002.flac")
    assert np.abs(samples[2000:4000]).max() > 0.2


def test_joined_damaged_and_cut_off_files_are_used_to_their_last_sample(tmp_path, ffmpeg, capsys):
    root, out = tmp_path / "books", tmp_path / "out"
    parts = [say(tmp_path / f"{seconds}.flac", seconds=seconds) for seconds in (6.0, 3.0)]
    for name in ("Joined", "Damaged", "Cut"):
        (root / name).mkdir(parents=True)
    (root / "Joined/01.flac").write_bytes(b"".join(part.read_bytes() for part in parts))
    whole = parts[0].read_bytes()
    middle = len(whole) // 2
    (root / "Damaged/01.flac").write_bytes(whole[:middle] + b"damage" * 50 + whole[middle + 300 :])
    wav = say(tmp_path / "a.wav", seconds=6.0).read_bytes()
    (root / "Cut/01.wav").write_bytes(wav[: len(wav) // 3])
    for one in import_folder(root, out):
        assert one.use == "audio" and one.announced_s == pytest.approx(6.0, abs=0.01)
    found = indexed(out)
    assert {name: row["num_samples"] / 22_050 for name, row in found.items()} == {
        "folder/Joined/Joined/01": pytest.approx(9.0),
        "folder/Damaged/Damaged/01": pytest.approx(5.6, abs=0.4),
        "folder/Cut/Cut/01": pytest.approx(2.0, abs=0.01),
    }
    assert capsys.readouterr().err.count("all of that is used") == 3


@pytest.fixture
def no_ffmpeg(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)


def test_without_ffmpeg_a_file_that_needs_it_is_named(tmp_path, no_ffmpeg):
    say(tmp_path / "books/01.flac")
    (tmp_path / "books/02.m4b").write_bytes(b"something")
    (tmp_path / "books/book.txt").write_text("Text.")
    with pytest.raises(ValueError, match=r"02\.m4b needs ffmpeg to be read: install ffmpeg"):
        import_folder(tmp_path / "books", tmp_path / "out")


def test_what_did_not_change_keeps_its_files(tmp_path):
    root = tmp_path / "books"
    out = root / "results/mine/corpus"  # inside the folder itself
    say(root / "Ann/Emma/1.wav")
    say(root / "Ann/Emma/2.flac")
    (root / "Ann/Emma/1.txt").write_bytes("\ufeffOne – “one”.".encode("utf-16-le"))
    second = "“It’s late”, she said – and the light of the candle went out."
    (root / "Ann/Emma/2.txt").write_bytes(second.encode("cp1252"))
    import_folder(root, out)
    joined = Bookshelf(out / "books").text("Ann - Emma (chapters)")
    assert joined == f"One – “one”.\n\n{second}"
    rows = indexed(out)
    assert [row["book_id"] for row in rows.values()] == ["Ann - Emma (chapters)"] * 2

    def state():
        files = [
            path
            for path in out.rglob("*")
            if path.suffix in (".wav", ".mp3", ".flac", ".txt", ".json")
        ]
        return {
            str(path.relative_to(out)): path.stat(follow_symlinks=False).st_mtime_ns
            for path in files
            if path.name not in ("0.json", "files.json", ".state-0-of-1.json", ".known.json")
        }

    before = state()
    (out / "shards/0.json").unlink()  # as Snakemake does before it makes it again
    import_folder(root, out)
    assert state() == before
    say(root / "Ann/Emma/3.mp3")
    (root / "Ann/Emma/1.wav").unlink()
    say(root / "Ann/Emma/2.flac", seconds=1.0)
    import_folder(root, out)
    after = state()
    changed = {
        Path(name).name for name in after.keys() | before if after.get(name) != before.get(name)
    }
    assert {"1.wav", "1.json", "2.flac", "3.json"} <= changed
    assert {Path(name).name for name in after} >= {"2.flac", "3.mp3", "3.json"}
    assert not list((out / "librilight").rglob("1.*"))


def test_a_folder_without_audio_says_what_to_put_there(tmp_path):
    (tmp_path / "book.txt").write_text("Text.")
    with pytest.raises(ValueError, match=r"holds no audio file: put the recordings and, as .epub"):
        scan(tmp_path)


def test_the_command_prints_what_became_of_every_file(tmp_path, capsys):
    say(tmp_path / "a/1.flac")
    (tmp_path / "a/book.txt").write_text("Text.")
    (tmp_path / "a/notes.pdf").write_text("Text.")
    out = tmp_path / "out"
    assert main(["corpus", "folder", str(tmp_path / "a"), str(out)]) == 0
    table = [
        "file       used as   of what, or why not",
        "1.flac     audio     a",
        "book.txt   text      book",
        "notes.pdf  not used  document (a text that is not read: save it as .epub, .html or .txt)",
        "folder: 3 files: 1 audio, 1 text, 1 not used (1 document); 1 recordings",
    ]
    assert capsys.readouterr().out.splitlines() == table
    assert main(["corpus", "files", str(out / "files.json")]) == 0
    assert capsys.readouterr().out.splitlines() == table
    manifest = json.loads((out / "shards/0.json").read_text())
    assert manifest["recordings"] == ["librilight/folder/a/a/1.flac"]
    assert [row.path for row in read_table(out / "files.json")] == [
        "1.flac",
        "book.txt",
        "notes.pdf",
    ]
