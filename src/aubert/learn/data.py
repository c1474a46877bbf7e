"""Which audio goes into which step: crops, buckets, and a place to resume from.

Everything here follows from (seed, epoch) alone: not from the number of processes, not from
the workers, and not from where a run was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from multiprocessing import get_context
from typing import Any, NamedTuple, Protocol

import numpy as np

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
    reader, work: optional, where the examples are too many for each worker to hold: `work(pieces)`
      is what has to be known of some pieces, and `reader` goes to the workers in place of the
      examples, with the method `batch(work, rng)`
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
    """A map-style dataset, as torch's loader wants it, from ((epoch, position), work) to
    batches."""

    def __init__(self, reader: Any, seed: int):
        self.reader = reader
        self.seed = seed

    def __getitem__(self, index: tuple[tuple[int, int], Any]) -> Any:
        place, work = index
        return self.reader.batch(work, np.random.default_rng([self.seed, *place]))


def _as_it_is(value: Any) -> Any:
    return value


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
    work = getattr(examples, "work", _as_it_is)
    own: Iterable[tuple[tuple[int, int], Any]] = (
        ((micro.epoch, micro.position), work(micro.pieces))
        for step, _ in islice(steps.since(place), num_steps)
        for micro in step[rank::world_size]
    )
    loader = DataLoader(
        _Batches(getattr(examples, "reader", examples), options.seed),
        batch_size=None,
        sampler=own,
        collate_fn=_as_it_is,
        num_workers=num_workers,
        multiprocessing_context=context,
    )
    yield from loader


def padded(rows: Sequence[np.ndarray], fill: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """([num_rows, longest, ...] of the rows' dtype, int64 [num_rows] lengths)."""
    lengths = np.array([len(row) for row in rows], np.int64)
    out = np.full((len(rows), lengths.max(), *rows[0].shape[1:]), fill, rows[0].dtype)
    for target, row in zip(out, rows, strict=True):
        target[: len(row)] = row
    return out, lengths
