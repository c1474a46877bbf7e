"""A book made ready for matching: its spoken words, where they are written, and pauses."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import lru_cache

import numpy as np

from aubert.align.anchors import ShingleIndex
from aubert.text.boilerplate import LONGEST_HEADING, body, front_matter, heads_chapter
from aubert.text.normalise import Token, tokenize

# How strongly the text between two words invites a pause.
NO_BREAK, CLAUSE, SENTENCE = 0, 1, 2
UNKNOWN = -1  # the id of a transcript's word that the book does not hold

_CLOSING = re.compile(r"[.,;:!?…'\"’”)\]}»_*]*(?:[-–—]+(?=[\s'\"’”]|\Z)['\"’”]*)?")
_SENTENCE_END = re.compile(r"[.!?…]['\"’”)\]}»_*]*(?:[-–—]|\s|\Z)|\n[ \t]*\r?\n|\r[ \t]*\r|\[")
_SECTION_END = re.compile(r"(?:\r?\n[ \t]*){3}")  # two blank lines
_BLANK_LINE = re.compile(r"\n[ \t]*\r?\n|\r[ \t]*\r")
_CLAUSE_END = re.compile(r"[,;:()\[\]\"“”\n\r]|[-–—]{2}|[–—]|(?<=\s)['‘]|['’](?=\s)")


class Book:
    """The spoken words of a book's chapters (header, title page and footer excluded), numbered.

    language: BCP 47, in which it is read. words: the default verbalisation. ids: int32
    [num_words], equal for equal words. token_of: for each word the index of the written token in
    `tokens` that it reads.
    """

    def __init__(self, text: str, language: str = "en"):
        self.text = text
        self.language = language
        start, end = body(text)
        tokens = tokenize(text, language)
        begin = front_matter(text, start, end, language)
        first = bisect_left(tokens, begin, key=lambda token: token.char_start)
        last = bisect_right(tokens, end, key=lambda token: token.char_end)
        self.tokens: list[Token] = tokens[first:last]
        self.body = (start, end)
        self.words: list[str] = []
        self.token_of: list[int] = []
        for index, token in enumerate(self.tokens):
            spoken = token.spoken
            if len(spoken) == 1:
                self.words.append(spoken[0])
                self.token_of.append(index)
            else:
                self.words.extend(spoken)
                self.token_of.extend([index] * len(spoken))
        self._vocabulary: dict[str, int] = {}
        number = self._vocabulary.setdefault
        self.id_list = [number(word, len(self._vocabulary)) for word in self.words]
        self.ids = np.array(self.id_list, np.int32)
        self._shingles: dict[int, ShingleIndex] = {}
        self._breaks: dict[int, int] = {}

    def ids_of(self, words: list[str]) -> list[int]:
        """The book's ids of a transcript's words; UNKNOWN where it has none."""
        find = self._vocabulary.get
        return [find(word, UNKNOWN) for word in words]

    def shingles(self, size: int) -> ShingleIndex:
        """The index of runs of `size` words, made once."""
        if size not in self._shingles:
            self._shingles[size] = ShingleIndex(self.ids, size)
        return self._shingles[size]

    def repeats(self, start: int, end: int) -> bool:
        """Whether the book holds the words [start, end) elsewhere too."""
        size = min(end - start, 4)
        wanted = self.id_list[start:end]
        _, places = self.shingles(size).pairs(self.ids[start : start + size], len(self.ids))
        return any(
            place != start and self.id_list[place : place + end - start] == wanted
            for place in places.tolist()
        )

    def starts_token(self, word: int) -> bool:
        """Whether a cut before this word falls between written words."""
        return (
            word <= 0 or word >= len(self.words) or self.token_of[word - 1] != self.token_of[word]
        )

    def char_start(self, word: int) -> int:
        """Where the written form of the word begins in `text`; the body's end past the last."""
        if word >= len(self.words):
            return self.char_end(len(self.words) - 1) if self.words else self.body[0]
        return self.tokens[self.token_of[word]].char_start

    def char_end(self, word: int) -> int:
        """Where the written form of the word ends, its adjoining closing punctuation included."""
        token = self.token_of[word]
        end = self.tokens[token].char_end
        limit = len(self.text)
        if token + 1 < len(self.tokens):
            limit = self.tokens[token + 1].char_start
        return _CLOSING.match(self.text, end, limit).end()

    def break_before(self, word: int) -> int:
        """NO_BREAK, CLAUSE or SENTENCE: what is written between this word and the one before."""
        if word <= 0 or word >= len(self.words):
            return SENTENCE
        if not self.starts_token(word):
            return NO_BREAK
        known = self._breaks.get(word)
        if known is None:
            left, right = self.token_of[word - 1], self.token_of[word]
            begin = self.tokens[left].char_end
            between = self.text[begin : self.tokens[right].char_start]
            known = self._breaks[word] = _strength(between)
        return known

    def ends_section(self, word: int) -> bool:
        """Whether a chapter or the like ends before this word: two blank lines, or one and a
        heading."""
        if not 0 < word < len(self.words):
            return True
        left, right = self.tokens[self.token_of[word - 1]], self.tokens[self.token_of[word]]
        if _SECTION_END.search(self.text, left.char_end, right.char_start):
            return True
        if not _BLANK_LINE.search(self.text, left.char_end, right.char_start):
            return False
        ahead = self.text[right.char_start : right.char_start + 2 * LONGEST_HEADING]
        return heads_chapter(_BLANK_LINE.split(ahead, maxsplit=1)[0], self.language)

    def is_heading(self, start: int, end: int) -> bool:
        """Whether the words [start, end) are a chapter's heading, all of its paragraph."""
        if not self.ends_section(start):
            return False
        text = self.text[self.char_start(start) : self.char_end(end - 1)]
        behind = self.text[self.char_end(end - 1) : self.char_start(end)]
        whole = end >= len(self.words) or _BLANK_LINE.search(behind) is not None
        return whole and heads_chapter(text, self.language)

    def word_at(self, char: int) -> int:
        """The first word whose written form ends after `char`."""
        token = bisect_right(self.tokens, char, key=lambda token: token.char_end)
        return bisect_left(self.token_of, token)


def _strength(between: str) -> int:
    if between == " ":
        return NO_BREAK
    if _SENTENCE_END.search(between):
        return SENTENCE
    return CLAUSE if _CLAUSE_END.search(between) else NO_BREAK


@lru_cache(maxsize=2)  # chapters of one book follow each other
def prepared(text: str, language: str = "en") -> Book:
    """The book of this text; the last two stay ready."""
    return Book(text, language)
