"""Transcripts as they are: what a written one says in the letters of a vocabulary, and what of it
cannot be written in them."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from aubert.text.language import Language
from aubert.text.normalise import tokenize

_GROUPS = re.compile(r"(?<![\d.,/-])\d+(?:-\d+)+(?![\d/-]|[.,]\d)")
_UNSPOKEN = "@#*\\_~^|"  # signs of punctuation that have more than one reading


class Spoken(NamedTuple):
    """words: of the transcript, one space between. unwritten: its letters, digits and signs that
    the vocabulary does not write, each once, in order. has_digits: whether numbers were put into
    words"""

    words: str
    unwritten: str = ""
    has_digits: bool = False


def spoken_transcript(text: str, pack: Language) -> Spoken:
    """What a transcript says.

    pack: its letters are the vocabulary. Case and punctuation are left out, numbers are read by
    the pack's rule (`digit_rule`). A letter that the pack has as borrowed counts as the plain one;
    any other letter, and any sign that is read in several ways, is unwritten.
    """
    text = unicodedata.normalize("NFC", text)
    if text.isupper():  # as LibriSpeech's: capitals make I a numeral and MR an abbreviation
        text = text.lower()
    text = _GROUPS.sub(lambda match: _of_groups(match[0], pack), text)
    tokens = tokenize(text, pack)
    read = bytearray(len(text))
    for token in tokens:
        read[token.char_start : token.char_end] = b"\1" * (token.char_end - token.char_start)
    known = {*pack.letters, *pack.borrowed}
    unwritten = dict.fromkeys(
        character.lower()
        for place, character in enumerate(text)
        if not _is_written(character, bool(read[place]), known, pack)
    )
    words = " ".join(word for token in tokens for word in token.spoken)
    return Spoken(words, "".join(unwritten), any(map(str.isdigit, text)))


def letters_of(text: str) -> str:
    """The letters of a transcript, in lower case, with the marks that scripts put on them."""
    text = unicodedata.normalize("NFC", text).lower()
    return "".join(sorted({each for each in text if unicodedata.category(each)[0] in "LM"}))


def _is_written(character: str, is_read: bool, known: set[str], pack: Language) -> bool:
    kind = unicodedata.category(character)
    if kind[0] in "LM":
        return is_read and (not pack.letters or known.issuperset(character.lower()))
    if kind[0] == "N" or kind[0] == "S" or character in _UNSPOKEN:
        return is_read
    return True


def _of_groups(written: str, pack: Language) -> str:
    """555-1234 is read digit by digit, 1914-18 and 12-15 are numbers."""
    groups = written.split("-")
    is_call = len({len(group) for group in groups}) > 1 and len(groups[-1]) > 3
    if is_call or any(len(group) > 1 and group[0] == "0" for group in groups):
        return " ".join(pack.numbers.spelled("".join(groups)))
    return written.replace("-", " - ")
