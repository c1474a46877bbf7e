"""Labels of any rate, one for each frame of the encoder."""

from __future__ import annotations

import math

import numpy as np


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
