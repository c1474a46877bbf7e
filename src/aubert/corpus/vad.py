"""Voice activity: webrtcvad's frame decisions, smoothed into intervals."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Interval

from aubert.audio import SAMPLE_RATE_HZ
from aubert.options import NaturalInt, options_class

FRAME_MS = 30  # the longest frame that webrtcvad takes, and the least noisy


@options_class
class VadOptions:
    """How webrtcvad's decisions become intervals.

    aggressiveness: 0 to 3, how readily webrtcvad calls a frame silence
    min_speech_ms: shorter speech is taken for a click and dropped
    min_silence_ms: shorter silence is a pause inside a word or phrase and is filled
    padding_ms: speech is widened by this at both ends, for its soft edges
    """

    aggressiveness: Annotated[int, Interval(ge=0, le=3)] = 1
    min_speech_ms: NaturalInt = 90
    min_silence_ms: NaturalInt = 240
    padding_ms: NaturalInt = 90


def frame_decisions(samples: np.ndarray, aggressiveness: int) -> np.ndarray:
    """webrtcvad's plain output: bool [num_samples // 480], one per 30 ms at 16 kHz.

    samples: float32 [num_samples] in [-1, 1] at 16 kHz.
    """
    import webrtcvad

    vad = webrtcvad.Vad(aggressiveness)
    size = SAMPLE_RATE_HZ * FRAME_MS // 1000
    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    frames = pcm[: len(pcm) // size * size].reshape(-1, size)
    return np.array([vad.is_speech(frame.tobytes(), SAMPLE_RATE_HZ) for frame in frames], bool)


def voice_activity(samples: np.ndarray, options: VadOptions) -> list[tuple[float, float]]:
    """Intervals of speech (start_s, end_s), in order, not overlapping.

    samples: float32 [num_samples] at 16 kHz. A recording without speech gives [].
    """
    decisions = frame_decisions(samples, options.aggressiveness)
    # Silence is filled before short speech is dropped, so that a word broken into
    # flickering frames is kept whole.
    decisions = _absorb(decisions, False, options.min_silence_ms // FRAME_MS)
    decisions = _absorb(decisions, True, options.min_speech_ms // FRAME_MS)
    duration_s = len(samples) / SAMPLE_RATE_HZ
    padding_s = options.padding_ms / 1000
    intervals: list[tuple[float, float]] = []
    for start, end in runs(decisions):
        start_s = max(0.0, start * FRAME_MS / 1000 - padding_s)
        end_s = min(duration_s, end * FRAME_MS / 1000 + padding_s)
        if intervals and start_s <= intervals[-1][1]:
            intervals[-1] = (intervals[-1][0], end_s)
        else:
            intervals.append((start_s, end_s))
    return intervals


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """[start, end) of every run of True in a 1-D bool array."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _absorb(decisions: np.ndarray, value: bool, max_frames: int) -> np.ndarray:
    """Flips runs of `value` shorter than max_frames; silence at the two ends stays."""
    result = decisions.copy()
    for start, end in runs(decisions == value):
        at_an_end = start == 0 or end == len(decisions)
        if end - start < max_frames and not (at_an_end and not value):
            result[start:end] = not value
    return result
