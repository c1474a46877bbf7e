"""How a reader speaks the words of a sentence: higher, faster or louder than usual, or less so.

espeak-ng shapes a clause by its punctuation alone. Real readers do more, and what they do follows
from the text: speech in quotation marks is livelier than the narration, what stands beside it
("said the girl") drops, the voice sinks and fades through a sentence and comes again a little
after a comma, questions and exclamations rise. Nothing here is random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from aubert.text.espeak import Voice

if TYPE_CHECKING:
    from aubert.mini.reading import SpokenWord

_LOWEST, _HIGHEST = 5, 95  # of espeak's pitch; a step is a little over 1% of the frequency


class Manner(NamedTuple):
    """Steps of pitch that are added to the voice's, what its rate is multiplied with, and decibels
    beside its usual level."""

    pitch: float = 0.0
    rate: float = 1.0
    level_db: float = 0.0

    def __add__(self, other: Manner) -> Manner:
        return Manner(
            self.pitch + other.pitch, self.rate * other.rate, self.level_db + other.level_db
        )

    def of(self, voice: Voice) -> Voice:
        pitch = min(max(round(voice.pitch + self.pitch), _LOWEST), _HIGHEST)
        return replace(voice, pitch=pitch, rate_wpm=round(voice.rate_wpm * self.rate))


_QUOTED = Manner(16, 1.1, 4)
_BESIDE_A_QUOTATION = Manner(-8, 1.05, -3)
_EXCLAIMED = Manner(6, 1.05, 3)
_ASKED = Manner(6, 1, 1)  # beside the rise that espeak-ng gives the end
_EMPHASISED = Manner(0, 1, 5)
# From the first word to the last.
_SENTENCE_FALL, _CLAUSE_FALL = Manner(16, 1, 5), Manner(0, 1, 2)


def manners(words: Sequence[SpokenWord]) -> list[Manner]:
    """How each word of a sentence is spoken. Pitch and rate change where a clause or a quotation
    begins, and nowhere else: espeak-ng halts for a moment where they do."""
    quotes = any(word.quoted for word in words)
    found = []
    for start, end in _phrases(words):
        for index in range(start, end):
            word = words[index]
            pitch = _part(_SENTENCE_FALL, start, len(words)).pitch
            manner = Manner(pitch, 1, _part(_SENTENCE_FALL, index, len(words)).level_db)
            manner += _part(_CLAUSE_FALL, index - start, end - start)
            if word.quoted:
                manner += _QUOTED
            elif quotes:
                manner += _BESIDE_A_QUOTATION
            manner += {"!": _EXCLAIMED, "?": _ASKED}.get(words[end - 1].mark, Manner())
            if word.emphasised:
                manner += _EMPHASISED
            found.append(manner)
    return found


def _phrases(words: Sequence[SpokenWord]) -> list[tuple[int, int]]:
    """[start, end) of the words between marks and the edges of quotations."""
    inner = range(1, len(words))
    cuts = [i for i in inner if words[i - 1].mark or words[i].quoted != words[i - 1].quoted]
    return list(pairwise([0, *cuts, len(words)]))


def _part(fall: Manner, index: int, length: int) -> Manner:
    """Where a fall over `length` words is at `index`; half of it lies above the usual."""
    height = 0.5 - index / (length - 1) if length > 1 else 0.0
    return Manner(fall.pitch * height, 1, fall.level_db * height)
