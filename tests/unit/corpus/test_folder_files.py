"""The table of a folder's files: each is in it once, with its use or why it has none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from aubert.corpus.folder import import_folder
from aubert.corpus.folder_files import Row, counts, lines, read_table, shown, write_table
from aubert.corpus.folder_scan import REASONS
from aubert.report import files as section
from aubert.report.run import Run

RATE_HZ = 16_000


def speech(path: Path, seconds: float = 3.0, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    level = np.repeat(rng.uniform(0.01, 0.4, int(seconds * 5)), RATE_HZ // 5)
    soundfile.write(path, level * rng.uniform(-1, 1, len(level)), RATE_HZ)
    return path


@pytest.fixture(scope="module")
def ffmpeg() -> str:
    return pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()


def converted(ffmpeg: str, source: Path, target: Path, *options: str) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [ffmpeg, "-loglevel", "error", "-y", "-i", str(source), *options, str(target)]
    subprocess.run(command, check=True)
    return target


def test_every_file_of_a_folder_is_in_the_table_once(tmp_path, ffmpeg):
    """The suffixes that were passed over without a word: .aax, .wma, .aiff, .m4p and others."""
    root = tmp_path / "library"
    wav = speech(tmp_path / "a.wav")
    book = root / "Ann/Emma"
    converted(ffmpeg, wav, book / "01.wma")
    converted(ffmpeg, wav, book / "02.m4a")
    shutil.move(book / "02.m4a", book / "02.m4p")  # bought without protection
    speech(book / "03.aiff", seed=3)
    speech(book / "04.flac", seed=4)
    converted(ffmpeg, wav, book / "05.mka")
    converted(ffmpeg, wav, book / "06.ac3")
    (book / "08.aax").write_bytes(b"\0\0\0\x18ftypaax \0\0\0\0aax M4B mp42 isom" * 9)
    (book / "09.mp3").write_text("<html>Not found</html>")
    (book / "10.mp3").touch()
    (book / "11.m4b.part").write_bytes(b"half of it")
    (book / "emma.txt").write_text("Emma.")
    (book / "emma.html").write_text("<p>Emma.</p>")
    (book / "cover.jpg").write_bytes(b"\xff\xd8\xff")
    (book / "back.png").write_bytes(b"\x89PNG")
    (book / "emma.pdf").write_text("%PDF")
    (book / "list.m3u").write_text("01.mp3")
    (book / "lost.cue").write_text('FILE "lost.wav" WAVE\n TRACK 01 AUDIO\n INDEX 01 00:00:00')
    (book / "._04.flac").write_text("of a Mac")
    (root / "texts.zip").write_bytes(b"PK")
    (root / os.fsdecode(b"caf\xe9.flac")).write_bytes(b"fLaC")
    rows = import_folder(root, tmp_path / "out")
    found = {row.path.removeprefix("Ann/Emma/"): row.reason or row.use for row in rows}
    assert found == {
        "01.wma": "audio", "02.m4p": "audio", "03.aiff": "audio", "04.flac": "audio",
        "05.mka": "audio", "06.ac3": "audio", "08.aax": "protected", "09.mp3": "unreadable",
        "10.mp3": "empty", "11.m4b.part": "incomplete", "emma.txt": "other_text",
        "emma.html": "text", "cover.jpg": "cover", "back.png": "other_picture",
        "emma.pdf": "document", "list.m3u": "other", "lost.cue": "cue_of_nothing",
        "._04.flac": "hidden", "texts.zip": "archive", "caf\\xe9.flac": "name_not_utf8",
    }  # fmt: skip
    on_disk = [path for path in root.rglob("*") if path.is_file()]
    assert len(rows) == len(found) == len(on_disk)
    for name in ("01.wma", "02.m4p", "05.mka", "06.ac3"):
        (row,) = (row for row in rows if row.path.endswith(name))
        assert row.seconds == pytest.approx(3.0, abs=0.1) and row.recordings == 1
    assert "DRM" in shown(rows) and str(tmp_path) not in shown(rows)
    assert read_table(tmp_path / "out/files.json") == rows


def test_what_is_not_used_without_ffmpeg_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    speech(tmp_path / "books/01.flac")
    (tmp_path / "books/02.wma").write_bytes(b"something")
    with pytest.raises(
        ValueError, match=r"02\.wma needs ffmpeg.*apt install ffmpeg.*imageio-ffmpeg"
    ):
        import_folder(tmp_path / "books", tmp_path / "out")


def test_reasons_are_a_closed_vocabulary():
    with pytest.raises(AssertionError):
        from aubert.corpus.folder_plan import Fate

        Fate("none", "because")
    assert all(remedy and not remedy.endswith(".") for remedy in REASONS.values())


ROWS = [
    *(Row(f"Emma/{number:02}.mp3", "audio", None, "Emma", 1, 60.0) for number in range(1, 13)),
    Row("Emma/13.mp3", "audio", None, "Emma", 1, 56.2, 28.7),
    Row("Emma/all.m4b", "none", "duplicate", "Emma/01.mp3"),
    Row("Emma/emma.txt", "text", None, "Emma - emma"),
]


def test_neighbours_of_one_fate_are_one_line(tmp_path):
    assert [line[0] for line in lines(ROWS)] == [
        "Emma/01.mp3 ... 12.mp3 (12 files)", "Emma/13.mp3", "Emma/all.m4b", "Emma/emma.txt",
    ]  # fmt: skip
    assert lines(ROWS)[1][2] == "Emma; 56.2 s of sound, the header says 28.7 s"
    assert counts(ROWS) == (
        "folder: 15 files: 13 audio, 1 text, 1 not used (1 duplicate); 13 recordings"
    )
    assert len(shown(ROWS).splitlines()) == 15 + 2
    assert max(map(len, shown([Row("x" * 300, "audio", None, "y" * 300)], True).split("\n"))) < 200
    write_table(tmp_path / "files.json", ROWS)
    assert read_table(tmp_path / "files.json") == ROWS
    (tmp_path / "files.json").write_text('{"no": "table"}')
    for name in ("files.json", "absent.json"):
        with pytest.raises(ValueError, match=name):
            read_table(tmp_path / name)


def test_the_report_shows_the_table(tmp_path):
    run = Run(tmp_path, tmp_path, None, {})
    assert section.section(run) is None
    (tmp_path / "corpus").mkdir()
    write_table(tmp_path / "corpus/files.json", ROWS)
    found = section.section(run)
    assert found.lead.startswith("15 files: 13 audio, 1 text, 1 not used (1 duplicate)")
    (table,) = found.blocks
    assert list(table.rows) == lines(ROWS)
