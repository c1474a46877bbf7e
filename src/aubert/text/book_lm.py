"""What a reader of a book may say: its text as training sentences of a language model."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

from aubert.text.normalise import readings, tokenize

_PHRASE_END = re.compile(r"[.?!,;:()\[\]—–]|\n[ \t\r]*\n")

_HEADINGS = ("chapter", "section", "part", "book", "letter", "act", "scene", "story", "poem")
_MAX_HEADING = 40
_ANNOUNCEMENTS = (
    "this is a librivox recording",
    "all librivox recordings are in the public domain",
    "for more information or to volunteer please visit librivox dot org",
    "read by",
    "recording by",
    "read for librivox dot org by",
    "the end",
)


def training_sentences(texts: Iterable[str]) -> list[list[str]]:
    """The sentences that a model biased to these books is estimated on.

    Each text comes twice: as one run of words, and broken at every punctuation mark and
    empty line. Utterances begin and end at pauses, not at sentences: the phrases teach
    what follows and precedes a pause, the run what crosses it (and verse or text without
    punctuation is just a run). What readers announce at the ends of chapters comes once.
    """
    sentences = [announcement.split() for announcement in _ANNOUNCEMENTS]
    for heading, number in itertools.product(_HEADINGS, range(1, _MAX_HEADING + 1)):
        numbered = [heading, *readings(str(number))[0]]
        sentences += [numbered, ["end", "of", *numbered]]
    for text in texts:
        phrases = _phrases(text)
        sentences += phrases
        sentences.append([word for phrase in phrases for word in phrase])
    return sentences


def _phrases(text: str) -> list[list[str]]:
    phrases: list[list[str]] = [[]]
    last_end = 0
    for token in tokenize(text):
        if _PHRASE_END.search(text, last_end, token.char_start):
            phrases.append([])
        phrases[-1].extend(token.spoken)
        last_end = token.char_end
    return [phrase for phrase in phrases if phrase]
