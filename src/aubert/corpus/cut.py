"""Chapters into utterances: stretches of speech, stitched up to a maximal length.

Utterances are virtual: lists of slices of the recording. Stitching follows AuBERT's
cut_by_vad (consecutive stretches are joined while they fit), and keeps every stretch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge

from aubert import audio
from aubert.corpus.vad import VadOptions, voice_activity
from aubert.options import options_class
from aubert.stage import Reject


@options_class
class CutOptions(VadOptions):
    """How a chapter is cut. The VAD's options have no effect on a recording whose json
    holds voice_activity.

    max_seconds: the longest utterance; 30 is AuBERT's, and what most encoders bear
    """

    max_seconds: Annotated[float, Ge(1)] = 30.0


def cut(
    recordings: Iterable[dict], corpus_root: Path, options: CutOptions
) -> Iterator[dict | Reject]:
    """Yields the rows of `utterances`, or a reject, for each row of `recordings`."""
    for recording in recordings:
        try:
            slices = _speech(recording, corpus_root, options)
            slices = list(_split_long(slices, recording, corpus_root, options))
        except audio.AudioError as error:
            yield Reject(recording["recording_id"], error.reason, error.detail)
            continue
        if not slices:
            seconds = recording["num_samples"] / recording["sample_rate_hz"]
            detail = f"no speech in {seconds:.1f} s of {recording['path']}"
            yield Reject(recording["recording_id"], "no_speech", detail)
            continue
        max_samples = int(options.max_seconds * recording["sample_rate_hz"])
        for number, stitched in enumerate(stitch(slices, max_samples)):
            yield {
                "utterance_id": f"{recording['recording_id']}_{number:04}",
                "recording_id": recording["recording_id"],
                "index": number,
                "slices": [{"start_sample": start, "end_sample": end} for start, end in stitched],
                "num_samples": sum(end - start for start, end in stitched),
            }


def stitch(slices: Iterable[tuple[int, int]], max_samples: int) -> list[list[tuple[int, int]]]:
    """Groups consecutive slices, each at most `max_samples` long, while they fit together.

    Slices that touch become one. Every sample of the input is in exactly one group.
    """
    groups: list[list[tuple[int, int]]] = []
    filled = 0
    for start, end in slices:
        assert end - start <= max_samples
        if not groups or filled + end - start > max_samples:
            groups.append([])
            filled = 0
        if groups[-1] and groups[-1][-1][1] == start:
            groups[-1][-1] = (groups[-1][-1][0], end)
        else:
            groups[-1].append((start, end))
        filled += end - start
    return groups


def _speech(recording: dict, corpus_root: Path, options: CutOptions) -> list[tuple[int, int]]:
    """Sample slices of the recording that hold speech, in order, not overlapping."""
    if recording["voice_activity"] is not None:
        intervals = [(pair["start_s"], pair["end_s"]) for pair in recording["voice_activity"]]
    else:
        intervals = voice_activity(audio.blocks(corpus_root / recording["path"]), options)
    rate_hz = recording["sample_rate_hz"]
    slices: list[tuple[int, int]] = []
    for start_s, end_s in intervals:
        start = round(start_s * rate_hz)
        if slices:  # a json's intervals may overlap; no sample comes twice
            start = max(start, slices[-1][1])
        end = min(round(end_s * rate_hz), recording["num_samples"])
        if start < end:
            slices.append((start, end))
    return slices


def _split_long(
    slices: list[tuple[int, int]], recording: dict, corpus_root: Path, options: CutOptions
) -> Iterator[tuple[int, int]]:
    """Splits slices above max_seconds at the quietest spots of their second halves."""
    rate_hz = recording["sample_rate_hz"]
    max_samples = int(options.max_seconds * rate_hz)
    with audio.Reader(corpus_root / recording["path"], rate_hz) as reader:
        for start, end in slices:
            while end - start > max_samples:
                window = (start + max_samples // 2, start + max_samples)
                middle = window[0] + _quietest(reader.decode([window]), rate_hz)
                yield start, middle
                start = middle
            yield start, end


def _quietest(samples: np.ndarray, rate_hz: int) -> int:
    """The sample at the middle of the quietest 200 ms, about the shortest pause of a reader."""
    size = max(1, min(len(samples) // 2, rate_hz // 5))
    energy_before = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    return int(np.argmin(energy_before[size:] - energy_before[:-size])) + size // 2
