"""A trained CLAR for audio files that are in no table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch

from aubert import audio
from aubert.clar.network import ClarModel
from aubert.clar.options import WINDOW_S
from aubert.clar.views import placed
from aubert.stage import Reject

_ROWS_PER_BATCH = 128


def embed_files(
    model: ClarModel, paths: Mapping[str, Path], device: str = "cpu"
) -> Iterator[tuple[str, np.ndarray] | Reject]:
    """(name, float32 [num_features]) of each file, in order: of a short one in the middle of
    silence, of the middle of one that is longer than the model's clips. A file that cannot be read,
    is shorter than a window or not finite is a reject, with its reason."""
    model = model.to(device).eval()
    every = list(paths)
    for start in range(0, len(every), _ROWS_PER_BATCH):
        names = every[start : start + _ROWS_PER_BATCH]
        read = [_read(name, paths[name], model.options.sample_rate_hz) for name in names]
        rows = [torch.from_numpy(one) for one in read if not isinstance(one, Reject)]
        vectors = iter(())
        if rows:
            with torch.no_grad():
                found = model.encode(placed(rows, model.num_samples, None).to(device))
            vectors = iter(found.cpu().numpy())
        for name, one in zip(names, read, strict=True):
            yield one if isinstance(one, Reject) else _checked(name, next(vectors))


def _read(name: str, path: Path, sample_rate_hz: int) -> np.ndarray | Reject:
    try:
        samples = audio.decode(path, sample_rate_hz=sample_rate_hz)
    except audio.AudioError as error:
        return Reject(name, error.reason, error.detail)
    if len(samples) < WINDOW_S * sample_rate_hz:
        detail = f"it has {len(samples)} samples at {sample_rate_hz} Hz, less than {WINDOW_S:g} s"
        return Reject(name, "audio_too_short", detail)
    return samples


def _checked(name: str, vector: np.ndarray) -> tuple[str, np.ndarray] | Reject:
    if np.isfinite(vector).all():
        return name, vector
    return Reject(name, "features_not_finite", "its samples, or what comes of them")
