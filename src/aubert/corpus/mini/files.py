"""How the corpus gets to disk: complete files only, and seeds that depend on nothing else."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import soundfile

from aubert.audio import SAMPLE_RATE_HZ


def generator(seed: int, name: str) -> np.random.Generator:
    """Random numbers that depend on `seed` and `name` alone, whatever was made before."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def write_flac(path: Path, samples: np.ndarray) -> str:
    """samples: int16 [num_samples] at 16 kHz. Returns the file's sha256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    soundfile.write(part, samples, SAMPLE_RATE_HZ, subtype="PCM_16", format="FLAC")
    os.replace(part, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_json(path: Path, content: dict) -> None:
    write_bytes(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def write_bytes(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    os.replace(part, path)
