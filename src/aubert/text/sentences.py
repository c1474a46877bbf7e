"""Where the sentence begins and ends that a place in a book lies in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aubert.text.languages import pack_of
from aubert.text.normalise import is_abbreviation, tokenize

# Marks and what closes with them, before a space; or nothing, before a blank line.
_END = re.compile(r"[.!?…]+['\"’”)\]»_*]*(?=\s|\Z)|(?=\r?\n[^\S\n]*\n)")
_LAST_WORD = re.compile(r"[^\W\d_]+\Z")


def within_sentence(
    text: str, span: tuple[int, int], context: tuple[int, int], language: str = "en"
) -> tuple[int, int]:
    """The part of `context` that lies in the sentence of `span`; of several sentences, from the
    beginning of the first to the end of the last. All [start, end) in characters.

    A mark before a small letter ends none ("What?" said she), nor does an abbreviation's point.
    Quotation marks stay with the sentence that they open or close.
    """
    (start, end), (low, high) = span, context
    low = max(_ends(text, low, start, language), default=low)
    while low < start and text[low].isspace():
        low += 1
    return low, next(_ends(text, end, high, language), high)


def sentences(text: str, start: int, end: int, language: str = "en") -> Iterator[tuple[int, int]]:
    """[start, end) of the sentences in text[start:end], without the white space between them."""
    low = start
    for high in (*_ends(text, start, end, language), end):
        while low < high and text[low].isspace():
            low += 1
        if low < high:
            yield low, high
        low = high


def _ends(text: str, low: int, high: int, language: str) -> Iterator[int]:
    """Where sentences end in text[low:high]."""
    for match in _END.finditer(text, low, high):
        following = text[match.end() : match.end() + 4].lstrip()[:1]
        abbreviated = match[0] == "." and _is_abbreviated(text, match.start(), language)
        if not match[0] or not (following.islower() or abbreviated):
            yield match.end()


def _is_abbreviated(text: str, point: int, language: str) -> bool:
    """Whether the word before the point is written short: Mr., or an initial; in other languages
    than English, whether the point is a token's own: 3. Mai, z. B."""
    if pack_of(language).base != "en" and _is_inside_a_token(text, point, language):
        return True
    word = _LAST_WORD.search(text, max(0, point - 12), point)
    if word is None:
        return False
    initial = len(word[0]) == 1 and word[0].isupper() and word[0] != "I"
    return initial or is_abbreviation(word[0], language)


def _is_inside_a_token(text: str, point: int, language: str) -> bool:
    start = max(0, point - 24)
    near = tokenize(text[start : point + 24], language)
    return any(token.char_start < point + 1 - start <= token.char_end for token in near)
