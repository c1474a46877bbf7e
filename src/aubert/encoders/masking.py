"""Spans of frames that are masked: HuBERT predicts their labels, CTC training is augmented."""

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
