"""Titles, people, places and chapter marks in audio files, and in cue sheets beside them."""

from __future__ import annotations

import base64
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile
from mutagen import id3
from mutagen.flac import FLAC, CueSheetTrack, CueSheetTrackIndex, Picture

from aubert.corpus.convert import spans
from aubert.corpus.cue import read_cue
from aubert.corpus.tags import Mark, Tags, cover_of, read_tags

JPEG = b"\xff\xd8\xff\xe0 a picture"
PNG = b"\x89PNG\r\n\x1a\n a picture"


def sound(path: Path, seconds: float = 3.0) -> Path:
    time_s = np.arange(int(seconds * 16_000)) / 16_000
    tone = 0.2 * np.sin(2 * np.pi * 300 * time_s)
    kind = {"format": "OGG", "subtype": "OPUS"} if path.suffix == ".opus" else {}
    soundfile.write(path, tone, 16_000, **kind)
    return path


def test_id3(tmp_path):
    path = sound(tmp_path / "a.mp3")
    tags = id3.ID3()
    for frame in (
        id3.TIT2(3, "Chapter 1"), id3.TALB(3, "Emma"), id3.TPE1(3, "Jane Austen"),
        id3.TCOM(3, "Ann Smith"), id3.TRCK(3, "3/12"), id3.TPOS(3, "2/2"), id3.TLAN(3, "eng"),
        id3.APIC(3, "image/png", 4, "back", PNG), id3.APIC(3, "image/jpeg", 3, "front", JPEG),
    ):  # fmt: skip
        tags.add(frame)
    for number, start_ms in ((2, 1500), (1, 0)):
        title = id3.TIT2(3, f"Part {number}")
        tags.add(id3.CHAP(f"c{number}", start_ms, start_ms + 1500, sub_frames=[title]))
    tags.save(path)
    found = read_tags(path)
    assert found == Tags(
        seconds=pytest.approx(3.0, abs=0.2),
        title="Chapter 1",
        album="Emma",
        author="Jane Austen",
        narrator="Ann Smith",
        language="eng",
        track=3,
        disc=2,
        has_picture=True,
        marks=(Mark(0.0, "Part 1"), Mark(1.5, "Part 2")),
    )
    assert cover_of(path) == (JPEG, ".jpg")


@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".opus"])
def test_vorbis_comments(tmp_path, suffix):
    path = sound(tmp_path / f"a{suffix}")
    file = mutagen.File(path)
    picture = Picture()
    picture.data, picture.type, picture.mime = PNG, 3, "image/png"
    if suffix == ".flac":
        file.add_picture(picture)
    else:
        file["metadata_block_picture"] = base64.b64encode(picture.write()).decode()
    for key, value in {
        "title": "One", "album": "Unknown Album", "artist": "Jane Austen", "narrator": "Ann",
        "tracknumber": "07", "discnumber": "1", "language": "German",
        "CHAPTER001": "00:00:00.000", "CHAPTER001NAME": "First",
        "CHAPTER002": "00:00:01.250", "CHAPTER002NAME": "Second",
    }.items():  # fmt: skip
        file[key] = value
    file.save()
    found = read_tags(path)
    assert (found.title, found.album, found.author) == ("One", None, "Jane Austen")
    assert (found.narrator, found.track, found.disc, found.language) == ("Ann", 7, 1, "German")
    assert found.marks == (Mark(0.0, "First"), Mark(1.25, "Second"))
    assert cover_of(path) == (PNG, ".png")


def test_the_cue_sheet_in_a_flac(tmp_path):
    path = sound(tmp_path / "a.flac")
    file = FLAC(path)
    file.add_tags() if file.tags is None else None
    sheet = mutagen.flac.CueSheet(None)
    for number, start in ((1, 0), (2, 24_000), (170, 48_000)):  # the last is the end
        track = CueSheetTrack(number, start)
        track.indexes.append(CueSheetTrackIndex(1, 0))
        sheet.tracks.append(track)
    file.metadata_blocks.append(sheet)
    file.cuesheet = sheet
    file.save()
    assert read_tags(path).marks == (Mark(0.0, ""), Mark(1.5, ""))


@pytest.mark.parametrize("content", [b"", b"no audio", b"ID3\x04\0\0\0\0\0\x7fTIT2"])
def test_what_cannot_be_read_has_no_tags(tmp_path, content):
    path = tmp_path / "a.mp3"
    path.write_bytes(content)
    assert read_tags(path)._replace(seconds=None) == Tags()
    assert cover_of(path) is None


def test_chapters_hold_all_of_the_sound():
    # The first begins with the file, the last ends with it; marks upon each other are one.
    marks = [Mark(4.0, "a"), Mark(10.0, "b"), Mark(10.1, "c"), Mark(20.0, "d")]
    assert spans(marks) == [(0.0, 10.0, "a"), (10.0, 20.0, "b"), (20.0, None, "d")]


def test_cue_sheets(tmp_path):
    path = tmp_path / "Emma.cue"
    path.write_bytes(
        'TITLE "Emma"\r\nFILE "C:\\books\\Émma.wav" WAVE\r\n'
        '  TRACK 01 AUDIO\r\n    TITLE "One, the first"\r\n    INDEX 01 00:00:00\r\n'
        "  TRACK 02 AUDIO\r\n    INDEX 00 01:01:50\r\n    INDEX 01 75:02:15\r\n"
        'FILE "other.mp3" MP3\r\n  TRACK 03 AUDIO\r\n    TITLE "Three"\r\n'
        "    INDEX 01 00:00:00\r\n".encode("cp1252")
    )  # fmt: skip
    assert read_cue(path) == {
        "Émma.wav": [Mark(0.0, "One, the first"), Mark(75 * 60 + 2.2, "")],
        "other.mp3": [Mark(0.0, "Three")],
    }
    path.write_text("nothing of the kind")
    assert read_cue(path) == {}
