"""Which pairs are contrasted with each other in an epoch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from aubert.audio import SAMPLE_RATE_HZ
from aubert.crossmodal.options import AubertTrainOptions
from aubert.learn.data import MicroBatch, Piece

MIXED_PART = 4  # pairs of one group in a contrast of `mixed`, so that there are many groups in it


class PairPlan(Sequence):
    """The micro-batches of one epoch, each a contrast of 2 to batch_pairs pairs and at most
    batch_seconds of padded audio.

    For `any`, each pair is in at most one, in random order. Else the pairs of a group (an n-gram
    by a speaker) are dealt into parts of as equal size as may be: for same_token, as large as a
    contrast, for mixed, of 2 to 4. Each contrast is made of whole parts, in random order. A pair
    without another of its group is left out of same_token, and a part for itself of mixed. It
    follows from (seed, epoch) alone.
    """

    def __init__(
        self,
        num_samples: np.ndarray,
        groups: np.ndarray,
        epoch: int,
        options: AubertTrainOptions,
        around: np.ndarray | int = 0,
    ):
        """num_samples, groups: int64 [pairs]. around: samples that are read with each segment
        beside its own. Raises ValueError when no contrast can be made."""
        rng = np.random.default_rng([options.seed, epoch])
        shortest, longest = (
            options.min_seconds * SAMPLE_RATE_HZ,
            options.max_seconds * SAMPLE_RATE_HZ,
        )
        limit = round(options.batch_seconds * SAMPLE_RATE_HZ)
        fits = (num_samples >= shortest) & (num_samples <= longest)
        kept = rng.permutation(np.flatnonzero(fits))
        self._lengths = num_samples + around
        self._epoch = epoch
        if options.negatives == "any":
            parts: Iterable[np.ndarray] = np.split(kept, len(kept)) if len(kept) else []
        else:
            most = min(MIXED_PART, options.batch_pairs)
            if options.negatives == "same_token":
                most = options.batch_pairs
            least = 2 if options.negatives == "same_token" else 1
            dealt = [
                part
                for members in _by_group(kept, groups, least)
                for part in _deal(members, self._lengths[members], limit, most)
            ]
            parts = (dealt[index] for index in rng.permutation(len(dealt)))
        packed = _pack(parts, self._lengths, limit, options.batch_pairs)
        self._batches = [batch for batch in packed if len(batch) > 1]
        if not self._batches:
            raise ValueError(
                f"no two of {len(num_samples)} pairs can be contrasted with negatives "
                f"{options.negatives}: make more pairs (min_occurrences is at least 2 for "
                f"same_token), or lower min_seconds or raise max_seconds"
            )

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, position: int) -> MicroBatch:
        indices = self._batches[position].tolist()
        pieces = (Piece(index, 0, int(self._lengths[index])) for index in indices)
        return MicroBatch(self._epoch, position, tuple(pieces))


def _by_group(kept: np.ndarray, groups: np.ndarray, least: int) -> Iterator[np.ndarray]:
    """The members of each group of `least` or more, in the order of `kept`."""
    ordered = kept[np.argsort(groups[kept], kind="stable")]
    borders = np.flatnonzero(np.diff(groups[ordered])) + 1
    return (members for members in np.split(ordered, borders) if len(members) >= least)


def _deal(members: np.ndarray, lengths: np.ndarray, limit: int, most: int) -> list[np.ndarray]:
    """Parts of 2 to `most`, which is at least 3, none larger than a contrast may be; of one
    member, one part."""
    most = min(most, limit // int(lengths.max()))
    num_parts = max(1, min(-(-len(members) // most), len(members) // 2))
    return np.array_split(members, num_parts)


def _pack(
    parts: Iterable[np.ndarray], lengths: np.ndarray, limit: int, most: int
) -> Iterator[np.ndarray]:
    held: list[np.ndarray] = []
    num_pairs = longest = 0
    for part in parts:
        longest_then = max(longest, int(lengths[part].max()))
        num_then = num_pairs + len(part)
        if held and (num_then > most or longest_then * num_then > limit):
            yield np.concatenate(held)
            held, num_then, longest_then = [], len(part), int(lengths[part].max())
        held.append(part)
        num_pairs, longest = num_then, longest_then
    if held:
        yield np.concatenate(held)
