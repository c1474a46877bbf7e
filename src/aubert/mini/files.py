"""The corpus's sound files, and random numbers that depend on nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from aubert.audio import encoded
from aubert.files import write_bytes


def generator(seed: int, name: str) -> np.random.Generator:
    """Random numbers that depend on `seed` and `name` alone, whatever was made before."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def write_flac(path: Path, samples: np.ndarray) -> str:
    """samples: int16 [num_samples] at 16 kHz. Returns the file's sha256."""
    content = encoded(samples)
    write_bytes(path, content)
    return hashlib.sha256(content).hexdigest()
