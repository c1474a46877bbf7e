"""The corpus's sound files, and random numbers that depend on nothing else."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import soundfile

from aubert.audio import SAMPLE_RATE_HZ
from aubert.files import write_bytes


def generator(seed: int, name: str) -> np.random.Generator:
    """Random numbers that depend on `seed` and `name` alone, whatever was made before."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def write_flac(path: Path, samples: np.ndarray) -> str:
    """samples: int16 [num_samples] at 16 kHz. Returns the file's sha256."""
    buffer = io.BytesIO()  # of a full disk, libsndfile says no more than "System error"
    soundfile.write(buffer, samples, SAMPLE_RATE_HZ, subtype="PCM_16", format="FLAC")
    write_bytes(path, buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()
