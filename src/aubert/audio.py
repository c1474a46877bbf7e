"""Recordings on disk as arrays: their length, decode slices, by blocks, resample.

Whatever libsndfile reads is taken (FLAC, WAV, Ogg, MP3); channels are averaged.
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
_UNKNOWN = 1 << 36  # samples: what a header counts that does not say how many


def probe(path: str | Path) -> Header:
    """Reads the header; decodes the file where the header cannot be trusted (MP3, Ogg, a FLAC or
    WAV that goes on behind its count). A FLAC that ends before its count is taken at its word.

    Raises AudioError (audio_missing, audio_unreadable, audio_empty).
    """
    with _faults_of(path):
        if not decoder.is_counted_right(path):
            return measure(path)
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
        announced = _announced(path)
        differs = announced and abs(announced - num_samples) >= _TOLERANCE_S * rate_hz
        return Header(rate_hz, num_samples, announced if differs else None)


def _announced(path: str | Path) -> int | None:
    try:
        frames = soundfile.info(str(path)).frames
    except soundfile.LibsndfileError:
        return None
    return frames if frames < _UNKNOWN else None


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
    pieces = list(blocks(path, slices, sample_rate_hz))
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


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
        if own_rate_hz == sample_rate_hz:
            yield from pieces
            return
        stream = soxr.ResampleStream(own_rate_hz, sample_rate_hz, 1)
        for piece in pieces:
            yield stream.resample_chunk(piece)
        yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _as_announced(path: str | Path, pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Raises AudioError behind the last piece of a FLAC that holds less than its header says."""
    info = soundfile.info(str(path))
    num_samples = 0
    for piece in pieces:
        num_samples += len(piece)
        yield piece
    if info.format == "FLAC" and num_samples < info.frames < _UNKNOWN:
        raise _truncated(path, num_samples, info.frames)


def _sliced(
    path: str | Path, slices: Sequence[tuple[int, int]], seconds: float
) -> tuple[int, Iterator[np.ndarray]]:
    info = decoder.info(path)
    if all(end <= info.frames for _, end in slices):
        return info.samplerate, _sought(path, slices, int(seconds * info.samplerate))
    return info.samplerate, _passed_by(path, slices)


def _sought(
    path: str | Path, slices: Sequence[tuple[int, int]], block_samples: int
) -> Iterator[np.ndarray]:
    with soundfile.SoundFile(str(path)) as file:
        for start, end in slices:
            file.seek(start)
            while start < end:
                size = min(block_samples, end - start)
                piece = file.read(size, dtype="float32", always_2d=True).mean(axis=1)
                if len(piece) < size:
                    raise _truncated(path, start + len(piece), end)
                yield piece
                start += size


def _passed_by(path: str | Path, slices: Sequence[tuple[int, int]]) -> Iterator[np.ndarray]:
    """Slices behind the count of the header, to which libsndfile does not seek."""
    for start, end in slices:
        at = 0
        for piece in decoder.in_order(path)[1]:
            wanted = piece[max(0, start - at) : max(0, end - at)]
            at += len(piece)
            if len(wanted):
                yield wanted
            if at >= end:
                break
        else:
            raise _truncated(path, at, end)


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
