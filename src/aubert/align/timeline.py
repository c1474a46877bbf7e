"""From the time of an utterance to the time of its recording, and to rows of words."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

from aubert.align.script import ScriptItem


class Timeline:
    """The clock of one utterance: its slices of the recording, played one after another."""

    def __init__(self, slices: Sequence[Mapping], sample_rate_hz: int):
        """slices: as in the utterances table, in samples of the recording as stored."""
        lengths = [piece["end_sample"] - piece["start_sample"] for piece in slices]
        self._starts = [0, *itertools.accumulate(lengths)]  # where each slice begins, in samples
        self._slices = slices
        self._sample_rate_hz = sample_rate_hz

    @property
    def duration_ms(self) -> int:
        """The length of the utterance, rounded down."""
        return self._starts[-1] * 1000 // self._sample_rate_hz

    def recording_ms(self, utterance_ms: float) -> int:
        """The recording's time at a time of the utterance; at a joint, that of the later slice."""
        sample = round(utterance_ms * self._sample_rate_hz / 1000)
        return self._recording_ms(bisect_right(self._starts, sample) - 1, sample)

    def recording_end_ms(self, utterance_ms: float) -> int:
        """The same for what ends there: at a joint, the time of the earlier slice."""
        sample = round(utterance_ms * self._sample_rate_hz / 1000)
        return self._recording_ms(bisect_left(self._starts, sample) - 1, sample)

    def _recording_ms(self, index: int, sample: int) -> int:
        index = min(max(index, 0), len(self._slices) - 1)
        in_recording = self._slices[index]["start_sample"] + sample - self._starts[index]
        return round(in_recording * 1000 / self._sample_rate_hz)


def word_rows(
    utterance_id: str,
    timeline: Timeline,
    book_text: str,
    script: Sequence[ScriptItem],
    times: Sequence[tuple[float, float, float]],
) -> list[dict]:
    """Rows of the words table for the script's book tokens.

    times: per script item (start_s, end_s, confidence) in the utterance, in order.
    Rounding to milliseconds keeps every word inside the utterance, at least 1 ms long
    and not before the word ahead of it.
    """
    rows: list[dict] = []
    last_end_ms = 0
    for item, (start_s, end_s, confidence) in zip(script, times, strict=True):
        start_ms = min(max(round(start_s * 1000), last_end_ms), timeline.duration_ms - 1)
        end_ms = min(max(round(end_s * 1000), start_ms + 1), timeline.duration_ms)
        last_end_ms = end_ms
        if item.token is None:
            continue
        rows.append(
            {
                "utterance_id": utterance_id,
                "index": len(rows),
                "word": book_text[item.token.char_start : item.token.char_end],
                "spoken": " ".join(item.spoken),
                "char_start": item.token.char_start,
                "char_end": item.token.char_end,
                "start_ms": start_ms,
                "end_ms": end_ms,
                "recording_start_ms": timeline.recording_ms(start_ms),
                "confidence": confidence,
            }
        )
    return rows
