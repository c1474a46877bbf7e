"""Arrays in files: numpy's format, written row by row, their length known at the end, and read;
safetensors' metadata in order."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

_HEADER_BYTES = 128


def write_npy(path: str | Path, parts: Iterable[np.ndarray], dtype: str) -> list[int]:
    """Writes the parts, each [n, *row] with one row shape, one after the other; returns the n of
    each.

    One part is in memory at a time. dtype: with its byte order: "<f4".
    """
    lengths: list[int] = []
    row: tuple[int, ...] | None = None
    with Path(path).open("wb") as file:
        file.write(bytes(_HEADER_BYTES))
        for part in parts:
            row = part.shape[1:] if row is None else row
            if part.shape[1:] != row:
                raise ValueError(f"{path}: a part has rows of {part.shape[1:]}, others of {row}")
            file.write(np.ascontiguousarray(part, dtype).tobytes())
            lengths.append(len(part))
        file.seek(0)
        file.write(_header(dtype, (sum(lengths), *(row or ()))))
    return lengths


def read_npy(path: str | Path, *, mapped: bool = False) -> np.ndarray:
    """The array of numbers that the file holds; mapped: read-only, and read when it is looked at.

    Raises ValueError that names the file where it is another one; what is pickled is not read.
    """
    try:
        return np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(
            f"{path} is not a whole array of numbers ({error}): make it again"
        ) from None


def _header(dtype: str, shape: tuple[int, ...]) -> bytes:
    """Version 1.0 of the format (numpy.lib.format), padded to a fixed length."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    magic = np.lib.format.magic(1, 0)
    length = _HEADER_BYTES - len(magic) - 2
    return magic + length.to_bytes(2, "little") + text.ljust(length - 1).encode() + b"\n"


def sort_metadata(path: Path) -> None:
    """Puts the metadata of a .safetensors file in order. safetensors draws another one in each
    process, and the same input would give other bytes."""
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        assert len(text) <= length, path
        file.seek(8)
        file.write(text.ljust(length))
