"""Which frames a masked-prediction model has to guess, and which labels they have."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def span_mask(
    num_frames: Sequence[int], rng: np.random.Generator, *, fraction: float, span: int
) -> np.ndarray:
    """Masks spans of frames; bool [num_rows, max(num_frames)], False behind a row's end.

    The paper (HuBERT, section II-C, after SpanBERT and wav2vec 2.0) starts
    `fraction x frames / span` spans at random frames and lets them overlap, so that a row's
    masked share varies, and a short row may end up with little. Here spans are added, in
    random order, until 1 - exp(-fraction) of the row's frames are masked, the expectation of
    that rule: each row has this share or up to a span more. A row shorter than two spans has
    spans of half its length. A row of one frame has it masked; a longer one keeps an
    unmasked frame.
    """
    mask = np.zeros((len(num_frames), max(num_frames, default=0)), bool)
    for row, length in zip(mask, num_frames, strict=True):
        if length > 0:
            row[:length] = _row_mask(length, rng, 1 - math.exp(-fraction), span)
    return mask


def _row_mask(length: int, rng: np.random.Generator, share: float, span: int) -> np.ndarray:
    span = min(span, max(1, length // 2))
    wanted = min(max(1, math.ceil(share * length)), max(1, length - span))
    # order[s]: when the span that starts at s is added; a frame is masked with the first
    # of the `span` spans that cover it.
    order = rng.permutation(length - span + 1)
    outside = np.full(span - 1, length)
    covering = np.lib.stride_tricks.sliding_window_view(
        np.concatenate([outside, order, outside]), span
    )
    first = covering.min(axis=1)
    return first <= np.partition(first, wanted - 1)[wanted - 1]


def labels_of_frames(
    labels: np.ndarray,
    label_rate_hz: float,
    frame_rate_hz: float,
    num_frames: int,
    first_frame: int = 0,
) -> np.ndarray:
    """The label of each frame: int64 [num_frames], from labels [num_labels] of any rate.

    Frame t takes the label whose window begins nearest, the earlier of two: label
    ceil(t x label_rate / frame_rate - 1/2). Windows of MFCC, of both front ends and of
    layers over them begin at index x hop, so equal times are equal beginnings. Where
    the label rate is a multiple of the frame rate, or equal, or half of it, this is fairseq's
    rule (every n-th label; each label twice). first_frame: where a crop begins.
    Raises ValueError when the labels end more than one label and one frame before the frames.
    """
    ratio = label_rate_hz / frame_rate_hz
    frames = np.arange(first_frame, first_frame + num_frames)
    nearest = np.ceil(frames * ratio - 0.5).astype(np.int64)
    if num_frames and nearest[-1] > len(labels) - 1 + max(1, math.ceil(ratio)):
        raise ValueError(
            f"{len(labels)} labels at {label_rate_hz:g} Hz do not reach frame "
            f"{frames[-1]} at {frame_rate_hz:g} Hz: the label set has another rate, or belongs "
            f"to other audio; make the labels again"
        )
    return np.asarray(labels)[np.minimum(nearest, len(labels) - 1)].astype(np.int64)
