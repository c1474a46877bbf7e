"""What an audio file says of itself: title, album, people, place in the book, chapter marks.

All that is read by mutagen is here. The file is not decoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

# The names that formats have for one thing, the surer first: ID3, MP4, Vorbis comments and APE,
# ASF. Audiobooks have their reader in a tag of its own or, as players take it, as composer.
_NAMES = {
    "title": ("TIT2", "\xa9nam", "title", "Title"),
    "album": ("TALB", "\xa9alb", "album", "WM/AlbumTitle"),
    "author": ("TPE2", "aART", "albumartist", "album artist", "WM/AlbumArtist",
               "TPE1", "\xa9ART", "artist", "Author"),
    "narrator": ("TXXX:NARRATOR", "TXXX:narrator", "\xa9nrt", "----:com.apple.iTunes:NARRATOR",
                 "narrator", "WM/Narrator", "TCOM", "\xa9wrt", "composer", "WM/Composer"),
    "language": ("TLAN", "----:com.apple.iTunes:LANGUAGE", "language", "WM/Language"),
    "track": ("TRCK", "trkn", "tracknumber", "track", "WM/TrackNumber"),
    "disc": ("TPOS", "disk", "discnumber", "disc", "WM/PartOfSet"),
}  # fmt: skip
# Sample entries of MP4 whose sound is encrypted: iTunes', common encryption, Audible's.
_ENCRYPTED = ("drms", "enca", "aavd")
_EMPTY = re.compile(r"unknown\b.*|various( artists)?|audio ?track ?\d*|track ?\d*|no title", re.I)
_VORBIS_MARK = re.compile(r"chapter(\d+)", re.I)


class Mark(NamedTuple):
    """Where a chapter begins. title: "" where it has none"""

    start_s: float
    title: str


class Tags(NamedTuple):
    """Nothing where the file says nothing. seconds: by its header; language: as it stands there;
    is_protected: encrypted for its shop's player; has_picture: of a cover; marks: of chapters"""

    seconds: float | None = None
    title: str | None = None
    album: str | None = None
    author: str | None = None
    narrator: str | None = None
    language: str | None = None
    track: int | None = None
    disc: int | None = None
    is_protected: bool = False
    has_picture: bool = False
    marks: tuple[Mark, ...] = ()


def read_tags(path: Path) -> Tags:
    """The tags of one audio file; empty ones where it has none or mutagen does not read it."""
    file = _opened(path)
    if file is None:
        return Tags()
    info, tags = file.info, file.tags if file.tags is not None else {}
    found: dict[str, Any] = {key: _first(tags, names) for key, names in _NAMES.items()}
    for key in ("track", "disc"):
        found[key] = _number(found[key])
    seconds = getattr(info, "length", None) or None
    return Tags(
        seconds=float(seconds) if seconds else None,
        is_protected=str(getattr(info, "codec", "")).lower() in _ENCRYPTED,
        has_picture=_picture(file) is not None,
        marks=tuple(_marks(file, tags)),
        **found,
    )


def cover_of(path: Path) -> tuple[bytes, str] | None:
    """The picture in a file, and the suffix that its format has: .jpg or .png."""
    file = _opened(path)
    data = _picture(file) if file is not None else None
    if data is None:
        return None
    return data, ".png" if data.startswith(b"\x89PNG") else ".jpg"


def _opened(path: Path):
    import mutagen

    try:
        return mutagen.File(path)
    except Exception:  # a damaged file makes it raise nearly anything; the decoder says what it is
        return None


def _first(tags: Mapping, names: Sequence[str]) -> str | None:
    for name in names:
        try:
            value = tags[name]
        except (KeyError, ValueError):
            continue
        text = _text(value)
        if text and not _EMPTY.fullmatch(text):
            return text
    return None


def _text(value: Any) -> str:
    """Of a frame, a list of values, a pair of numbers or an attribute."""
    if isinstance(value, tuple):
        return str(value[0])
    if isinstance(value, list):
        return _text(value[0]) if value else ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    return str((getattr(value, "text", None) or [value])[0]).strip().strip("\0")


def _number(text: str | None) -> int | None:
    match = re.match(r"\d+", text or "")
    number = int(match[0]) if match else 0
    return number or None


def _picture(file) -> bytes | None:
    """A JPEG or PNG: the front cover where there are several pictures."""
    tags = file.tags if file.tags is not None else {}
    found: list[tuple[bool, bytes]] = []
    for picture in getattr(file, "pictures", []):  # FLAC
        found.append((picture.type == 3, picture.data))
    for key in list(tags.keys()) if hasattr(tags, "keys") else []:
        if key.startswith("APIC"):
            found.append((tags[key].type == 3, tags[key].data))
        elif key == "covr":
            found += [(True, bytes(picture)) for picture in tags[key]]
        elif key.lower() == "metadata_block_picture":
            found += _of_vorbis(tags[key])
    usable = [one for one in found if one[1].startswith((b"\xff\xd8\xff", b"\x89PNG\r\n"))]
    return max(usable, key=lambda one: one[0])[1] if usable else None


def _of_vorbis(values: Sequence[str]) -> Iterator[tuple[bool, bytes]]:
    from base64 import b64decode

    from mutagen.flac import Picture

    for value in values:
        try:
            picture = Picture(b64decode(value))
        except Exception:  # as above
            continue
        yield picture.type == 3, picture.data


def _marks(file, tags) -> list[Mark]:
    """ID3's CHAP frames, MP4's chapter list, Vorbis comments CHAPTER001, a FLAC's cue sheet."""
    marks: list[Mark] = []
    if hasattr(tags, "getall"):
        for chapter in tags.getall("CHAP"):
            title = (chapter.sub_frames or {}).get("TIT2")
            marks.append(Mark(chapter.start_time / 1000, _text(title) if title else ""))
    for chapter in getattr(file, "chapters", None) or []:
        marks.append(Mark(float(chapter.start), chapter.title.strip()))
    for key in list(tags.keys()) if hasattr(tags, "keys") else []:
        match = _VORBIS_MARK.fullmatch(key)
        start_s = seconds_of(_text(tags[key])) if match else None
        if start_s is not None:
            marks.append(Mark(start_s, _first(tags, [f"{key}name", f"{key}NAME"]) or ""))
    sheet = getattr(file, "cuesheet", None)
    if sheet and not marks:
        rate_hz = file.info.sample_rate
        marks += [
            Mark(track.start_offset / rate_hz, "")
            for track in sheet.tracks
            if track.track_number < 170
        ]
    return ordered(marks)


def ordered(marks: Sequence[Mark]) -> list[Mark]:
    """By time, one of each; one mark alone tells no chapters."""
    found = sorted({mark.start_s: mark for mark in marks}.values())
    return found if len(found) > 1 else []


def seconds_of(text: str) -> float | None:
    """Of 01:02:03.456."""
    match = re.fullmatch(r"(?:(\d+):)?(\d+):(\d+(?:[.,]\d+)?)", text.strip())
    if not match:
        return None
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds.replace(",", "."))
