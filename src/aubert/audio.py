"""Recordings on disk as arrays: probe the header, decode slices, resample.

Whatever libsndfile reads is taken (FLAC, WAV, Ogg, MP3); channels are averaged.
Faults come as `AudioError` with a reason of the rejects table.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

SAMPLE_RATE_HZ = 16_000  # of every model and recogniser in the pipeline


class AudioError(ValueError):
    """An audio file that cannot be used; `reason` is one of the rejects table's."""

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Header:
    """What a file says of itself, without decoding."""

    sample_rate_hz: int
    num_samples: int  # per channel


def probe(path: str | Path) -> Header:
    """Reads the header only. Raises AudioError (audio_missing, audio_unreadable, audio_empty)."""
    try:
        if Path(path).stat().st_size == 0:
            raise AudioError("audio_empty", f"{Path(path).name} holds no bytes")
        info = soundfile.info(str(path))
    except FileNotFoundError:
        raise AudioError("audio_missing", f"{Path(path).name} is not there any more") from None
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError("audio_unreadable", f"{Path(path).name}: {error}") from None
    if info.frames <= 0:
        raise AudioError("audio_empty", f"{Path(path).name} holds no samples")
    return Header(sample_rate_hz=info.samplerate, num_samples=info.frames)


def decode(
    path: str | Path,
    slices: Sequence[tuple[int, int]] | None = None,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
) -> np.ndarray:
    """Decodes the slices [start, end) (in the file's own samples; None: all) of one file.

    Returns their concatenation, mono float32 [num_samples] in [-1, 1] at
    `sample_rate_hz`. Raises AudioError (audio_missing, audio_unreadable, audio_truncated).
    """
    try:
        with soundfile.SoundFile(str(path)) as file:
            wanted = [(0, file.frames)] if slices is None else slices
            pieces = [_decode_slice(file, start, end) for start, end in wanted]
            stored_rate_hz = file.samplerate
    except (soundfile.LibsndfileError, OSError) as error:
        raise _fault(path, error) from None
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    if stored_rate_hz != sample_rate_hz:
        samples = soxr.resample(samples, stored_rate_hz, sample_rate_hz)
    return samples


def _decode_slice(file: soundfile.SoundFile, start: int, end: int) -> np.ndarray:
    file.seek(start)
    samples = file.read(end - start, dtype="float32", always_2d=True).mean(axis=1)
    if len(samples) < end - start:
        raise AudioError(
            "audio_truncated",
            f"{Path(file.name).name} ends at sample {start + len(samples)}, {end} were announced",
        )
    return samples


def _fault(path: str | Path, error: Exception) -> AudioError:
    """What is wrong with a file that cannot be decoded."""
    try:
        probe(path)
    except AudioError as fault:
        return fault
    # libsndfile reads the header of a cut-off FLAC and fails at the missing frames.
    return AudioError("audio_truncated", f"{Path(path).name}: {error}")


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
