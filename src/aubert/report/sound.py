"""Sound and its picture, inside the page."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

from aubert.audio import encoded

_PARTS = 400  # of a waveform's picture


def data_uri(samples: np.ndarray, sample_rate_hz: int) -> str:
    """Mono float32 samples as FLAC: exact in time, and every browser plays it."""
    return "data:audio/flac;base64," + base64.b64encode(encoded(samples, sample_rate_hz)).decode()


def peaks(samples: np.ndarray) -> Sequence[tuple[float, float]]:
    """(lowest, highest) sample of equal parts, of -1..1 where 1 is the loudest of all."""
    loudest = max(float(np.abs(samples).max(initial=0)), 1e-9)
    parts = np.array_split(samples / loudest, min(_PARTS, max(len(samples), 1)))
    return [(round(float(p.min(initial=0)), 3), round(float(p.max(initial=0)), 3)) for p in parts]
