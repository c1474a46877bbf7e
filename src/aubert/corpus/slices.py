"""Parts of an utterance as slices of its recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def slices_within(slices: Sequence[Mapping], start: int, end: int) -> list[dict]:
    """Samples [start, end) of an utterance as slices of its recording."""
    found, offset = [], 0
    for piece in slices:
        first = piece["start_sample"] - offset
        offset += piece["end_sample"] - piece["start_sample"]
        low = max(piece["start_sample"], first + start)
        high = min(piece["end_sample"], first + end)
        if low < high:
            found.append({"start_sample": low, "end_sample": high})
    return found
