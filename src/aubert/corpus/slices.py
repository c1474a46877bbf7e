"""Parts of an utterance as slices of its recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def within(
    slices: Sequence[tuple[int, int]], start: int, num_samples: int
) -> list[tuple[int, int]]:
    """The parts of `slices` that hold samples [start, start + num_samples) of their
    concatenation."""
    offset, found = 0, []
    for first, last in slices:
        low = max(first, first + start - offset)
        high = min(last, first + start + num_samples - offset)
        if low < high:
            found.append((low, high))
        offset += last - first
    return found


def slices_within(slices: Sequence[Mapping], start: int, end: int) -> list[dict]:
    """Samples [start, end) of an utterance as slices of its recording, rows as in the tables."""
    spans = [(piece["start_sample"], piece["end_sample"]) for piece in slices]
    return [
        {"start_sample": low, "end_sample": high} for low, high in within(spans, start, end - start)
    ]
