"""Intervals that resample clusters: how often they cover, and what they resample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aubert.evaluate.intervals import DRAWS, MIN_CLUSTERS, interval
from aubert.evaluate.metrics import mean, quantile, share


def clustered(rng, num_clusters: int, size: int, spread: float, noise: float):
    """(values whose true mean and median are 0, the cluster of each)."""
    centres = np.repeat(rng.normal(0, spread, num_clusters), size)
    owners = np.repeat(np.arange(num_clusters), size)
    return centres + rng.normal(0, noise, len(owners)), owners


@pytest.mark.parametrize("num_clusters", [6, 20])
def test_a_mean_is_covered_as_often_as_the_interval_says(num_clusters):
    """A bootstrap of the values alone covers it in less than half of the trials."""
    rng = np.random.default_rng(0)
    covered = alone = 0
    for _ in range(150):
        values, owners = clustered(rng, num_clusters, 25, 1.0, 0.5)
        low, high = mean(values, {"speakers": owners}).ci95
        covered += low <= 0 <= high
        low, high = mean(values, {"values": range(len(values))}).ci95
        alone += low <= 0 <= high
    assert covered / 150 >= 0.88
    assert alone / 150 < 0.6


def test_a_median_is_covered():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(150):
        values, owners = clustered(rng, 20, 15, 1.0, 0.5)
        low, high = quantile(values, 0.5, {"speakers": owners}).ci95
        covered += low <= 0 <= high
    assert covered / 150 >= 0.88


def test_a_share_is_covered():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(150):
        chances = rng.beta(8, 2, 20)  # 0.8 in the mean
        hits = rng.random((20, 30)) < chances[:, None]
        owners = np.repeat(np.arange(20), 30)
        low, high = share(hits.ravel(), {"speakers": owners}).ci95
        covered += low <= 0.8 <= high
    assert covered / 150 >= 0.88


@settings(max_examples=20, deadline=None)
@given(st.integers(MIN_CLUSTERS, 60), st.integers(0, 2**31))
def test_clusters_of_one_are_the_plain_bootstrap(size, seed):
    """The same draws, and of many values the same percentiles."""
    values = np.random.default_rng(seed).normal(size=size)
    drawn = []

    def estimate(times):
        drawn.append(float(times @ values) / size)
        return drawn[-1]

    found = interval(estimate, {"speakers": range(size)}, seed=3)
    rng = np.random.default_rng(3)
    plain = [values[rng.integers(0, size, size)].mean() for _ in range(DRAWS)]
    assert drawn == pytest.approx(plain)
    low, high = np.percentile(plain, [2.5, 97.5])
    assert (found.unit, found.number) == ("speakers", size)
    assert found.low <= low + 1e-12 and found.high >= high - 1e-12


def test_of_many_the_percentiles_are_the_plain_ones():
    values = np.random.default_rng(0).normal(size=3_000)
    found = mean(values, {"values": range(3_000)})
    rng = np.random.default_rng(0)
    plain = [values[rng.integers(0, 3_000, 3_000)].mean() for _ in range(DRAWS)]
    assert found.ci95 == pytest.approx(np.percentile(plain, [2.5, 97.5]), abs=5e-4)


@given(st.integers(1, 9), st.integers(1, 4))
def test_few_speakers_are_not_resampled_but_their_utterances(num_speakers, each):
    owners = {
        "speakers": [n // each for n in range(num_speakers * each)],
        "utterances": range(num_speakers * each),
    }
    found = interval(lambda times: float(times[0]), owners, draws=5)
    if num_speakers >= MIN_CLUSTERS:
        assert (found.unit, found.number) == ("speakers", num_speakers)
    elif num_speakers * each >= 2:
        assert (found.unit, found.number) == ("utterances", num_speakers * each)
    else:
        assert found is None


def test_draws_without_an_estimate_are_left_out():
    owners = {"speakers": range(8)}
    assert interval(lambda times: float("nan"), owners) is None
    found = interval(lambda times: 1.0 if times[0] else float("nan"), owners)
    assert (found.low, found.high) == (1, 1)


def test_a_share_that_never_misses_is_not_certain():
    figure = share([True] * 40, {"speakers": [n // 5 for n in range(40)]})
    assert figure.ci95[0] == pytest.approx(0.9124, abs=1e-3) and figure.ci95[1] == 1  # Wilson's
