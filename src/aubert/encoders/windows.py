"""Long utterances in overlapping windows, merged to the frames that one pass would give."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np


class Window(NamedTuple):
    """Frames [start, end) run together; of them [keep_start, keep_end) are kept."""

    start: int
    end: int
    keep_start: int
    keep_end: int


def windows(num_frames: int, size: int, overlap: int) -> list[Window]:
    """Windows of `size` frames, neighbours sharing at least `overlap`, spread evenly so that
    all are equally long. What is kept covers every frame once: neighbours meet in the
    middle of what they share. Needs overlap < size; num_frames <= size gives one window.
    """
    assert overlap < size
    if num_frames <= size:
        return [Window(0, num_frames, 0, num_frames)]
    count = -(-(num_frames - overlap) // (size - overlap))
    starts = [index * (num_frames - size) // (count - 1) for index in range(count)]
    joints = [(start + size + later) // 2 for start, later in pairwise(starts)]
    keeps = zip([0, *joints], [*joints, num_frames], strict=True)
    return [Window(start, start + size, *keep) for start, keep in zip(starts, keeps, strict=True)]


def merge(
    parts: Sequence[tuple[Window, np.ndarray]], num_frames: int, num_columns: int
) -> np.ndarray:
    """The kept frames of all windows' [size, num_columns] arrays: [num_frames, num_columns]."""
    merged = np.empty((num_frames, num_columns), np.float32)
    filled = 0
    for window, values in parts:
        assert len(values) == window.end - window.start, (len(values), window)
        kept = values[window.keep_start - window.start : window.keep_end - window.start]
        merged[window.keep_start : window.keep_end] = kept
        filled += len(kept)
    assert filled == num_frames, f"{filled} of {num_frames} frames are filled"
    return merged
