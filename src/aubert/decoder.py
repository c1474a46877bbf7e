"""Every sample that a file holds, in order, whatever its header says.

libsndfile stops at the number of samples that a header gives: at the end of the first of two MP3s
that were joined byte by byte, at once in a WAV that was never closed. Here each stream of a file
is read to its own end, with the counts of its header replaced on the way to libsndfile.
"""

from __future__ import annotations

import os
import re
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr

from aubert import ffmpeg

_READ_BYTES = 1 << 20
_BLOCK_SAMPLES = 1 << 16
# How a stream begins, by libsndfile's name of the format.
_WAV = re.compile(rb"RIFF....WAVE", re.DOTALL)
_STARTS = {
    "FLAC": re.compile(rb"fLaC[\x00\x80]\x00\x00\x22"),
    "OGG": re.compile(rb"OggS\x00[\x02\x06]"),
    "WAV": _WAV,
    "WAVEX": _WAV,
    "MP3": re.compile(rb"Xing|Info"),
}
_MAX_MARK_BYTES = 12
# Less than this in front of an MP3's first frame is what is left of a tag.
_NO_AUDIO_BYTES = 4096
_MANY_FRAMES = 1 << 24  # of an MP3: five days
_UNKNOWN = 1 << 36  # samples: more than FLAC can count
# What encoders add to an MP3's end, in samples: more than the header's count is not that.
_MAX_PADDING = 3 * 1152


@dataclass
class _Stream:
    """start, end: bytes of the file; patches: (place in the stream, what stands there instead)"""

    format: str
    start: int
    end: int
    patches: list[tuple[int, bytes]] = field(default_factory=list)


class InOrder(soundfile.SoundFile):
    """Reads on without asking where it is: behind a header's count libsndfile cannot tell, and
    soundfile seeks to where it is after every read, which takes an MP3's decoder out of step."""

    def seekable(self) -> bool:
        return False


class _Bytes:
    """A stream's bytes, patched, as a file for soundfile."""

    def __init__(self, file: BinaryIO, stream: _Stream):
        self._file, self._stream, self._at = file, stream, 0
        self._size = stream.end - stream.start

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int) -> bytes:
        self._file.seek(self._stream.start + self._at)
        data = bytearray(self._file.read(max(0, min(size, self._size - self._at))))
        for place, content in self._stream.patches:
            for at, byte in enumerate(content, place - self._at):
                if 0 <= at < len(data):
                    data[at] = byte
        self._at += len(data)
        return bytes(data)


def in_order(path: str | Path) -> tuple[int, Iterator[np.ndarray]]:
    """The rate of the file in Hz, and its samples to the last that can be decoded: mono float32
    [num_samples] in [-1, 1], in blocks of at most 65,536, at that rate.

    Raises soundfile.LibsndfileError or OSError where there is nothing to decode. A damaged stream
    ends where libsndfile finds the damage. What libsndfile does not read is left to ffmpeg.
    """
    try:
        first = info(path)
    except soundfile.LibsndfileError:
        if ffmpeg.command() is None and Path(path).suffix.lower() in SUFFIXES:
            raise  # ffmpeg would not help
        return ffmpeg.in_order(path)
    return first.samplerate, _blocks(path, first)


# Of what libsndfile reads (and RAW, which has no header, and data of other programs); the usual
# ones first.
SUFFIXES = (
    ".flac", ".wav", ".ogg", ".opus", ".mp3", ".oga", ".wave", ".aif", ".aiff", ".aifc", ".au",
    ".snd", ".sph", ".nist", ".w64", ".rf64", ".caf", ".voc",
)  # fmt: skip


def needs_ffmpeg(path: str | Path) -> bool:
    """Whether libsndfile does not read the file."""
    try:
        info(path)
    except (soundfile.LibsndfileError, OSError):
        return True
    return False


def is_counted_right(path: str | Path) -> bool:
    """Whether the count of samples that libsndfile gives may be taken without decoding: a look at
    the end of a FLAC or a WAV. Of MP3 and Ogg, and of what needs ffmpeg, it is never known."""
    try:
        first = info(path)
    except soundfile.LibsndfileError:
        return False
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if first.format == "FLAC":
            return first.frames < _UNKNOWN and not _goes_on(file, size)
        if first.format in ("WAV", "WAVEX"):
            return not _wav_patches(file, 0, size)
    return first.format not in _STARTS


def _goes_on(file: BinaryIO, size: int) -> bool:
    """Whether much of a FLAC file is left behind the last sample of its header."""
    try:
        with soundfile.SoundFile(file) as sound:
            sound.seek(sound.frames - 1)
            sound.read(1)
            return file.tell() < size
    except soundfile.LibsndfileError:
        return False  # it ends before that sample


