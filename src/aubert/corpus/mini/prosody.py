"""How a reader says the words of a sentence: higher or lower, faster or slower than usual.

espeak-ng shapes a clause by its punctuation alone. Real readers do more, and what they do follows
from the text: speech in quotation marks is livelier than what is told, what stands beside it
("said the girl") drops, the voice sinks through a sentence and starts anew after a comma, the
last word before a pause is drawn out, questions rise. Nothing here is random.
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
    """Steps of pitch that are added to the voice's, and what its rate is multiplied with."""

    pitch: float = 0.0
    rate: float = 1.0

    def __add__(self, other: Manner) -> Manner:
        return Manner(self.pitch + other.pitch, self.rate * other.rate)

    def of(self, voice: Voice) -> Voice:
        pitch = min(max(round(voice.pitch + self.pitch), _LOWEST), _HIGHEST)
        return replace(voice, pitch=pitch, rate_wpm=round(voice.rate_wpm * self.rate))


_USUAL = Manner(0, 1.06)  # so that a reading lasts as long, with what is drawn out
_QUOTED = Manner(14, 1.12)
_BESIDE_A_QUOTATION = Manner(-8, 1.05)
_EXCLAIMED = Manner(6, 1.05)
_EMPHASISED = Manner(14, 0.8)
_BEFORE_A_PAUSE = {",": Manner(0, 0.82), ".": Manner(-4, 0.72), "!": Manner(2, 0.75),
                   "?": Manner(18, 0.75)}  # fmt: skip
_SENTENCE_FALL, _CLAUSE_FALL = 10, 6  # from the first word to the last


def manners(words: Sequence[Said]) -> list[Manner]:
    """How each word of a sentence is said."""
    quotes = any(word.quoted for word in words)
    ends = _clause_ends(words)
    final = words[-1].mark
    found = []
    start = 0
    for index, word in enumerate(words):
        end = next(place for place in ends if place >= index)
        fall = _SENTENCE_FALL * (0.5 - _share(index, 0, len(words) - 1))
        manner = _USUAL + Manner(fall + _CLAUSE_FALL * (0.5 - _share(index, start, end)))
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


def _share(index: int, first: int, last: int) -> float:
    return (index - first) / (last - first) if last > first else 0.5
