"""Where the streams of an audio file begin, and what their headers count."""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass, field
from typing import BinaryIO

_READ_BYTES = 1 << 20
# How a stream begins, by libsndfile's name of the format.
WAV = re.compile(rb"RIFF....WAVE", re.DOTALL)
STARTS = {
    "FLAC": re.compile(rb"fLaC[\x00\x80]\x00\x00\x22"),
    "OGG": re.compile(rb"OggS\x00[\x02\x06]"),
    "WAV": WAV,
    "WAVEX": WAV,
    "MP3": re.compile(rb"Xing|Info"),
}
_MAX_MARK_BYTES = 12
# Less than this in front of an MP3's first frame is what is left of a tag.
_NO_AUDIO_BYTES = 4096
_MANY_FRAMES = 1 << 24  # of an MP3: five days


@dataclass
class Stream:
    """start, end: bytes of the file; patches: (place in the stream, what stands there instead)"""

    format: str
    start: int
    end: int
    patches: list[tuple[int, bytes]] = field(default_factory=list)


def streams_of(file: BinaryIO, format: str) -> list[Stream]:
    size = file.seek(0, os.SEEK_END)
    heads = found_in(file, STARTS[format])
    if format == "OGG":
        heads = _first_pages(file, heads)
    elif format == "MP3":
        heads = _counting_frames(file, heads)
    # A tag may lie in front of the first head; an MP3 has none where nothing counts its frames.
    has_first = heads and heads[0] - end_of_tag(file) < _NO_AUDIO_BYTES
    heads = [*heads] if has_first else [None, *heads]
    starts = [0, *heads[1:]]
    streams = []
    for head, start, end in zip(heads, starts, [*starts[1:], size], strict=True):
        stream = Stream(format, start, end)
        if head is not None:
            patches = _PATCHES[format](file, head, end)
            stream.patches = [(at - start, content) for at, content in patches]
        streams.append(stream)
    return streams


def found_in(file: BinaryIO, pattern: re.Pattern[bytes]) -> list[int]:
    file.seek(0)
    found, window, at = set(), b"", 0
    while data := file.read(_READ_BYTES):
        window = window[-_MAX_MARK_BYTES:] + data
        at += len(data)
        found |= {at - len(window) + match.start() for match in pattern.finditer(window)}
    return sorted(found)


def _bytes_at(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


def end_of_tag(file: BinaryIO) -> int:
    """Where an ID3 tag at the start of the file ends."""
    head = _bytes_at(file, 0, 10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = 0
    for byte in head[6:]:
        size = size << 7 | byte & 0x7F
    return 10 + size


def _flac_patches(file: BinaryIO, head: int, end: int) -> list[tuple[int, bytes]]:
    """The count's 36 bits as zero, which says that it is not known (RFC 9639, 8.2)."""
    at = head + 18
    fields = int.from_bytes(_bytes_at(file, at, 8), "big")
    return [(at, (fields >> 36 << 36).to_bytes(8, "big"))]


def wav_patches(file: BinaryIO, head: int, end: int) -> list[tuple[int, bytes]]:
    """The size of the data, where no chunk follows at its end: the sound goes on to the end."""
    at = head + 12
    while True:
        chunk = _bytes_at(file, at, 8)
        if len(chunk) < 8:
            return []
        name, (size,) = chunk[:4], struct.unpack("<I", chunk[4:])
        if name == b"data":
            break
        at += 8 + size + size % 2
    start = at + 8
    if size and _are_chunks(file, start + size + size % 2, end):
        return []
    left = end - start
    return [(head + 4, struct.pack("<I", end - head - 8)), (at + 4, struct.pack("<I", left))]


def _are_chunks(file: BinaryIO, at: int, end: int) -> bool:
    """Whether only chunks, whole ones, lie from here to the end; or less than a chunk's head."""
    while at + 8 <= end:
        chunk = _bytes_at(file, at, 8)
        name, (size,) = chunk[:4], struct.unpack("<I", chunk[4:])
        is_name = all(0x20 <= byte < 0x7F for byte in name) and name != b"RIFF"
        if not is_name or at + 8 + size > end:
            return False
        at += 8 + size + size % 2
    return True


def _first_pages(file: BinaryIO, heads: list[int]) -> list[int]:
    """The first of the pages with which the streams of an Ogg file begin: of several streams
    beside each other those follow without a gap (RFC 3533, 4)."""
    kept, expected = [], -1
    for head in heads:
        if head != expected:
            kept.append(head)
        page = _bytes_at(file, head, 27 + 255)
        expected = head + 27 + page[26] + sum(page[27 : 27 + page[26]])
    return kept


# Of MPEG 1, 2 and 2.5: the size of what lies between a frame's four bytes and Xing's mark, of
# stereo and of one channel.
_SIDE_BYTES = {3: (32, 17), 2: (17, 9), 0: (17, 9)}


def _counting_frames(file: BinaryIO, marks: list[int]) -> list[int]:
    """Where the frames begin that hold Xing's marks: one stands at the start of each MP3."""
    found = []
    for mark in marks:
        for side in (32, 17, 9):
            at = mark - 4 - side
            head = _bytes_at(file, at, 4) if at >= 0 else b""
            if len(head) < 4 or head[0] != 0xFF or head[1] >> 5 != 7:
                continue
            sides = _SIDE_BYTES.get(head[1] >> 3 & 3)
            if sides and sides[head[3] >> 6 == 3] == side and head[1] >> 1 & 3 == 1:
                found.append(at)
                break
    return found


def _mp3_patches(file: BinaryIO, head: int, end: int) -> list[tuple[int, bytes]]:
    """The count of frames, as more than there are: what LAME says of the start is kept so."""
    frame = _bytes_at(file, head, 64)
    mark = re.search(rb"Xing|Info", frame).start()
    has_count = frame[mark + 7] & 1
    return [(head + mark + 8, _MANY_FRAMES.to_bytes(4, "big"))] if has_count else []


_PATCHES = {
    "FLAC": _flac_patches,
    "WAV": wav_patches,
    "WAVEX": wav_patches,
    "MP3": _mp3_patches,
    "OGG": lambda file, head, end: [],
}
