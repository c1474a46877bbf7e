"""What a read-aloud book plays where: stretches of its text, each with its sound."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from aubert.export.corpus import Word
from aubert.text.sentences import sentences

Granularity = Literal["word", "sentence", "paragraph"]


class Reading(NamedTuple):
    """One recording of the book, and the words that were read in it, in order of time."""

    recording_id: str
    words: Sequence[Word]


class Clip(NamedTuple):
    """text[char_start:char_end] is read in a recording from start_s to end_s."""

    char_start: int
    char_end: int
    recording_id: str
    start_s: float
    end_s: float


def clips(
    text: str,
    readings: Iterable[Reading],
    paragraphs: Sequence[tuple[int, int]],
    granularity: Granularity,
    language: str = "en",
) -> list[Clip]:
    """The stretches that are played, in the order of the text.

    paragraphs: [start, end) of the text, in order; a stretch lies in one of them. language: of
    its sentences, BCP 47. What is read twice is played where it was read first: an overlay follows
    the text. A stretch goes on up to the next one where that follows in the recording, so that the
    sound has no holes.
    """
    words = _spoken(readings)
    return list(_joined(words, _stretches(text, words, paragraphs, granularity, language)))


def recordings_of(clips: Iterable[Clip]) -> list[str]:
    """The recordings, in the order in which the text first needs them."""
    return list(dict.fromkeys(clip.recording_id for clip in clips))


def _spoken(readings: Iterable[Reading]) -> list[Clip]:
    """The words that are played, in the order of the text, each up to the next one."""
    places: list[int] = []
    found: list[tuple[Word, str]] = []
    for reading in sorted(readings, key=lambda reading: reading.words[0].char_start):
        for word in reading.words:
            at = bisect_left(places, word.char_end)
            if at == 0 or found[at - 1][0].char_end <= word.char_start:
                places.insert(at, word.char_start)
                found.insert(at, (word, reading.recording_id))
    starts = [(recording_id, word.recording_start_s) for word, recording_id in found]
    next_in_time = dict(pairwise(sorted(starts)))
    clips = []
    for (word, recording_id), start, after in zip(found, starts, [*starts[1:], None], strict=True):
        goes_on = after and after[0] == recording_id and next_in_time.get(start) == after
        end_s = after[1] if goes_on else word.recording_end_s
        if start[1] < end_s:
            clips.append(Clip(word.char_start, word.char_end, recording_id, start[1], end_s))
    return clips


def _stretches(
    text: str,
    words: Sequence[Clip],
    paragraphs: Sequence[tuple[int, int]],
    granularity: Granularity,
    language: str,
) -> Iterator[tuple[int, int]]:
    if granularity == "word":
        yield from ((word.char_start, word.char_end) for word in words)
        return
    places = [word.char_start for word in words]
    for start, end in paragraphs:
        if bisect_left(places, start) == bisect_left(places, end):
            continue  # nothing of it is read
        if granularity == "paragraph":
            yield start, end
        else:
            yield from sentences(text, start, end, language)


def _joined(words: Sequence[Clip], stretches: Iterable[tuple[int, int]]) -> Iterator[Clip]:
    """A clip of each stretch; several, where its words were not read one after another."""
    places = [word.char_start for word in words]
    for start, end in stretches:
        groups: list[list[Clip]] = []
        for word in words[bisect_left(places, start) : bisect_left(places, end)]:
            before = groups[-1][-1] if groups else None
            if before and (before.recording_id, before.end_s) == (word.recording_id, word.start_s):
                groups[-1].append(word)
            else:
                groups.append([word])
        edges = [start, *(group[0].char_start for group in groups[1:]), end]
        for group, (low, high) in zip(groups, pairwise(edges), strict=False):
            yield Clip(low, high, group[0].recording_id, group[0].start_s, group[-1].end_s)
