"""Figures of encoders of clips: what is averaged, and that nothing leaks."""

from pathlib import Path

import numpy as np
import pytest

from aubert.clar.evaluation import FrozenFeatures, Score, chance, draws_of, figures, table
from aubert.clar.options import ReadOptions
from aubert.clar.splits import SplitOptions, labels_within, split
from aubert.corpus.clips import Clip
from aubert.evaluate.metrics import mean_of_runs

CLIPS = [
    Clip(f"{voice}-{label}-{take}", f"l{label}", f"v{voice}", Path("x"))
    for voice in range(6) for label in range(4) for take in range(10)
]  # fmt: skip


def encode_labels(clips):
    """Features that say the label, in noise."""
    rng = np.random.default_rng(0)
    one_hot = np.eye(4)[[int(clip.label[1]) for clip in clips]]
    return 3 * one_hot + rng.standard_normal(one_hot.shape)


def encode_nothing(clips):
    return np.random.default_rng(len(clips)).standard_normal((len(clips), 8))


@pytest.mark.parametrize("read", ["probe", "neighbours"])
def test_what_is_in_the_features_is_read_and_nothing_else(read):
    part = split(CLIPS, 0, SplitOptions())
    chosen = labels_within(part.train, 100, 0, 0)
    found = getattr(FrozenFeatures(part, encode_labels, ReadOptions()), read)(chosen)
    assert found > 0.85
    nothing = getattr(FrozenFeatures(part, encode_nothing, ReadOptions()), read)(chosen)
    assert nothing < 0.45
    one_each = labels_within(part.train, 1, 0, 0)
    assert len(one_each) == 4  # a class with a single member
    few = getattr(FrozenFeatures(part, encode_labels, ReadOptions()), read)(one_each)
    assert 0.4 < few <= found


def test_only_the_chosen_labels_are_seen():
    """With every other label wrong, what is read does not change."""
    part = split(CLIPS, 0, SplitOptions())
    chosen = labels_within(part.train, 20, 0, 0)
    wrong = [
        clip if clip.id in set(chosen) else clip._replace(label=f"l{3 - int(clip.label[1])}")
        for clip in part.train
    ]
    features = encode_labels(part.train)
    own = dict(zip([clip.id for clip in part.train], features, strict=True))
    own |= dict(zip([c.id for c in part.test], encode_labels(part.test), strict=True))

    def encode(clips):
        return np.stack([own[clip.id] for clip in clips])

    honest = FrozenFeatures(part, encode, ReadOptions())
    misled = FrozenFeatures(part._replace(train=wrong), encode, ReadOptions())
    assert honest.probe(chosen) == misled.probe(chosen)
    assert honest.neighbours(chosen) == misled.neighbours(chosen)


def test_leads_are_paired():
    scores = [
        Score(arm, "accuracy", 1, fold, draw, base + 0.1 * fold + 0.01 * draw, 100)
        for arm, base in (("contrastive", 0.5), ("supervised", 0.45))
        for fold in range(3)
        for draw in range(3)
    ]
    found = figures(scores)
    assert found["clar.contrastive.accuracy_1"].value == pytest.approx(0.61)
    assert found["clar.contrastive.accuracy_1.baseline"] == found["clar.supervised.accuracy_1"]
    lead = found["clar.contrastive.lead_1"]
    assert lead.n == 9 and lead.ci95 == pytest.approx((0.05, 0.05))
    low, high = found["clar.contrastive.accuracy_1"].ci95
    assert low < 0.55 and high > 0.67  # voices differ
    assert "0.610" in table(found)


def test_one_run_has_the_interval_of_its_clips():
    found = figures([Score("joint", "accuracy", 10, 0, 0, 0.8, 50)])["clar.joint.accuracy_10"]
    assert (found.value, found.n) == (pytest.approx(0.8), 50) and found.ci95[0] < 0.7


def test_student_s_interval():
    figure = mean_of_runs([1.0, 2.0, 3.0])
    assert figure.ci95 == pytest.approx((2 - 2.484, 2 + 2.484), abs=1e-3)  # t(2) = 4.303
    assert mean_of_runs([4.0]).ci95 is None and mean_of_runs([]) is None


def test_chance_and_draws():
    assert chance(CLIPS, [0, 1, 2], SplitOptions()).value == pytest.approx(0.25)
    assert list(draws_of(10, 3)) == [0, 1, 2] and list(draws_of(100, 3)) == [0]
