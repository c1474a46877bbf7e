"""Voice activity: the frame decisions of silero-vad or webrtcvad, smoothed into intervals.

silero-vad is a small recurrent network (Silero Team, MIT) whose weights come with its wheel. They
run under onnxruntime alone; importing the package would import torch. webrtcvad, a mixture of
Gaussians over six bands, is the detector that AuBERT's scripts use.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from annotated_types import Interval

from aubert.audio import SAMPLE_RATE_HZ
from aubert.options import NaturalInt, Share, options_class

# webrtcvad: the longest frame that it takes, and the least noisy. silero: what its network takes.
FRAME_SAMPLES = {"webrtcvad": 480, "silero": 512}
_CONTEXT_SAMPLES = 64  # of the frame before, in front of each frame of silero's
_FRAMES_PER_RUN = 512  # of silero's network: 16 s


@options_class
class VadOptions:
    """How speech is found.

    detector: silero rejects noise and music; webrtcvad, AuBERT's kind, takes most of them for
      speech
    threshold: silero's probability of speech above which a frame is speech; no effect on webrtcvad
    aggressiveness: how readily webrtcvad calls a frame silence; no effect on silero
    min_speech_ms: shorter speech is taken for a click and dropped
    min_silence_ms: shorter silence is a pause inside a word or phrase and is filled
    padding_ms: speech is widened by this at both ends, for its soft edges
    """

    detector: Literal["silero", "webrtcvad"] = "silero"
    threshold: Share = 0.2
    aggressiveness: Annotated[int, Interval(ge=0, le=3)] = 1
    min_speech_ms: NaturalInt = 190
    min_silence_ms: NaturalInt = 240
    padding_ms: NaturalInt = 120


def voice_activity(blocks: Iterable[np.ndarray], options: VadOptions) -> list[tuple[float, float]]:
    """Intervals of speech (start_s, end_s), in order, not overlapping.

    blocks: one recording, float32 [any number of samples] each, at 16 kHz in [-1, 1]. A recording
    without speech gives [].
    """
    num_samples = 0

    def counted() -> Iterator[np.ndarray]:
        nonlocal num_samples
        for block in blocks:
            num_samples += len(block)
            yield block

    if options.detector == "silero":
        decisions = silero_probabilities(counted()) > options.threshold
    else:
        decisions = webrtcvad_decisions(counted(), options.aggressiveness)
    return smoothed(decisions, num_samples / SAMPLE_RATE_HZ, options)


def webrtcvad_decisions(blocks: Iterable[np.ndarray], aggressiveness: int) -> np.ndarray:
    """webrtcvad's plain output: bool [num_samples // 480], one per 30 ms. blocks: as of
    `voice_activity`."""
    import webrtcvad

    vad = webrtcvad.Vad(aggressiveness)
    decisions = [
        vad.is_speech(frame.tobytes(), SAMPLE_RATE_HZ)
        for frames in _framed(blocks, FRAME_SAMPLES["webrtcvad"])
        for frame in (np.clip(frames, -1, 1) * 32767).astype("<i2")
    ]
    return np.array(decisions, bool)


def silero_probabilities(blocks: Iterable[np.ndarray]) -> np.ndarray:
    """silero's plain output: float32 [ceil(num_samples / 512)], the probability of speech, one per
    32 ms. blocks: as of `voice_activity`.

    The same values as of silero_vad's own SileroVADSequence, whose state, context and padding of
    the last frame are reproduced.
    """
    session = _silero()
    size = FRAME_SAMPLES["silero"]
    hidden, cell = np.zeros((2, 1, 1, 128), np.float32)
    context = np.zeros((1, _CONTEXT_SAMPLES), np.float32)
    found = [np.zeros(0, np.float32)]
    for block in _framed(blocks, size, pad_last=True):
        for start in range(0, len(block), _FRAMES_PER_RUN):
            frames = block[start : start + _FRAMES_PER_RUN]
            contexts = np.concatenate([context, frames[:-1, -_CONTEXT_SAMPLES:]])
            context = frames[-1:, -_CONTEXT_SAMPLES:]
            inputs = {"input": np.hstack([contexts, frames]), "h": hidden, "c": cell}
            probabilities, hidden, cell = session.run(["speech_probs", "hn", "cn"], inputs)
            found.append(probabilities.reshape(-1))
    return np.concatenate(found)


@cache
def _silero():
    # From 1.29 on onnxruntime writes an id of the device to the home directory and sends what runs
    # to Microsoft, unless this is set before it is imported.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    (folder,) = find_spec("silero_vad").submodule_search_locations  # found, not imported
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # it is too small for more
    return onnxruntime.InferenceSession(
        str(Path(folder, "data", "silero_vad_16k_sequence.onnx")),
        options,
        providers=["CPUExecutionProvider"],
    )


def _framed(
    blocks: Iterable[np.ndarray], size: int, *, pad_last: bool = False
) -> Iterator[np.ndarray]:
    """The blocks' samples as frames, float32 [num_frames >= 1, size], in parts of about a block.
    A frame that is not full at the end is left out, or padded with zeros."""
    rest = np.zeros(0, np.float32)
    for block in blocks:
        samples = np.concatenate([rest, block])
        num_whole = len(samples) // size * size
        if num_whole:
            yield samples[:num_whole].reshape(-1, size)
        rest = samples[num_whole:]
    if pad_last and len(rest):
        yield np.pad(rest, (0, size - len(rest))).reshape(1, size)


def smoothed(
    decisions: np.ndarray, duration_s: float, options: VadOptions
) -> list[tuple[float, float]]:
    """Frame decisions, bool [num_frames], as `voice_activity` gives them."""
    frame_ms = 1000 * FRAME_SAMPLES[options.detector] // SAMPLE_RATE_HZ
    # Silence is filled before short speech is dropped, so that a word broken into
    # flickering frames is kept whole.
    decisions = _absorb(decisions, False, options.min_silence_ms / frame_ms)
    decisions = _absorb(decisions, True, options.min_speech_ms / frame_ms)
    padding_s = options.padding_ms / 1000
    intervals: list[tuple[float, float]] = []
    for start, end in runs(decisions):
        start_s = max(0.0, start * frame_ms / 1000 - padding_s)
        end_s = min(duration_s, end * frame_ms / 1000 + padding_s)
        if intervals and start_s <= intervals[-1][1]:
            intervals[-1] = (intervals[-1][0], end_s)
        else:
            intervals.append((start_s, end_s))
    return intervals


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """[start, end) of every run of True in a 1-D bool array."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _absorb(decisions: np.ndarray, value: bool, max_frames: float) -> np.ndarray:
    """Flips runs of `value` shorter than max_frames; silence at the two ends stays."""
    result = decisions.copy()
    for start, end in runs(decisions == value):
        at_an_end = start == 0 or end == len(decisions)
        if end - start < max_frames and not (at_an_end and not value):
            result[start:end] = not value
    return result
