"""A folder of audiobooks becomes a corpus, whatever its layout and formats."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import soundfile

from aubert.cli import main
from aubert.corpus.books import Bookshelf
from aubert.corpus.folder import import_folder, scan
from aubert.corpus.folder_layout import chapters, texts_of
from aubert.corpus.index import index
from aubert.corpus.shards import scan_shard


def paths(*names: str) -> list[PurePosixPath]:
    return [PurePosixPath(name) for name in names]


def test_readers_books_and_chapters_are_read_off_the_folders():
    audio = paths("01.mp3", "Emma/02.m4b", "Ann/Emma/CD1/03.ogg", "Ann/Emma/CD2/03.ogg")
    found = [(c.book.reader, c.book.title, c.name) for c in chapters(audio, "shelf")]
    assert found == [
        ("shelf", "shelf", "01"),
        ("Emma", "Emma", "02"),
        ("Ann", "Emma", "CD1 - 03"),
        ("Ann", "Emma", "CD2 - 03"),
    ]
    with pytest.raises(ValueError, match=r"Emma/02.mp3 are the same chapter: keep one"):
        chapters([*audio, *paths("Emma/02.mp3")], "shelf")


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["emma.txt", "other.txt"], ["emma.txt"]),  # by its name
        (["Ann/Emma/book.txt", "emma.txt"], ["Ann/Emma/book.txt"]),  # in its folder
        (["Ann/Emma/notes/a.txt", "Ann/Emma/b.txt"], None),  # two: by what is read
        (["Ann/Emma/2.txt", "Ann/Emma/10.txt", "Ann/Emma/about.txt"],
         ["Ann/Emma/2.txt", "Ann/Emma/10.txt"]),  # of chapters, in reading order
        (["anything.txt"], ["anything.txt"]),  # one book, one text
        (["one.txt", "two.txt"], None),
    ],
)  # fmt: skip
def test_the_text_is_the_one_that_folders_and_names_tell(texts, found):
    audio = chapters(paths("Ann/Emma/2.mp3", "Ann/Emma/10.mp3"), "shelf")
    assert texts_of(audio, paths(*texts)) == ({audio[0].book: paths(*found)} if found else {})


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


def rows_of(out: Path) -> dict[str, dict]:
    files = scan_shard(out / "librilight", ["folder"], 0, 1)
    return {row["recording_id"]: row for row in index(out / "librilight", files)}


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
    subprocess.run([*command, "-map_chapters", "1", "-c:a", "aac", root / "it's a book.m4b"], check=True)
    subprocess.run([ffmpeg, "-loglevel", "error", "-i", wav, root / "plain.m4a"], check=True)
    say(root / "Zoe/One/01.aiff")  # libsndfile reads it, though it is not named as the others
    (root / "broken.m4a").write_bytes(b"nothing")
    (root / "text.txt").write_text("It is a book.")
    said = import_folder(root, out)
    assert said == "folder: 5 recordings, 2 books, 2 of them to be found by what is read"
    rows = rows_of(out)
    broken = [row for row in rows.values() if not isinstance(row, dict)] if False else None
    assert broken is None
