"""What a reader of a book may say: its text as training sentences of a language model."""

from __future__ import annotations

import re
from collections.abc import Iterable

from aubert.text.languages import pack_of
from aubert.text.normalise import tokenize

_PHRASE_END = re.compile(r"[.?!,;:()\[\]—–]|\n[ \t\r]*\n")
_MAX_CHAPTERS = 40


def training_sentences(texts: Iterable[str], language: str = "en") -> list[list[str]]:
    """The sentences that a model biased to these books is estimated on.

    language: BCP 47, of all texts.
    Each text comes twice: as one run of words, and broken at every punctuation mark and
    empty line. Utterances begin and end at pauses, not at sentences: the phrases teach
    what follows and precedes a pause, the run what crosses it (and verse or text without
    punctuation is just a run). What readers announce at the ends of chapters comes once.
    """
    pack = pack_of(language)
    announced = [*pack.announcements, *pack.chapters(_MAX_CHAPTERS)]
    sentences = [phrase.split() for phrase in announced]
    for text in texts:
        phrases = _phrases(text, language)
        sentences += phrases
        sentences.append([word for phrase in phrases for word in phrase])
    return sentences


def _phrases(text: str, language: str) -> list[list[str]]:
    phrases: list[list[str]] = [[]]
    last_end = 0
    for token in tokenize(text, language):
        if _PHRASE_END.search(text, last_end, token.char_start):
            phrases.append([])
        phrases[-1].extend(token.spoken)
        last_end = token.char_end
    return [phrase for phrase in phrases if phrase]
