"""Which audio goes into which step: crops, buckets, and a place to resume from.

Everything here follows from (seed, epoch) alone: not from the number of processes, not from
the workers, and not from where a run was interrupted.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import lru_cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aubert import audio
from aubert.audio import SAMPLE_RATE_HZ
from aubert.options import NaturalInt, PositiveFloat, options_class

POOL_BATCHES = 64  # batches' worth of audio that is sorted by length at a time
GRID_SAMPLES = 640  # crops begin on frames of 25 and 50 Hz, so that their labels are exact


@options_class
class DataOptions:
    """How utterances become batches.

    batch_seconds: audio of one pass through the network, padding included, in seconds; memory
      limits it
    step_seconds: audio of one update of the weights, over all passes and processes, in seconds;
      whole passes fill it up
    max_seconds: longest crop, in seconds; a longer utterance is cropped at a random place in each
      epoch
    min_seconds: shortest utterance that is trained on, in seconds
    seed: of crops, order, masks and dropout
    """

    batch_seconds: PositiveFloat = 87.5
    step_seconds: PositiveFloat = 2800.0
    max_seconds: PositiveFloat = 15.6
    min_seconds: PositiveFloat = 2.0
    seed: NaturalInt = 0

    def __post_init__(self) -> None:
        if not self.min_seconds <= self.max_seconds <= self.batch_seconds:
            raise ValueError(
                f"min_seconds ({self.min_seconds:g}), max_seconds ({self.max_seconds:g}) and "
                f"batch_seconds ({self.batch_seconds:g}) must be in this order"
            )


class Piece(NamedTuple):
    """Samples [start, start + num_samples) of utterance `index`."""

    index: int
    start: int
    num_samples: int


class MicroBatch(NamedTuple):
    """What goes through the network in one pass; (epoch, position) names it."""

    epoch: int
    position: int
    pieces: tuple[Piece, ...]

    @property
    def num_samples(self) -> int:
        return sum(piece.num_samples for piece in self.pieces)


class Place(NamedTuple):
    """The micro-batch that comes next."""

    epoch: int = 0
    position: int = 0


class Examples(Protocol):
    """What a training reads. Picklable, for the workers.

    num_samples: int64 [num_utterances], at 16 kHz
    plan: optional, a method (epoch) -> Sequence[MicroBatch] in place of EpochPlan; what it says
      follows from the epoch alone
    spread: optional, True where every process gets every micro-batch, of which `batch` gives its
      share; else each micro-batch is one process's
    """

    num_samples: np.ndarray

    def batch(self, pieces: Sequence[Piece], rng: np.random.Generator) -> Any:
        """The batch of these pieces, with a method `to(device)`; what is random about it
        comes from `rng`."""
        ...


class EpochPlan(Sequence):
    """The micro-batches of one epoch: each utterance of min_seconds or more in one of them."""

    def __init__(self, num_samples: np.ndarray, epoch: int, options: DataOptions):
        rng = np.random.default_rng([options.seed, epoch])
        longest = round(options.max_seconds * SAMPLE_RATE_HZ)
        limit = round(options.batch_seconds * SAMPLE_RATE_HZ)
        kept = np.flatnonzero(num_samples >= options.min_seconds * SAMPLE_RATE_HZ)
        if not len(kept):
            raise ValueError(
                f"no utterance has min_seconds ({options.min_seconds:g}) or more of audio; "
                f"lower it, or check the corpus"
            )
        order = rng.permutation(kept)
        room = (num_samples[order] - longest).clip(0)
        self._starts = rng.integers(0, room // GRID_SAMPLES + 1) * GRID_SAMPLES
        self._lengths = np.minimum(num_samples[order], longest)
        self._indices = order
        self._sort_pools(POOL_BATCHES * limit)
        self._bounds = _bounds(self._lengths.tolist(), limit)
        self._order = rng.permutation(len(self._bounds) - 1)
        self._epoch = epoch

    def _sort_pools(self, pool_samples: int) -> None:
        pools = np.cumsum(self._lengths) // pool_samples
        by_length = np.lexsort((-self._lengths, pools))
        self._indices = self._indices[by_length]
        self._starts = self._starts[by_length]
        self._lengths = self._lengths[by_length]

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, position: int) -> MicroBatch:
        first, last = self._bounds[self._order[position] :][:2]
        columns = (self._indices, self._starts, self._lengths)
        rows = zip(*(column[first:last].tolist() for column in columns), strict=True)
        return MicroBatch(self._epoch, position, tuple(Piece(*row) for row in rows))


def _bounds(lengths: list[int], limit: int) -> np.ndarray:
    """Where batches of at most `limit` padded samples begin, and the end."""
    bounds, first, longest = [0], 0, 0
    for position, length in enumerate(lengths):
        longest = max(longest, length)
        if longest * (position + 1 - first) > limit:
            bounds.append(position)
            first, longest = position, length
    return np.array([*bounds, len(lengths)])


class Steps:
    """The endless sequence of steps, from any place: for each, its micro-batches and the
    place behind them. A step may reach over the end of an epoch."""

    def __init__(
        self,
        num_samples: np.ndarray,
        options: DataOptions,
        plan: Callable[[int], Sequence[MicroBatch]] | None = None,
    ):
        """plan: the micro-batches of an epoch; None: EpochPlan's."""
        self._options = options
        plan = plan or (lambda epoch: EpochPlan(num_samples, epoch, options))
        # Two readers, the workers' and the loop's, may be in different epochs.
        self._plan = lru_cache(maxsize=2)(plan)

    def since(self, place: Place) -> Iterator[tuple[list[MicroBatch], Place]]:
        wanted = self._options.step_seconds * SAMPLE_RATE_HZ
        step: list[MicroBatch] = []
        held = 0
        epoch, position = place
        while True:
            plan = self._plan(epoch)
            while position < len(plan):
                step.append(plan[position])
                held += step[-1].num_samples
                position += 1
                if held >= wanted:
                    yield step, Place(epoch, position)
                    step, held = [], 0
            epoch, position = epoch + 1, 0


