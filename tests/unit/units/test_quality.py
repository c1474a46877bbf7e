"""Unit quality against values worked out by hand, and scikit-learn's mutual information."""

import math

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from aubert.evaluate.unit_quality import pnmi_figure
from aubert.units.quality import QualityTally, frame_phones, mutual_information


def unit_quality(utterances, num_clusters, rate_hz):
    tally = QualityTally(num_clusters, rate_hz)
    for utterance in utterances:
        tally.add(*utterance)
    return tally.quality()


def phones(*spans):
    return [{"phone": name, "start_s": start, "end_s": end} for name, start, end in spans]


def test_by_hand():
    """Eight frames of 10 ms: A A A A B B B B as units 0 0 0 1 1 1 1 1; unit 2 is dead."""
    intervals = phones(("A", 0.0, 0.05), ("B", 0.05, 0.1))  # middles at 12.5, 22.5, ... ms
    units = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    got = unit_quality([("s", units, intervals)], num_clusters=3, rate_hz=100)
    information = (
        3 / 8 * math.log((3 / 8) / (1 / 2 * 3 / 8))
        + 1 / 8 * math.log((1 / 8) / (1 / 2 * 5 / 8))
        + 4 / 8 * math.log((4 / 8) / (1 / 2 * 5 / 8))
    )
    assert got.pnmi == pytest.approx(information / math.log(2))
    assert got.phone_purity == pytest.approx(7 / 8)  # unit 0 -> A: 3 right; unit 1 -> B: 4
    assert got.cluster_purity == pytest.approx(7 / 8)  # A -> 0: 3; B -> 1: 4
    assert got.unit_entropy == pytest.approx(-(3 / 8 * math.log(3 / 8) + 5 / 8 * math.log(5 / 8)))
    assert got.dead_clusters == 1
    assert got.mean_unit_ms == pytest.approx(40)
    assert math.isnan(got.speaker_nmi)
    assert got.num_frames == 8


def test_units_that_are_the_phones_tell_all_and_noise_tells_nothing():
    intervals = phones(*((name, i * 0.1, (i + 1) * 0.1) for i, name in enumerate("ABCD" * 250)))
    numbers: dict = {}
    truth = frame_phones(intervals, 9_990, 100, numbers)
    got = unit_quality([("s", truth, intervals)], 4, 100)
    assert (got.pnmi, got.phone_purity) == (pytest.approx(1), 1)
    noise = np.random.default_rng(0).integers(0, 4, 9_990)
    assert unit_quality([("s", noise, intervals)], 4, 100).pnmi < 0.01


def test_speakers_leak():
    intervals = phones(("A", 0, 0.5), ("B", 0.5, 1.1))
    own = [("s", np.zeros(100, int), intervals), ("t", np.ones(100, int), intervals)]
    got = unit_quality(own, 2, 100)
    assert got.speaker_nmi == pytest.approx(1)
    assert got.pnmi == pytest.approx(0, abs=1e-12)
    both = np.arange(100) % 2
    assert unit_quality([("s", both, intervals), ("t", both, intervals)], 2, 100).speaker_nmi < 1e-9


def test_mutual_information_is_scikit_learns():
    rng = np.random.default_rng(0)
    left = rng.integers(0, 5, 2_000)
    right = (left + rng.integers(0, 3, 2_000)) % 7
    table = np.zeros((5, 7), int)
    np.add.at(table, (left, right), 1)
    assert mutual_information(table) == pytest.approx(mutual_info_score(left, right))


def test_frames_take_the_phone_at_their_middle():
    intervals = phones(("A", 0.02, 0.0325), ("B", 0.0325, 0.05), ("A", 0.06, 0.07))
    numbers: dict = {}
    #  middles in ms: 12.5  22.5  32.5 (B's first)  42.5  52.5 (a gap)  62.5  72.5
    assert frame_phones(intervals, 7, 100, numbers).tolist() == [-1, 0, 1, 1, -1, 0, -1]
    assert numbers == {"A": 0, "B": 1}
    assert frame_phones([], 2, 100, numbers).tolist() == [-1, -1]


def test_no_phone_is_an_error():
    with pytest.raises(ValueError, match="no frame has a phone"):
        unit_quality([("s", np.zeros(10, int), phones(("A", 5, 6)))], 2, 100)


def tally_of(num_utterances: int, seed: int, agreement: float, num_speakers=1) -> QualityTally:
    """Units that are the phones, but for a share 1 - agreement of the frames."""
    rng = np.random.default_rng(seed)
    tally = QualityTally(4, 100.0)
    for number in range(num_utterances):
        speaker = f"s{number % num_speakers}"
        names = rng.integers(0, 4, 20)
        intervals = phones(*((str(p), i * 0.1, (i + 1) * 0.1) for i, p in enumerate(names)))
        truth = names[((np.arange(190) * 0.01 + 0.0125) / 0.1).astype(int)]
        noise = rng.random(190) >= agreement
        tally.add(speaker, np.where(noise, rng.integers(0, 4, 190), truth), intervals)
    return tally


def test_the_interval_of_pnmi_is_as_wide_as_other_corpora_differ():
    tallies = [tally_of(30, seed, agreement=0.7) for seed in range(20)]
    low, high = pnmi_figure(tallies[0]).ci95
    value = tallies[0].quality().pnmi
    assert low < value < high
    spread = np.std([tally.quality().pnmi for tally in tallies])
    assert high - low == pytest.approx(2 * 1.96 * spread, rel=0.5)
    assert pnmi_figure(tallies[0]).ci95 == (low, high)
    assert pnmi_figure(tallies[0]).resampled == ("utterances", 30)  # of one speaker


def test_fewer_utterances_have_a_wider_interval():
    few, many = (pnmi_figure(tally_of(num, 0, agreement=0.7)).ci95 for num in (10, 90))
    assert few[1] - few[0] > 2 * (many[1] - many[0])


def test_the_interval_of_pnmi_resamples_speakers():
    figure = pnmi_figure(tally_of(30, 0, agreement=0.7, num_speakers=6))
    assert figure.resampled == ("speakers", 6)
    assert figure.ci95[0] < figure.value < figure.ci95[1]
