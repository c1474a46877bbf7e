"""Headings of chapters, by what they say."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from aubert.text.languages import pack_of

_NUMBER = (
    r"(?:\d{1,3}|[ivxlc]+|(?:the\s+)?(?:first|last|(?:one|two|three|four|five|six|seven|eight|nine"
    r"|ten|eleven|twelve|second|third|[a-z]+th|[a-z]+(?:teen|ty))(?:[-\s][a-z]+)?))"
)
_ENGLISH = (
    r"(?:chapter|chap\.|part|book|section|letter|canto|stave|act|scene|sonnet|volume|lecture"
    rf"|essay)\s+{_NUMBER}\b"
)
_ENGLISH_NAMES = (
    r"(?:preface|introduction|prologue|epilogue|foreword|afterword|conclusion|appendix)\b"
)
_NUMERAL = r"(?:[IVXLC]{1,7}|\d{1,3})"


class _Patterns(NamedTuple):
    heading: re.Pattern
    number: re.Pattern


def is_heading(line: str, language: str = "en") -> bool:
    """Whether a line begins as the headings of chapters do: "Chapter I", "XII. The End", "3",
    "Zweites Kapitel". language: BCP 47"""
    return bool(_patterns(language).heading.match(line.strip()))


def names_a_number(heading: str, language: str = "en") -> bool:
    """Whether a heading does no more than count: "CHAPTER IV.", "12"."""
    return bool(_patterns(language).number.fullmatch(heading.strip()))


@cache
def _patterns(language: str) -> _Patterns:
    pack = pack_of(language)
    if pack.base == "en":
        numbered, names = f"(?i:{_ENGLISH})", f"(?i:{_ENGLISH}|{_ENGLISH_NAMES})"
    else:  # a sentence may begin like the pack's headings
        numbered = f"(?i:{pack.heading})"
        names = rf"{numbered}(?=\W*$|.*[^.!?…:,;\s]\s*$)"
    return _Patterns(
        heading=re.compile(rf"{names}|{_NUMERAL}(?:\.|$|\.?\s*[—:-])"),
        number=re.compile(rf"(?:{numbered}|{_NUMERAL})\W*"),
    )
