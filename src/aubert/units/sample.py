"""A uniform sample of frames, and what must be known of the rest, in one pass.

Frames are drawn, not utterances: neighbouring frames are alike, so a tenth of the utterances holds
less information than a tenth of the frames. Parts of a corpus are drawn from alone and merged: the
sample is the same to the bit for any number of parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aubert.files import complete
from aubert.units.npy import sort_metadata
from aubert.units.workers import Alone

# Calls start a pass: (utterance_id, float32 [num_frames, dim]), each utterance in one piece,
# in any order. Files or a computation on the fly; every pass must give the same frames.
Source = Callable[[], Iterator[tuple[str, np.ndarray]]]

SQUARES_SCALE = 2**20
_BLOCK_FRAMES = 1024  # moved at a time
_BLOCK_COLUMNS = 16  # a line of the cache


@dataclass(frozen=True)
class Survey:
    """What a pass over frames found; the same however they are split among shards or workers.

    frames: float32 [at most size, dim], in an order that is random but fixed
    peak: float64 [dim], the largest magnitude of each column
    sum_of_squares: over all frames and columns
    """

    frames: np.ndarray
    num_frames: int
    peak: np.ndarray
    sum_of_squares: float


@dataclass(frozen=True)
class Sample:
    """What a pass over a part of the frames found, to be merged with the other parts'.

    keys: uint64 [n], sorted hashes of the frames. frames: float32 [n, dim]
    num_frames, peak: as of Survey, of all frames of the part
    squares: the sum of squares as a whole number, in units of 2**-20
    """

    keys: np.ndarray
    frames: np.ndarray
    num_frames: int
    peak: np.ndarray
    squares: int

    def save(self, path: str | Path, notes: dict[str, str]) -> None:
        from safetensors.numpy import save_file

        arrays = {"keys": self.keys, "frames": self.frames, "peak": self.peak}
        counts = {"num_frames": str(self.num_frames), "squares": str(self.squares)}
        with complete(path) as part:
            save_file(arrays, part, {**notes, **counts})
            sort_metadata(part)

    @classmethod
    def load(cls, path: str | Path, limit: int | None = None) -> tuple[Sample, dict[str, str]]:
        """The sample and its notes. limit: the largest key that is loaded; None: all. Raises
        ValueError where the file is no sample."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "numpy") as file:
                notes = file.metadata()
                keys = file.get_tensor("keys")
                end = len(keys) if limit is None else int(np.searchsorted(keys, limit, "right"))
                whole = end in (0, len(keys))  # safetensors slices no empty part
                frames = file.get_tensor("frames") if whole else file.get_slice("frames")[:end]
                peak = file.get_tensor("peak")
                counts = {name: int(notes.pop(name)) for name in ("num_frames", "squares")}
        except (SafetensorError, KeyError) as error:
            raise ValueError(f"{path} is no sample of frames ({error}): draw it again") from None
        return cls(keys[:end], frames[:end], peak=peak, **counts), notes


def load_samples(paths: Iterable[str | Path], size: int) -> Iterator[tuple[Sample, dict[str, str]]]:
    """The samples of files, of their frames no more than a merged sample of `size` takes."""
    from safetensors import safe_open

    paths = list(paths)
    keys = np.empty(0, np.uint64)
    for path in paths:
        if Path(path).stat().st_size:
            with safe_open(path, "numpy") as file:
                keys = np.concatenate([keys, file.get_tensor("keys")])
        if len(keys) > size:
            keys = np.partition(keys, size - 1)[:size]
    limit = int(keys.max()) if len(keys) else 0
    return (Sample.load(path, limit) for path in paths)


def survey(source: Source, size: int, seed: int, workers=Alone()) -> Survey:  # noqa: B008
    """Draws `size` frames: those with the smallest hashes of (seed, utterance, position).

    Holds a quarter more than `size` frames (with workers at the end: all of theirs, twice).
    Raises ValueError for frames that are not finite.
    """
    return merged(workers.gather(draw(source, size, seed)), size)


def draw(source: Source, size: int, seed: int, share: float = 1.0) -> Sample:
    """The frames of a part with the smallest hashes, at most `size` of them.

    share: of all possible hashes, those below which frames are kept: what a shard gives to a sample
    of the whole corpus. Raises ValueError for frames that are not finite.
    """
    smallest = _Smallest(size, share)
    num_frames, squares = 0, 0
    peak = np.zeros(0)
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
        squares += int(energy * SQUARES_SCALE)  # whole numbers: the order does not matter
        own = np.abs(frames).max(axis=0).astype(np.float64)
        peak = np.maximum(peak, own) if len(peak) else own
    keys, frames = smallest.taken()
    return Sample(keys, frames, num_frames, peak, squares)


def merged(samples: Iterable[Sample], size: int) -> Survey:
    """The `size` frames with the smallest hashes of all parts. Raises ValueError for no frame."""
    samples = [sample for sample in samples if sample.num_frames]
    if not samples:
        raise ValueError("there are no frames to learn from: every utterance is empty")
    return Survey(
        frames=_merged([(sample.keys, sample.frames) for sample in samples], size),
        num_frames=sum(sample.num_frames for sample in samples),
        peak=np.maximum.reduce([sample.peak for sample in samples]),
        sum_of_squares=sum(sample.squares for sample in samples) / SQUARES_SCALE,
    )


class _Smallest:
    """The frames with the smallest keys so far, in an array that is a quarter longer: it is
    full, and cut, only now and then."""

    def __init__(self, size: int, share: float):
        self._size = size
        self._threshold = np.uint64(min(2**64 - 1, int(share * 2**64)))
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

    def taken(self) -> tuple[np.ndarray, np.ndarray]:
        """The keys, sorted, and their frames."""
        if self._frames is None:
            return np.empty(0, np.uint64), np.empty((0, 0), np.float32)
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
    parts = [part for part in parts if len(part[0])]
    if len(parts) == 1:
        return parts[0][1][:size]
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