class _Batches:
    """A map-style dataset, as torch's loader wants it, from micro-batches to batches."""

    def __init__(self, examples: Examples, seed: int):
        self.examples = examples
        self.seed = seed

    def __getitem__(self, micro: MicroBatch) -> Any:
        rng = np.random.default_rng([self.seed, micro.epoch, micro.position])
        return self.examples.batch(micro.pieces, rng)


def _as_it_is(batch: Any) -> Any:
    return batch


def load_batches(
    examples: Examples,
    steps: Steps,
    place: Place,
    num_steps: int,
    options: DataOptions,
    *,
    rank: int = 0,
    world_size: int = 1,
    num_workers: int = 0,
) -> Iterator[Any]:
    """The batches of process `rank` in the next `num_steps` steps, in order; with workers,
    prepared ahead by them. Micro-batch i of a step goes to process i mod world_size."""
    from torch.utils.data import DataLoader

    context = None
    if num_workers:
        # Forking a process that runs threads (torch's, pyarrow's) can deadlock: a server that
        # runs none forks the workers, with the slow imports done once.
        context = get_context("forkserver")
        context.set_forkserver_preload(["torch", type(examples).__module__])
    own: Iterable[MicroBatch] = (
        micro
        for step, _ in islice(steps.since(place), num_steps)
        for micro in step[rank::world_size]
    )
    loader = DataLoader(
        _Batches(examples, options.seed),
        batch_size=None,
        sampler=own,
        collate_fn=_as_it_is,
        num_workers=num_workers,
        multiprocessing_context=context,
    )
    yield from loader


class VirtualUtterances:
    """Rows of the utterances table as audio at 16 kHz, read piece by piece from the
    recordings.

    ids: pyarrow strings [num_utterances]
    num_samples: int64 [num_utterances], at 16 kHz

    It holds some 130 bytes an utterance: a large corpus has millions.
    """

    def __init__(
        self,
        recordings: Mapping[str, Mapping],
        utterances: Iterable[Mapping],
        corpus_root: str | Path,
    ):
        """recordings: rows of the recordings table by id. utterances: is gone over once."""
        numbers = {recording_id: number for number, recording_id in enumerate(recordings)}
        self._paths = [str(Path(corpus_root) / row["path"]) for row in recordings.values()]
        self._rates = np.array([row["sample_rate_hz"] for row in recordings.values()], np.int64)
        ids, recording, stored = [], array("q"), array("q")
        bounds, slices = array("q", [0]), array("q")
        for row in utterances:
            ids.append(row["utterance_id"])
            recording.append(numbers[row["recording_id"]])
            stored.append(row["num_samples"])
            for piece in row["slices"]:
                slices.extend((piece["start_sample"], piece["end_sample"]))
            bounds.append(len(slices) // 2)
        self.ids = pa.array(ids, pa.string())
        self._recording = np.array(recording, np.int64)
        self._first, self._last = np.array(bounds[:-1], np.int64), np.array(bounds[1:], np.int64)
        self._slices = np.array(slices, np.int64).reshape(-1, 2)
        rates = np.maximum(self._rates[self._recording], 1)
        self.num_samples = np.array(stored, np.int64) * SAMPLE_RATE_HZ // rates

    def in_order_of_ids(self) -> VirtualUtterances:
        """The same, in an order that no division into shards changes."""
        order = pc.sort_indices(self.ids).to_numpy()
        ordered = copy(self)
        ordered.ids = self.ids.take(pa.array(order))
        for name in ("num_samples", "_recording", "_first", "_last"):
            setattr(ordered, name, getattr(self, name)[order])
        return ordered

    def read(self, piece: Piece) -> np.ndarray:
        """float32 [num_samples]. Raises audio.AudioError when the file cannot be decoded."""
        recording = self._recording[piece.index]
        path = self._paths[recording]
        slices = self._slices[self._first[piece.index] : self._last[piece.index]]
        if self._rates[recording] == SAMPLE_RATE_HZ:
            return audio.decode(path, within(slices.tolist(), piece.start, piece.num_samples))
        # Only the whole utterance is resampled as the other stages resample it.
        samples = audio.decode(path, [tuple(span) for span in slices.tolist()])
        return samples[piece.start : piece.start + piece.num_samples]


def within(
    slices: Sequence[tuple[int, int]], start: int, num_samples: int
) -> list[tuple[int, int]]:
    """The parts of `slices` that hold samples [start, start + num_samples) of their
    concatenation."""
    offset, found = 0, []
    for first, last in slices:
        low = max(first, first + start - offset)
        high = min(last, first + start + num_samples - offset)
        if low < high:
            found.append((low, high))
        offset += last - first
    return found


def padded(rows: Sequence[np.ndarray], fill: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """([num_rows, longest, ...] of the rows' dtype, int64 [num_rows] lengths)."""
    lengths = np.array([len(row) for row in rows], np.int64)
    out = np.full((len(rows), lengths.max(), *rows[0].shape[1:]), fill, rows[0].dtype)
    for target, row in zip(out, rows, strict=True):
        target[: len(row)] = row
    return out, lengths