def info(path: str | Path):
    """What libsndfile says of the first stream: two WAVs in one file it refuses."""
    try:
        return soundfile.info(str(path))
    except soundfile.LibsndfileError:
        with open(path, "rb") as file:
            heads = _found(file, _WAV)
            if len(heads) < 2 or heads[0] != 0:
                raise
            return soundfile.info(_Bytes(file, _Stream("WAV", 0, heads[1])))


def _blocks(path: str | Path, first) -> Iterator[np.ndarray]:
    if first.format not in _STARTS:
        # Their counts are sizes in bytes, which libsndfile holds against the file's own.
        with soundfile.SoundFile(str(path)) as sound:
            yield from _read_on(sound)
        return
    with open(path, "rb") as file:
        streams = _streams(file, first.format)
        for stream in streams:
            try:
                with _opened(file, stream) as sound:
                    blocks = _at_rate(_read_on(sound), sound.samplerate, first.samplerate)
                    if first.format == "MP3" and len(streams) == 1 and stream.patches:
                        blocks = _without_padding(blocks, first.frames)
                    yield from blocks
            except soundfile.LibsndfileError:
                if stream is streams[0]:
                    raise
                # What follows the first stream is none: a player plays nothing of it either.


def _read_on(sound: soundfile.SoundFile) -> Iterator[np.ndarray]:
    buffer = np.empty((_BLOCK_SAMPLES, sound.channels), np.float32)
    num_read = _BLOCK_SAMPLES
    while num_read == _BLOCK_SAMPLES:
        buffer.fill(np.nan)
        try:
            num_read = len(sound.read(out=buffer))
        except soundfile.LibsndfileError:
            # Damaged: what was decoded before lies in the buffer.
            filled = ~np.isnan(buffer[:, -1])
            num_read = _BLOCK_SAMPLES if filled.all() else int(filled.argmin())
            yield buffer[:num_read].mean(axis=1)
            return
        if num_read:
            yield buffer[:num_read].mean(axis=1)


def _at_rate(blocks: Iterator[np.ndarray], rate_hz: int, wanted_hz: int) -> Iterator[np.ndarray]:
    if rate_hz == wanted_hz:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate_hz, wanted_hz, 1)
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _without_padding(blocks: Iterator[np.ndarray], announced: int) -> Iterator[np.ndarray]:
    """Ends at the header's count where no more than an encoder's padding follows it."""
    total, kept = 0, []
    for block in blocks:
        inside = max(0, announced - total)
        total += len(block)
        if len(block) <= inside:
            yield block
            continue
        yield block[:inside]
        kept.append(block[inside:])
        if total - announced > _MAX_PADDING:
            yield from kept
            kept, announced = [], 1 << 62


@contextmanager
def _opened(file: BinaryIO, stream: _Stream) -> Iterator[soundfile.SoundFile]:
    """Of what comes through a pipe libsndfile takes no count from the end; FLAC it reads from
    files alone."""
    source = _Bytes(file, stream)
    if stream.format in ("FLAC", "WAV", "WAVEX"):
        with InOrder(source) as sound:
            yield sound
        return
    reader, writer = os.pipe()

    def feed() -> None:
        try:
            with open(writer, "wb") as pipe:
                while data := source.read(_READ_BYTES):
                    pipe.write(data)
        except BrokenPipeError:
            pass  # it is not read to its end

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    try:
        with InOrder(reader, closefd=False) as sound:
            yield sound
    finally:
        os.close(reader)
        feeder.join()


# --- where streams begin, and what their headers count


def _streams(file: BinaryIO, format: str) -> list[_Stream]:
    size = file.seek(0, os.SEEK_END)
    heads = _found(file, _STARTS[format])
    if format == "OGG":
        heads = _first_pages(file, heads)
    elif format == "MP3":
        heads = _counting_frames(file, heads)
    # A tag may lie in front of the first head; an MP3 has none where nothing counts its frames.
    has_first = heads and heads[0] - _end_of_tag(file) < _NO_AUDIO_BYTES
    heads = [*heads] if has_first else [None, *heads]
    starts = [0, *heads[1:]]
    streams = []
    for head, start, end in zip(heads, starts, [*starts[1:], size], strict=True):
        stream = _Stream(format, start, end)
        if head is not None:
            patches = _PATCHES[format](file, head, end)
            stream.patches = [(at - start, content) for at, content in patches]
        streams.append(stream)
    return streams


def _found(file: BinaryIO, pattern: re.Pattern[bytes]) -> list[int]:
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


def _end_of_tag(file: BinaryIO) -> int:
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


def _wav_patches(file: BinaryIO, head: int, end: int) -> list[tuple[int, bytes]]:
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
    "WAV": _wav_patches,
    "WAVEX": _wav_patches,
    "MP3": _mp3_patches,
    "OGG": lambda file, head, end: [],
}
