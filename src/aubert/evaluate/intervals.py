"""Intervals that resample speakers: utterances of one speaker resemble each other.

The bootstrap draws whole clusters (Davison and Hinkley 1997, section 3.8). Of few clusters its
percentiles lie too close together; they are widened as Student's t is wider than the normal
distribution (Hesterberg 2015, "expanded percentiles").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

MIN_CLUSTERS = 5  # of fewer speakers the spread says nothing about others
DRAWS = 1_000
Z95 = 1.959964

# What may be resampled, the coarsest first: a name in the plural -> of each item, whose it is.
Clusters = Mapping[str, Sequence[Hashable]]


class Interval(NamedTuple):
    """A 95% interval, and what it comes from: `number` different ones of `unit` were resampled."""

    low: float
    high: float
    unit: str
    number: int


def interval(
    estimate: Callable[[np.ndarray], float],
    clusters: Clusters,
    *,
    centre: float | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval | None:
    """The bootstrap interval of an estimate.

    estimate: takes how often each item counts, int64 [num_items]. clusters: the first with
    MIN_CLUSTERS different ones is resampled, else the last. centre: None takes the percentiles of
    the draws; a value takes their spread around it, for an estimate that repeated items bias.
    None where fewer than two could be resampled, or no draw has an estimate.
    """
    unit, owners = _resampled(clusters)
    names = {name: place for place, name in enumerate(dict.fromkeys(owners))}
    number = len(names)
    if number < 2:
        return None
    owner = np.fromiter((names[name] for name in owners), np.int64, len(owners))
    random = np.random.default_rng(seed)
    drawn = np.empty(draws)
    for place in range(draws):
        picks = random.integers(0, number, number)
        drawn[place] = estimate(np.bincount(picks, minlength=number)[owner])
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return None
    wide = _spread(number)
    if centre is None:
        tail = 50 * math.erfc(wide / math.sqrt(2))
        low, high = np.percentile(drawn, [tail, 100 - tail])
    else:
        low, high = (centre + side * wide * np.std(drawn) for side in (-1, 1))
    return Interval(float(low), float(high), unit, number)


def _resampled(clusters: Clusters) -> tuple[str, Sequence[Hashable]]:
    *coarse, last = clusters.items()
    enough = (one for one in coarse if len(set(one[1])) >= MIN_CLUSTERS)
    return next(enough, last)


def _spread(number: int) -> float:
    """Standard deviations of a bootstrap distribution of `number` clusters from its middle to the
    ends of the interval; 1.96 of many."""
    from scipy.stats import t

    return float(t.ppf(0.975, number - 1)) * math.sqrt(number / (number - 1))
