"""Every sample that a file holds, in order, whatever its header says.

libsndfile stops at the number of samples that a header gives: at the end of the first of two MP3s
that were joined byte by byte, at once in a WAV that was never closed. Here each stream of a file
is read to its own end, with the counts of its header replaced on the way to libsndfile.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr

from aubert import ffmpeg, flac
from aubert.streams import (
    STARTS,
    WAV,
    Stream,
    end_of_tag,
    found_in,
    streams_of,
    wav_patches,
)

_READ_BYTES = 1 << 20
_BLOCK_SAMPLES = 1 << 16
UNKNOWN = 1 << 36  # samples: what libsndfile gives where a header does not say how many
# What libsndfile's log says of a size in a header that is not that of the file.
_SIZES = re.compile(r"(\d+) \(should be (\d+)\)")
_OPEN_BYTES = 0x7FFF0000  # of such a size, and more: the file was never closed
_NIST_BYTES, _NIST_COUNT = 1024, re.compile(rb"sample_count -i (\d+)")
# What encoders add to an MP3's end, in samples: more than the header's count is not that.
_MAX_PADDING = 3 * 1152


class InOrder(soundfile.SoundFile):
    """Reads on without asking where it is: behind a header's count libsndfile cannot tell, and
    soundfile seeks to where it is after every read, which takes an MP3's decoder out of step."""

    def seekable(self) -> bool:
        return False


class _Bytes:
    """A stream's bytes, patched, as a file for soundfile."""

    def __init__(self, file: BinaryIO, stream: Stream):
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

    Raises soundfile.LibsndfileError or OSError where there is nothing to decode. What libsndfile
    does not read is left to ffmpeg, and so is what follows where it finds damage: ffmpeg leaves
    that out and goes on.
    """
    try:
        first = info(path)
    except soundfile.LibsndfileError:
        if ffmpeg.command() is None and Path(path).suffix.lower() in SUFFIXES:
            raise  # ffmpeg would not help
        return ffmpeg.in_order(path)
    return first.samplerate, _with_what_follows_damage(path, first)


# Of what libsndfile reads (and RAW, which has no header, and data of other programs); the usual
# ones first.
SUFFIXES = (
    ".flac", ".wav", ".ogg", ".opus", ".mp3", ".oga", ".wave", ".aif", ".aiff", ".aifc", ".au",
    ".snd", ".sph", ".nist", ".w64", ".rf64", ".caf", ".voc",
)  # fmt: skip


def needs_ffmpeg(path: str | Path) -> bool:
    """Whether libsndfile does not read the file."""
    return format_of(path) is None


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
            return first.frames < UNKNOWN and not flac.goes_on(file, end_of_tag(file))
        if first.format in ("WAV", "WAVEX"):
            return not wav_patches(file, 0, size)
    return first.format not in STARTS


def announced(path: str | Path) -> int | None:
    """The count of samples in the header of the first stream; None where there is none.

    Of formats that hold sizes in bytes libsndfile takes what is there; its log has both sizes.
    """
    try:
        first = soundfile.info(str(path))
    except soundfile.LibsndfileError:
        return None
    if first.frames >= UNKNOWN:
        return None
    if first.format == "NIST":
        with open(path, "rb") as file:
            count = _NIST_COUNT.search(file.read(_NIST_BYTES))
        return int(count[1]) if count else first.frames
    for size, there in reversed(_SIZES.findall(first.extra_info)):
        if not 0 < int(size) < _OPEN_BYTES:
            return None
        if int(size) > int(there) > 0:
            return round(first.frames * int(size) / int(there))
    return first.frames or None


def format_of(path: str | Path) -> str | None:
    """libsndfile's name of the format; None where it does not read the file."""
    try:
        return info(path).format
    except (soundfile.LibsndfileError, OSError):
        return None


def info(path: str | Path):
    """What libsndfile says of the first stream: two WAVs in one file it refuses."""
    try:
        return soundfile.info(str(path))
    except soundfile.LibsndfileError:
        with open(path, "rb") as file:
            heads = found_in(file, WAV)
            if len(heads) < 2 or heads[0] != 0:
                raise
            return soundfile.info(_Bytes(file, Stream("WAV", 0, heads[1])))


def _with_what_follows_damage(path: str | Path, first) -> Iterator[np.ndarray]:
    num_done = 0
    try:
        for block in _blocks(path, first):
            yield block
            num_done += len(block)
        return
    except soundfile.LibsndfileError as error:
        try:
            rate_hz, rest = ffmpeg.in_order(path)
        except OSError:  # it finds nothing either, or is not there
            if num_done == 0:
                raise error from None
            return
    for block in _at_rate(rest, rate_hz, first.samplerate):
        yield block[num_done:]
        num_done = max(0, num_done - len(block))


def _blocks(path: str | Path, first) -> Iterator[np.ndarray]:
    """Raises soundfile.LibsndfileError behind the last block before damage."""
    if first.format not in STARTS:
        # Their counts are sizes in bytes, which libsndfile holds against the file's own.
        with soundfile.SoundFile(str(path)) as sound:
            yield from _read_on(sound)
        return
    with open(path, "rb") as file:
        streams = streams_of(file, first.format)
        for stream in streams:
            is_sound = stream is streams[0]
            try:
                with _opened(file, stream) as sound:
                    blocks = _at_rate(_read_on(sound), sound.samplerate, first.samplerate)
                    if first.format == "MP3" and len(streams) == 1 and stream.patches:
                        blocks = _without_padding(blocks, first.frames)
                    for block in blocks:
                        is_sound = True
                        yield block
            except soundfile.LibsndfileError:
                if is_sound:
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
            raise
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
def _opened(file: BinaryIO, stream: Stream) -> Iterator[soundfile.SoundFile]:
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
