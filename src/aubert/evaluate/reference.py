"""Reference words and phones of a corpus, brought to the utterances of a run."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from aubert import tables


@dataclass(frozen=True)
class Reference:
    """The reference tables of a corpus.

    words: recording id -> its reference_words rows, in order of time
    """

    words: Mapping[str, list[dict]]


def read_reference(directory: Path, recording_ids: pa.ChunkedArray | None = None) -> Reference:
    """recording_ids: whose words are read; None: all. Raises ValueError or OSError when the
    reference is not complete."""
    words: dict[str, list[dict]] = {}
    found = tables.read(directory / "words.parquet", "reference_words")
    if recording_ids is not None:
        found = found.filter(pc.is_in(found["recording_id"], value_set=recording_ids))
    for row in found.to_pylist():
        words.setdefault(row["recording_id"], []).append(row)
    return Reference(words)


def words_within(words: list[dict], slices: list[dict], sample_rate_hz: int) -> list[dict]:
    """The reference words whose middle lies in one of an utterance's slices."""
    middles = [(word["start_s"] + word["end_s"]) / 2 * sample_rate_hz for word in words]
    found: list[dict] = []
    for piece in slices:
        first = bisect_left(middles, piece["start_sample"])
        last = bisect_left(middles, piece["end_sample"])
        found += words[first:last]
    return found


def read_phones(directory: Path) -> dict[str, list[dict]]:
    """recording id -> its reference_phones rows, in order of time."""
    phones: dict[str, list[dict]] = {}
    for row in tables.rows(directory / "phones.parquet", "reference_phones"):
        phones.setdefault(row["recording_id"], []).append(row)
    return phones


def phones_within(phones: list[dict], slices: list[dict], sample_rate_hz: int) -> list[dict]:
    """What an utterance's slices hold of the reference phones: rows {phone, start_s, end_s}
    on the utterance's clock, which stands still between slices."""
    ends = [phone["end_s"] for phone in phones]
    found: list[dict] = []
    slice_starts_s = 0.0
    for piece in slices:
        first_s = piece["start_sample"] / sample_rate_hz
        last_s = piece["end_sample"] / sample_rate_hz
        for phone in phones[bisect_right(ends, first_s) :]:
            if phone["start_s"] >= last_s:
                break
            start_s, end_s = max(phone["start_s"], first_s), min(phone["end_s"], last_s)
            shift_s = slice_starts_s - first_s
            times = {"start_s": start_s + shift_s, "end_s": end_s + shift_s}
            found.append({"phone": phone["phone"], **times})
        slice_starts_s += last_s - first_s
    return found


def spoken(words: list[dict]) -> list[str]:
    """The spoken words, one by one."""
    return [part for word in words for part in word["spoken"].split()]
