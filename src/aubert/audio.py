"""Recordings on disk as arrays: their length, decode slices, by blocks, resample.

Whatever libsndfile reads is taken (FLAC, WAV, Ogg, MP3), and ffmpeg, where it is installed;
channels are averaged.
Faults come as `AudioError` with a reason of the rejects table.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from aubert import decoder

SAMPLE_RATE_HZ = 16_000  # of every model and recogniser in the pipeline


class AudioError(ValueError):
    """An audio file that cannot be used; `reason` is one of the rejects table's."""

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Header:
    """sample_rate_hz: the file's own; num_samples: per channel, that can be decoded;
    num_announced: what the header says, where that is another length by half a second or more"""

    sample_rate_hz: int
    num_samples: int
    num_announced: int | None = None


_TOLERANCE_S = 0.5  # of MP3s without a count libsndfile gives an estimate
# What is decoded before a place that was sought: an MP3's frames draw on bits of those before
# (up to 511 bytes, eight frames at 8 kbit/s), an Opus decoder settles.
_PREROLL_SAMPLES = 16 * 1152


def probe(path: str | Path) -> Header:
    """Reads the header; decodes the file where the header cannot be trusted (MP3, Ogg, a FLAC or
    WAV that goes on behind its count). A FLAC that ends before its count is taken at its word.

    Raises AudioError (audio_missing, audio_unreadable, audio_empty).
    """
    with _faults_of(path):
        if not decoder.is_counted_right(path):
            header = measure(path)
            if decoder.format_of(path) == "FLAC" and is_cut_off(path, header):
                return Header(header.sample_rate_hz, header.num_announced)
            return header
        info = soundfile.info(str(path))
        if info.frames <= 0:
            raise _empty(path)
        return Header(sample_rate_hz=info.samplerate, num_samples=info.frames)


def measure(path: str | Path) -> Header:
    """As `probe`, from the decoded samples alone, so that a file that ends early has the length
    that a player plays."""
    with _faults_of(path):
        rate_hz, pieces = decoder.in_order(path)
        num_samples = sum(map(len, pieces))
        if not num_samples:
            raise _empty(path)
        announced = decoder.announced(path)
        is_exact = decoder.format_of(path) == "FLAC"
        slack = 1 if is_exact else _TOLERANCE_S * rate_hz
        differs = announced and abs(announced - num_samples) >= slack
        return Header(rate_hz, num_samples, announced if differs else None)


def is_cut_off(path: str | Path, header: Header) -> bool:
    """Whether the file's own count is above that of `header`. It is not known of MP3 and Ogg, whose
    counts are estimates, and of what ffmpeg reads."""
    if decoder.format_of(path) in (None, "MP3", "OGG"):
        return False
    return (decoder.announced(path) or 0) > header.num_samples + 1


def decode(
    path: str | Path,
    slices: Sequence[tuple[int, int]] | None = None,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
) -> np.ndarray:
    """Decodes the slices [start, end) (in the file's own samples; None: all that `probe` counts)
    of one file.

    Returns their concatenation, mono float32 [num_samples] in [-1, 1] at
    `sample_rate_hz`. Raises AudioError (audio_missing, audio_unreadable, audio_truncated).
    """
    return _joined(blocks(path, slices, sample_rate_hz))


def blocks(
    path: str | Path,
    slices: Sequence[tuple[int, int]] | None = None,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
    seconds: float = 30.0,
) -> Iterator[np.ndarray]:
    """What `decode` returns, in parts of at most about `seconds` of the file: the memory does not
    grow with the file. Raises as `decode` does, behind the last part that is there."""
    with _faults_of(path):
        if slices is None:
            own_rate_hz, pieces = decoder.in_order(path)
            pieces = _as_announced(path, pieces)
        else:
            own_rate_hz, pieces = _sliced(path, slices, seconds)
        yield from _at_rate(pieces, own_rate_hz, sample_rate_hz)


