"""A uniform sample of all frames, and what must be known of the rest, in one pass.

Frames are drawn, not utterances: neighbouring frames are alike, so a tenth of the
utterances says less than a tenth of the frames.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from aubert.units.workers import Alone

# Calls start a pass: (utterance_id, float32 [num_frames, dim]), each utterance in one piece,
# in any order. Files or a computation on the fly; every pass must give the same frames.
Source = Callable[[], Iterator[tuple[str, np.ndarray]]]

_SQUARES_SCALE = 2**20


@dataclass(frozen=True)
class Survey:
    """What one pass over all frames found; the same however they are split among workers.

    frames: float32 [at most size, dim], in an order that is random but fixed
    peak: float64 [dim], the largest magnitude of each column
    sum_of_squares: over all frames and columns
    """

    frames: np.ndarray
    num_frames: int
    peak: np.ndarray
    sum_of_squares: float


def survey(source: Source, size: int, seed: int, workers=Alone()) -> Survey:  # noqa: B008
    """Draws `size` frames: those with the smallest hashes of (seed, utterance, position).

    Holds two to five times `size` frames. Raises ValueError for frames that are not finite.
    """
    smallest = _Smallest(size)
    num_frames, squares = 0, 0
    peak: np.ndarray | float = 0.0
    for utterance, frames in source():
        if not len(frames):
            continue
        energy = float(np.square(frames, dtype=np.float64).sum())
        if not np.isfinite(energy):
            raise ValueError(
                f"{utterance}: the features of {_bad_frames(frames)} are not finite; look at its "
                f"audio, or run the encoder in float32"
            )
        smallest.add(_keys(utterance, len(frames), seed), frames)
        num_frames += len(frames)
        squares += int(energy * _SQUARES_SCALE)  # whole numbers: the order does not matter
        peak = np.maximum(peak, np.abs(frames).max(axis=0))
    parts = workers.gather((smallest.taken(), num_frames, squares, peak))
    if not any(count for _, count, *_ in parts):
        raise ValueError("there are no frames to learn from: every utterance is empty")
    _, frames = _merged([taken for taken, *_ in parts], size)
    return Survey(
        frames=frames,
        num_frames=sum(count for _, count, *_ in parts),
        peak=np.maximum.reduce([np.broadcast_to(part[3], frames.shape[1:]) for part in parts]),
        sum_of_squares=sum(part[2] for part in parts) / _SQUARES_SCALE,
    )


class _Smallest:
    """The frames with the smallest keys so far."""

    def __init__(self, size: int):
        self._size = size
        self._threshold = np.uint64(2**64 - 1)
        self._held: list[tuple[np.ndarray, np.ndarray]] = []
        self._num_held = 0

    def add(self, keys: np.ndarray, frames: np.ndarray) -> None:
        chosen = np.flatnonzero(keys < self._threshold)
        if not len(chosen):
            return
        self._held.append((keys[chosen], frames[chosen]))
        self._num_held += len(chosen)
        if self._num_held > 2 * self._size:
            self._cut()

    def _cut(self) -> None:
        """Leaves `size` frames, part by part: all at once would need twice the memory."""
        keys = np.concatenate([keys for keys, _ in self._held])
        self._threshold = np.partition(keys, self._size - 1)[self._size - 1]
        for position, (own, frames) in enumerate(self._held):
            kept = np.flatnonzero(own <= self._threshold)
            self._held[position] = (own[kept], frames[kept])
        self._num_held = self._size

    def taken(self) -> tuple[np.ndarray, np.ndarray] | None:
        if self._num_held > self._size:
            self._cut()
        return _merged(self._held, self._size) if self._held else None


def _merged(parts, size: int) -> tuple[np.ndarray, np.ndarray]:
    parts = [part for part in parts if part is not None]
    if not parts:
        return np.zeros(0, np.uint64), np.zeros((0, 0), np.float32)
    keys = np.concatenate([keys for keys, _ in parts])
    order = np.argsort(keys, kind="stable")[:size]
    return keys[order], np.concatenate([frames for _, frames in parts])[order]


def _keys(utterance: str, num_frames: int, seed: int) -> np.ndarray:
    """A hash of each frame, uint64: splitmix64 (Steele et al. 2014) from the utterance's own."""
    digest = hashlib.blake2b(f"{seed}\0{utterance}".encode(), digest_size=8).digest()
    with np.errstate(over="ignore"):
        state = np.uint64(int.from_bytes(digest, "little")) + np.arange(
            1, num_frames + 1, dtype=np.uint64
        ) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return state ^ (state >> np.uint64(31))


def _bad_frames(frames: np.ndarray) -> str:
    bad = np.flatnonzero(~np.isfinite(frames).all(axis=1))
    return f"{len(bad)} of {len(frames)} frames (the first is {bad[0] if len(bad) else 0})"
