"""What a language pack says: how one language is written, and read aloud.

A pack is one small file of `aubert.text.languages`; `pack_of` there picks it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

Reading = tuple[str, ...]

# With ligatures, and the letters of full width and of mathematics, which some programs set type in.
LATIN = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿﬀ-ﬆＡ-Ｚａ-ｚ\U0001d400-\U0001d6a5"
# Between letters; those that typewriters and recognisers of print put there are among them.
APOSTROPHES = "'’ʼ´`‘＇ʹ′"
# Of all packs: what a letter counts as that the pack does not have and Unicode does not take apart.
_FOLDED = {
    "æ": "ae", "œ": "oe", "ß": "ss", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i",
    "ŋ": "ng", "ħ": "h", "ſ": "s",
}  # fmt: skip
_MARKS = {**dict.fromkeys(APOSTROPHES, "'"), "\u00ad": ""}


class NumberReader(Protocol):
    """How a language reads numbers.

    pattern: regular expression of one written number that begins with a digit or a sign; first:
    of those that begin with letters ("XIXe"), "" for none
    """

    pattern: str
    first: str

    def is_number(self, written: str) -> bool:
        """Whether it is one written number in full."""

    def readings(self, written: str) -> list[Reading]:
        """All plausible readings of one written number, the likeliest first."""

    def roman(self, value: int) -> list[Reading]:
        """Of a Roman numeral; first that after "chapter"."""

    def regnal(self, value: int) -> Reading:
        """Of a Roman numeral after a king's name."""

    def spelled(self, digits: str) -> Reading:
        """Digit by digit."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Language:
    """One language pack. All words in it are lower-case spoken words, unless noted.

    tag: BCP 47, such as "de". name: in English
    letters: that spoken words are made of, lower case; "": every letter of every script
    borrowed: letters of foreign words that a transcript may hold, read as the plain letter
    script: the letters of written words, as inside of [] of a regular expression
    numbers: how numbers are written and read
    digit_rule: how digits in a transcript are read, a sentence
    ampersand, et_cetera: readings of & and &c.
    abbreviations: without the point -> readings, the default first
    without_point: abbreviations that are written without their point too, as they are written
    before_number: abbreviations that are one only before a number
    phrases: abbreviations of several words, as written, points and spaces included -> readings
    initials: the same, but letter by letter is the default
    elisions: words that begin with an apostrophe
    headings: a Roman numeral after one of these is a number
    heading: regular expression of how the heading of a chapter begins, for small letters
    not_numerals: words of the letters ivxlcdm that are no numbers
    regnal_letters: single letters that are a number after a king's name
    announcements: what readers say at the beginning and the end of any chapter
    chapters: what they say of the chapters 1 to n: "chapter one", "end of chapter one"
    lone_letters: words of one letter
    compounds: right halves of a word at a line's end before which the hyphen stays
    common: the commonest words, by which a text is known to be of the language
    voice: of espeak-ng
    """

    tag: str
    name: str
    letters: str
    borrowed: str = ""
    script: str = LATIN
    numbers: NumberReader
    digit_rule: str
    ampersand: str
    et_cetera: tuple[Reading, ...] = (("et", "cetera"),)
    abbreviations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    without_point: frozenset[str] = frozenset()
    before_number: Mapping[str, str] = field(default_factory=dict)
    phrases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    initials: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    elisions: frozenset[str] = frozenset()
    headings: frozenset[str] = frozenset()
    heading: str = r"(?!)"
    not_numerals: frozenset[str] = frozenset()
    regnal_letters: str = "IVX"
    announcements: tuple[str, ...] = ()
    chapters: Callable[[int], Iterable[str]] = lambda count: ()
    lone_letters: frozenset[str] = frozenset()
    compounds: frozenset[str] = frozenset()
    common: frozenset[str] = frozenset()
    voice: str = ""

    @property
    def base(self) -> str:
        """The language without its region: "fr" of "fr-CA"."""
        return self.tag.partition("-")[0]

    @property
    def own_letters(self) -> str:
        """Those beyond a to z."""
        return "".join(letter for letter in self.letters if not letter.isascii())

    def with_letters(self, more: str) -> Language:
        """The same with more letters, which then are not read as others."""
        new = "".join(dict.fromkeys(each for each in more.lower() if each not in self.letters))
        if not self.letters or not new:
            return self
        return replace(self, letters=self.letters + new, script=self.script + _class_of(new))

    def with_only(self, letters: str) -> Language:
        """The same with these letters and no others."""
        new = "".join(letter for letter in letters if letter not in self.letters)
        borrowed = "".join(each for each in self.borrowed if each not in letters)
        script = self.script + (_class_of(new) if self.letters else "")
        return replace(self, letters=letters, borrowed=borrowed, script=script)

    def fold(self, written: str) -> str:
        """A word as it counts when spoken: in small letters of the pack and inner apostrophes;
        other Latin letters as the letters that they are made of, other letters left out."""
        lower = unicodedata.normalize("NFC", written.lower()).translate(self._table)
        if not self._kept.issuperset(lower):
            lower = "".join(map(self._plain, lower))
            while "''" in lower:
                lower = lower.replace("''", "'")
        return lower.strip("'")

    @cached_property
    def _table(self) -> dict[int, str]:
        folded = _FOLDED if self.letters else {}
        return str.maketrans({a: b for a, b in folded.items() if a not in self.letters} | _MARKS)

    @cached_property
    def _kept(self) -> frozenset[str]:
        return frozenset(self.letters + "'")

    def _plain(self, character: str) -> str:
        if character in self._kept:
            return character
        if not self.letters:
            return character if character.isalpha() or unicodedata.combining(character) else ""
        parts = unicodedata.normalize("NFKD", character).lower().translate(self._table)
        return "".join(part for part in parts if part in self._kept)


def _class_of(letters: str) -> str:
    """For [] of a regular expression, in both cases."""
    both = {each for letter in letters for each in (letter, letter.upper()) if len(each) == 1}
    return "".join(f"\\U{ord(each):08x}" for each in sorted(both))


def plain_letters(letter: str) -> str:
    """What a letter is made of, for an alphabet that lacks it: "ä" is a, "ß" is ss."""
    folded = _FOLDED.get(letter, letter)
    parts = unicodedata.normalize("NFKD", folded)
    return "".join(part for part in parts if not unicodedata.combining(part))
