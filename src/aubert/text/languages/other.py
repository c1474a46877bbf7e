"""Any language without a pack: every letter of its script, and numbers where num2words has it."""

from __future__ import annotations

import sys
import unicodedata
from functools import cache

from aubert.text.language import Language, Reading
from aubert.text.languages.codes import english_name
from aubert.text.numbers import Numbers, in_words


class PlainNumbers(Numbers):
    """Quantities and nothing else: digits that num2words has no words for are not words."""

    comma = ""

    def __init__(self, language: str | None):
        super().__init__(language)
        self.digits = [" ".join(self.cardinals(digit)[0]) for digit in range(10)]

    def cardinals(self, value: int) -> list[Reading]:
        try:
            return [in_words(value, self.language)] if self.language else [()]
        except (NotImplementedError, OverflowError):
            return [()]

    ordinals = cardinals

    def years(self, value: int) -> list[Reading]:
        return []


@cache
def other(tag: str, numbers: str | None) -> Language:
    """numbers: num2words' name of the language; None where it has none"""
    return Language(
        tag=tag,
        name=english_name(tag),
        letters="",
        script=_any_letter(),
        numbers=PlainNumbers(numbers),
        digit_rule="a quantity where num2words knows the language",
        ampersand="",
        et_cetera=(),
    )


@cache
def _any_letter() -> str:
    """For [] of a regular expression: letters of all scripts, with the marks that they bear."""
    ranges: list[list[int]] = []
    for code in range(0x41, sys.maxunicode + 1):
        if unicodedata.category(chr(code))[0] in "LM":
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)
