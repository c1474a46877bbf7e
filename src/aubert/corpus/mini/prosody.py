"""How a reader says the words of a sentence: higher, faster or louder than usual, or less so.

espeak-ng shapes a clause by its punctuation alone. Real readers do more, and what they do follows
from the text: speech in quotation marks is livelier than what is told, what stands beside it
("said the girl") drops, the voice sinks and fades through a sentence and starts anew after a
comma, the last word before a pause is drawn out, questions rise. Nothing here is random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from aubert.espeak import Voice

if TYPE_CHECKING:
    from aubert.corpus.mini.reading import Said

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


_USUAL = Manner(0, 1.03)  # so that a reading lasts as long, with what is drawn out
_QUOTED = Manner(16, 1.12, 4)
_BESIDE_A_QUOTATION = Manner(-8, 1.05, -3)
_EXCLAIMED = Manner(6, 1.05, 3)
_EMPHASISED = Manner(14, 0.8, 4)
_BEFORE_A_PAUSE = {",": Manner(0, 0.9), ".": Manner(-4, 0.85), "!": Manner(2, 0.88, 1),
                   "?": Manner(18, 0.88, 2)}  # fmt: skip
# From the first word to the last.
_SENTENCE_FALL, _CLAUSE_FALL = Manner(10, 1, 4), Manner(6, 1, 2)


def manners(words: Sequence[Said]) -> list[Manner]:
    """How each word of a sentence is said."""
    quotes = any(word.quoted for word in words)
    ends = _clause_ends(words)
    final = words[-1].mark
    found = []
    start = 0
    for index, word in enumerate(words):
        end = next(place for place in ends if place >= index)
        manner = _USUAL + _part(_SENTENCE_FALL, index, 0, len(words) - 1)
        manner += _part(_CLAUSE_FALL, index, start, end)
        if word.quoted:
            manner += _QUOTED
        elif quotes:
            manner += _BESIDE_A_QUOTATION
        if final == "!":
            manner += _EXCLAIMED
        if word.emphasised:
            manner += _EMPHASISED
        if index == end:
            manner += _BEFORE_A_PAUSE.get(word.mark, Manner())
            start = index + 1
        found.append(manner)
    return found


def _clause_ends(words: Sequence[Said]) -> list[int]:
    return [i for i, word in enumerate(words) if word.mark or i == len(words) - 1]


def _part(fall: Manner, index: int, first: int, last: int) -> Manner:
    """Where a fall from `first` to `last` is at `index`; half of it lies above the usual."""
    height = 0.5 - (index - first) / (last - first) if last > first else 0.0
    return Manner(fall.pitch * height, 1, fall.level_db * height)
