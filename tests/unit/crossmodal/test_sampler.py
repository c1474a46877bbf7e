import dataclasses
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aubert.crossmodal.options import AubertTrainOptions
from aubert.crossmodal.sampler import PairPlan

OPTIONS = AubertTrainOptions(batch_pairs=8, batch_seconds=12, max_seconds=3, min_seconds=0.1)
PAIRS = st.lists(st.tuples(st.integers(1_600, 48_000), st.integers(0, 9)), min_size=2, max_size=80)


def columns(pairs):
    lengths, groups = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    return lengths, groups


def plan(pairs, epoch=0, **changes):
    return PairPlan(*columns(pairs), epoch, dataclasses.replace(OPTIONS, **changes))


def indices(plan):
    return [[piece.index for piece in micro.pieces] for micro in plan]


@given(PAIRS, st.sampled_from(["same_token", "mixed", "any"]), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_a_contrast_fits_and_holds_whole_parts_of_groups(pairs, negatives, epoch):
    lengths, groups = columns(pairs)
    sizes = Counter(groups.tolist())
    if negatives == "same_token" and max(sizes.values()) < 2:
        with pytest.raises(ValueError, match="no two of"):
            plan(pairs, epoch, negatives=negatives)
        return
    found = plan(pairs, epoch, negatives=negatives)
    batches = indices(found)
    for batch, micro in zip(batches, found, strict=True):
        assert 2 <= len(batch) <= 8
        longest = max(piece.num_samples for piece in micro.pieces)
        assert longest * len(batch) <= 12 * 16_000
        assert all(p.start == 0 and p.num_samples == lengths[p.index]
                   for p in micro.pieces)  # fmt: skip
        if negatives != "any":
            alone = {group for group, n in Counter(groups[batch].tolist()).items() if n == 1}
            assert all(sizes[group] == 1 for group in alone)
    counts = Counter(index for batch in batches for index in batch)
    assert max(counts.values()) == 1
    if negatives != "same_token":
        assert len(counts) >= len(pairs) - len(batches) - 1  # but for what is alone in a batch
    else:
        assert set(counts) == {i for i, group in enumerate(groups.tolist()) if sizes[group] > 1}
    again = plan(pairs, epoch, negatives=negatives)
    assert list(again) == list(found)


def test_epochs_and_seeds_differ():
    rng = np.random.default_rng(0)
    pairs = [
        (int(length), int(group))
        for length, group in rng.integers((2_000, 0), (20_000, 9), (60, 2))
    ]
    for negatives in ("same_token", "any"):
        plans = [
            indices(plan(pairs, epoch, seed=seed, negatives=negatives))
            for epoch, seed in ((0, 0), (1, 0), (0, 1))
        ]
        assert plans[0] != plans[1] and plans[0] != plans[2]


def test_a_large_group_is_dealt_evenly():
    batches = indices(plan([(2_000, 0)] * 17))
    assert sorted(map(len, batches)) == [5, 6, 6]
    assert sorted(map(len, indices(plan([(2_000, 0)] * 17, negatives="mixed")))) == [3, 7, 7]


def test_mixed_has_many_groups_in_a_contrast():
    pairs = [(2_000, i % 6) for i in range(120)]
    for batch in indices(plan(pairs, negatives="mixed", batch_pairs=24)):
        assert max(Counter(index % 6 for index in batch).values()) < 24
        assert len({index % 6 for index in batch}) >= 3


def test_small_groups_share_a_contrast():
    batches = indices(plan([(2_000, i // 2) for i in range(16)], negatives="mixed"))
    assert [len(batch) for batch in batches] == [8, 8]


def test_audio_that_is_too_short_or_too_long_is_left_out():
    pairs = [(1_599, 0), (1_600, 0), (48_000, 0), (48_001, 0)]
    for negatives in ("same_token", "any"):
        assert sorted(indices(plan(pairs, negatives=negatives))[0]) == [1, 2]


def test_options_that_cannot_be():
    with pytest.raises(ValueError, match=r"batch_pairs\n.*greater than or equal to 3"):
        dataclasses.replace(OPTIONS, batch_pairs=2)
    with pytest.raises(ValueError, match="must hold three pairs"):
        dataclasses.replace(OPTIONS, batch_seconds=5)
