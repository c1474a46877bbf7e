import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aubert.encoders.masking import span_mask
from aubert.hubert.frame_labels import labels_of_frames


@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=6),
    st.floats(0.1, 1.5),
    st.integers(1, 20),
    st.integers(0, 2**32 - 1),
)
def test_every_row_has_its_share_masked(num_frames, fraction, span, seed):
    mask = span_mask(num_frames, np.random.default_rng(seed), fraction=fraction, span=span)
    share = 1 - math.exp(-fraction)
    for row, length in zip(mask, num_frames, strict=True):
        assert not row[length:].any()
        masked = row.sum()
        assert masked >= 1
        assert masked >= min(math.ceil(share * length), length - span)
        assert masked <= max(math.ceil(share * length) + span, 1)
        if length > 1:
            assert masked < length


@given(st.integers(40, 400), st.integers(0, 1000))
def test_masked_frames_lie_in_whole_spans(length, seed):
    (row,) = span_mask([length], np.random.default_rng(seed), fraction=0.8, span=10)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
    assert (edges[1::2] - edges[::2] >= 10).all()
    assert row.sum() > 10  # at least two spans


def test_the_share_is_that_of_the_papers_rule():
    from torchaudio.models.wav2vec2.components import _compute_mask_indices

    length, rows = 300, 400
    ours = span_mask([length] * rows, np.random.default_rng(0), fraction=0.8, span=10).mean()
    # Row by row: torchaudio cuts all rows of a batch to the least masked one.
    theirs = np.mean(
        [_compute_mask_indices((1, length), None, 0.8, 10, min_masks=2).float().mean()
         for _ in range(rows)]
    )  # fmt: skip
    assert abs(ours - theirs) < 0.03


def test_the_mask_comes_from_the_generator():
    masks = [
        span_mask([90, 50], np.random.default_rng(seed), fraction=0.8, span=10)
        for seed in (1, 1, 2)
    ]
    assert (masks[0] == masks[1]).all()
    assert (masks[0] != masks[2]).any()


@pytest.mark.parametrize(
    ("label_rate", "frame_rate", "expected"),
    [
        (100, 50, [0, 2, 4, 6]),
        (100, 25, [0, 4, 8, 12]),
        (50, 50, [0, 1, 2, 3]),
        (25, 50, [0, 0, 1, 1]),
        (50, 25, [0, 2, 4, 6]),
        (25, 100, [0, 0, 0, 1]),  # frame 3 begins at 30 ms, label 1 at 40, label 0 at 0
    ],
)
def test_labels_of_another_rate(label_rate, frame_rate, expected):
    labels = np.arange(13)
    assert labels_of_frames(labels, label_rate, frame_rate, 4).tolist() == expected


@given(st.integers(400, 100_000), st.sampled_from([25, 50]))
def test_mfcc_labels_have_the_frames_own_windows(num_samples, frame_rate):
    """Fairseq's rule, floor(t x label_rate / frame_rate), for MFCC labels."""
    num_labels = (num_samples - 400) // 160 + 1
    num_frames = (num_samples - 400) // (16_000 // frame_rate) + 1
    aligned = labels_of_frames(np.arange(num_labels), 100, frame_rate, num_frames)
    assert (aligned == np.arange(num_frames) * 100 // frame_rate).all()


@given(st.integers(0, 50), st.integers(1, 40), st.sampled_from([25, 50, 100]))
def test_a_crop_has_the_labels_of_its_place(first, length, label_rate):
    labels = np.random.default_rng(0).integers(0, 50, 200)
    whole = labels_of_frames(labels, label_rate, 50, first + length)
    assert (labels_of_frames(labels, label_rate, 50, length, first) == whole[first:]).all()


def test_labels_of_a_wrong_rate_are_refused():
    with pytest.raises(ValueError, match="50 labels at 100 Hz do not reach frame 49"):
        labels_of_frames(np.zeros(50, int), 100, 50, 50)
