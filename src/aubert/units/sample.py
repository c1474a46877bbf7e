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
_BLOCK_FRAMES = 1024  # moved at a time
_BLOCK_COLUMNS = 16  # a line of the cache


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

    Holds a quarter more than `size` frames (with workers at the end: all of theirs, twice).
    Raises ValueError for frames that are not finite.
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
    frames = _merged([taken for taken, *_ in parts], size)
    return Survey(
        frames=frames,
        num_frames=sum(count for _, count, *_ in parts),
        peak=np.maximum.reduce([np.broadcast_to(part[3], frames.shape[1:]) for part in parts]),
        sum_of_squares=sum(part[2] for part in parts) / _SQUARES_SCALE,
    )


class _Smallest:
    """The frames with the smallest keys so far, in an array that is a quarter longer: it is
    full, and cut, only now and then."""

    def __init__(self, size: int):
        self._size = size
        self._threshold = np.uint64(2**64 - 1)
        self._keys = np.empty(size + size // 4 + 1, np.uint64)
        self._frames: np.ndarray | None = None
        self._num_held = 0

    def add(self, keys: np.ndarray, frames: np.ndarray) -> None:
        if self._frames is None:
            self._frames = np.empty((len(self._keys), frames.shape[1]), np.float32)
        chosen = np.flatnonzero(keys < self._threshold)
        while len(chosen):
            if self._num_held == len(self._keys):
                self._cut()
                chosen = chosen[keys[chosen] < self._threshold]
            fitting, chosen = np.split(chosen, [len(self._keys) - self._num_held])
            target = slice(self._num_held, self._num_held + len(fitting))
            self._keys[target], self._frames[target] = keys[fitting], frames[fitting]
            self._num_held = target.stop

    def _cut(self) -> None:
        """Leaves `size` frames, moved forward block by block: at once they would be held twice."""
        kept = np.argpartition(self._keys[: self._num_held], self._size - 1)[: self._size]
        kept.sort()
        for start in range(0, self._size, _BLOCK_FRAMES):
            block = kept[start : start + _BLOCK_FRAMES]
            target = slice(start, start + len(block))
            self._keys[target], self._frames[target] = self._keys[block], self._frames[block]
        self._num_held = self._size
        self._threshold = self._keys[: self._size].max()

    def taken(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The keys, sorted, and their frames; None for none."""
        if self._frames is None:
            return None
        if self._num_held > self._size:
            self._cut()
        keys, frames = self._keys[: self._num_held], self._frames[: self._num_held]
        _sort(keys, frames)
        return keys, frames


def _sort(keys: np.ndarray, frames: np.ndarray) -> None:
    """Puts both in the order of the keys, in place, some columns at a time."""
    order = np.argsort(keys, kind="stable")
    keys[:] = keys[order]
    for start in range(0, frames.shape[1], _BLOCK_COLUMNS):
        columns = frames[:, start : start + _BLOCK_COLUMNS]
        columns[:] = columns[order]


def _merged(parts, size: int) -> np.ndarray:
    """The frames with the smallest keys of all parts, in the order of their keys."""
    parts = [part for part in parts if part is not None]
    if len(parts) == 1:
        return parts[0][1]
    keys = np.concatenate([keys for keys, _ in parts])
    frames = np.concatenate([frames for _, frames in parts])
    _sort(keys, frames)
    return frames[:size]


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