class Reader:
    """Reads slices of one file, each call as `decode`, fastest where they are asked for in order.

    FLAC and WAV are sought in. MP3 and Ogg are decoded once, from the start: it is exact, and a
    seek in an MP3 reads the file from its start to find the place.
    """

    def __init__(
        self, path: str | Path, sample_rate_hz: int = SAMPLE_RATE_HZ, in_order: bool = False
    ):
        """in_order: never seek, for files whose header is known to be wrong."""
        self._path, self._rate_hz, self._in_order = path, sample_rate_hz, in_order
        self._source: _Seeking | _Forward | None = None

    def decode(self, slices: Sequence[tuple[int, int]]) -> np.ndarray:
        """Mono float32 [num_samples] in [-1, 1] of the slices [start, end), in the file's own
        samples, joined. Raises AudioError as `decode` does; the next call may succeed."""
        try:
            with _faults_of(self._path):
                if self._source is None:
                    by_seeking = not self._in_order and decoder.is_counted_right(self._path)
                    self._source = (_Seeking if by_seeking else _Forward)(self._path)
                pieces = [self._source.read(start, end) for start, end in slices]
                own_rate_hz = self._source.sample_rate_hz
        except AudioError:
            if not isinstance(self._source, _Forward):  # that one stays at the end of the file
                self.close()
            raise
        return _joined(_at_rate(pieces, own_rate_hz, self._rate_hz))

    def close(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _joined(pieces: Iterable[np.ndarray]) -> np.ndarray:
    parts = list(pieces)
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _at_rate(
    pieces: Iterable[np.ndarray], own_rate_hz: int, wanted_hz: int
) -> Iterator[np.ndarray]:
    if own_rate_hz == wanted_hz:
        yield from pieces
        return
    stream = soxr.ResampleStream(own_rate_hz, wanted_hz, 1)
    for piece in pieces:
        yield stream.resample_chunk(piece)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _as_announced(path: str | Path, pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Raises AudioError behind the last piece of a FLAC that holds less than its header says."""
    if decoder.needs_ffmpeg(path):
        yield from pieces
        return
    info = soundfile.info(str(path))
    num_samples = 0
    for piece in pieces:
        num_samples += len(piece)
        yield piece
    if info.format == "FLAC" and num_samples < info.frames < decoder.UNKNOWN:
        raise _truncated(path, num_samples, info.frames)


def _sliced(
    path: str | Path, slices: Sequence[tuple[int, int]], seconds: float
) -> tuple[int, Iterator[np.ndarray]]:
    if decoder.needs_ffmpeg(path):
        source = _Forward(path)
        return source.sample_rate_hz, _pieces(source, slices, int(seconds * source.sample_rate_hz))
    info = decoder.info(path)
    # libsndfile does not seek behind the count of the header.
    source = _Seeking if all(end <= info.frames for _, end in slices) else _Forward
    return info.samplerate, _pieces(source(path), slices, int(seconds * info.samplerate))


def _pieces(
    source: _Seeking | _Forward, slices: Sequence[tuple[int, int]], block_samples: int
) -> Iterator[np.ndarray]:
    try:
        for start, end in slices:
            for at in range(start, end, block_samples):
                yield source.read(at, min(at + block_samples, end))
    finally:
        source.close()


class _Seeking:
    """Reads at any place of a file, up to its header's count."""

    def __init__(self, path: str | Path):
        self._path, self._file, self._at = path, decoder.InOrder(str(path)), 0
        self.sample_rate_hz = self._file.samplerate
        self._preroll = _PREROLL_SAMPLES if self._file.format in ("MP3", "OGG") else 0

    def read(self, start: int, end: int) -> np.ndarray:
        if start != self._at:
            before = min(start, self._preroll)
            self._file.seek(start - before)
            self._file.read(before)
        samples = self._file.read(end - start, dtype="float32", always_2d=True).mean(axis=1)
        self._at = start + len(samples)
        if len(samples) < end - start:
            raise _truncated(self._path, start + len(samples), end)
        return samples

    def close(self) -> None:
        self._file.close()


class _Forward:
    """Reads what the decoder gives in order; to go back is to begin anew."""

    def __init__(self, path: str | Path):
        self._path = path
        self._begin()

    def _begin(self) -> None:
        self.sample_rate_hz, self._blocks = decoder.in_order(self._path)
        self._block, self._at = np.zeros(0, np.float32), 0  # the last block, and where it begins

    def read(self, start: int, end: int) -> np.ndarray:
        if start < self._at:
            self.close()
            self._begin()
        pieces: list[np.ndarray] = []
        while True:
            pieces.append(self._block[max(0, start - self._at) : max(0, end - self._at)])
            reached = self._at + len(self._block)
            if reached >= end:
                return np.concatenate(pieces)
            block = next(self._blocks, None)
            if block is None:
                raise _truncated(self._path, reached, end)
            self._block, self._at = block, reached

    def close(self) -> None:
        self._blocks.close()


def _truncated(path: str | Path, at: int, announced: int) -> AudioError:
    return AudioError(
        "audio_truncated", f"{Path(path).name} ends at sample {at}, {announced} were announced"
    )


def _empty(path: str | Path) -> AudioError:
    return AudioError("audio_empty", f"{Path(path).name} holds no samples")


@contextmanager
def _faults_of(path: str | Path) -> Iterator[None]:
    name = Path(path).name
    try:
        if Path(path).stat().st_size == 0:
            raise AudioError("audio_empty", f"{name} holds no bytes")
        yield
    except FileNotFoundError:
        raise AudioError("audio_missing", f"{name} is not there any more") from None
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(_reason(path), f"{name}: {error}") from None


def _reason(path: str | Path) -> str:
    """libsndfile reads the header of a cut-off FLAC and fails at the missing frames."""
    try:
        soundfile.info(str(path))
    except (soundfile.LibsndfileError, OSError):
        return "audio_unreadable"
    return "audio_truncated"


def encoded(
    samples: np.ndarray,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
    *,
    format: str = "FLAC",
    subtype: str = "PCM_16",
) -> bytes:
    """Samples [num_samples], int16 or float in -1..1, as a file's content. In memory: when
    libsndfile itself writes to a full disk, it says no more than "System error"."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate_hz, format=format, subtype=subtype)
    return buffer.getvalue()
