"""How written numbers are read aloud in languages that write them as most of Europe does.

A decimal comma, groups of three parted by points or spaces, a sign of money behind the number.
What a language does in its own way its pack overrides. Every function gives all plausible
readings of one written number, the likeliest first, each a tuple of lower-case words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from aubert.text.language import Reading

MAX_DIGITS = 15  # longer strings of digits are spelled: they are no quantity

VULGAR = {"¼": (1, 4), "½": (1, 2), "¾": (3, 4), "⅓": (1, 3), "⅔": (2, 3), "⅛": (1, 8)}
_SPACE = " \u00a0\u202f"
_NEVER = "(?!)"
_ROMAN = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def roman_value(written: str) -> int:
    """The value of a well-formed Roman numeral in either case, or 0."""
    upper = written.upper()
    if not upper or not _ROMAN.fullmatch(upper):
        return 0
    values = [_ROMAN_VALUES[letter] for letter in upper]
    following = [*values[1:], 0]
    return sum(
        -value if value < after else value for value, after in zip(values, following, strict=True)
    )


def in_words(value: int, language: str, to: str = "cardinal") -> Reading:
    """As num2words has it. language: "de", or with a region, "fr_CH"."""
    from num2words import num2words

    return tuple(re.findall(r"[^\W\d_]+", num2words(value, lang=language, to=to).lower()))


def distinct(readings: Sequence[Reading]) -> list[Reading]:
    return list(dict.fromkeys(readings))


class Sign(NamedTuple):
    """Of a unit: its names, of one and of more; of a currency, those of its hundredth too."""

    sign: str
    one: str
    many: str
    small_one: str = ""
    small_many: str = ""


class Numbers:
    """A reader of numbers. A pack's own one derives from it.

    language: of num2words. thousands: what parts groups of three digits. digits: their names.
    comma: how the decimal comma is read. by_digit: whether decimals are read one by one first.
    units: that stand behind a number. money: that stands before or behind one.
    over: between the numbers of a fraction. joints: between a number and a fraction
    ordinal, clock, words: regular expressions of what makes digits an ordinal, of a time of day,
    and of numbers that begin with letters; with each, what stands behind the token then
    """

    language = ""
    thousands = "." + _SPACE
    digits: Sequence[str]
    comma: str
    by_digit = False
    units: Sequence[Sign] = ()
    money: Sequence[Sign] = ()
    over = ""
    joints: Sequence[Reading] = ((),)
    ordinal: Sequence[tuple[str, str]] = ()
    clock: Sequence[tuple[str, str]] = (("[0-9]{1,2}:[0-9]{2}", "(?![0-9])"),)
    words: Sequence[tuple[str, str]] = ()

    def __init__(self, language: str | None = None):
        """language: of num2words, where it has a region of it: fr_BE."""
        self.language = language or self.language

    # --- what a pack overrides

    def cardinals(self, value: int) -> list[Reading]:
        return [in_words(value, self.language)]

    def ordinals(self, value: int, written: str = "") -> list[Reading]:
        """written: what makes the digits an ordinal."""
        return [in_words(value, self.language, "ordinal")]

    def years(self, value: int) -> list[Reading]:
        """Of four digits from 1010 to 2099."""
        return self.cardinals(value)

    def part(self, above: int, below: int) -> list[Reading]:
        """Of a fraction; none where it has no name."""
        return []

    def time(self, hours: int, minutes: int) -> list[Reading]:
        later = self.cardinals(minutes)[0] if minutes else ()
        return [(*hour, *later) for hour in self.cardinals(hours)]

    def roman(self, value: int) -> list[Reading]:
        return distinct([*self.cardinals(value), *self.ordinals(value)])

    def regnal(self, value: int) -> Reading:
        return self.cardinals(value)[0]

    def irregular(self, written: str) -> list[Reading]:
        """Of what begins with letters."""
        raise AssertionError(written)

    def before_name(self, value: int) -> list[Reading]:
        """Of a number before the name of what is counted."""
        return self.cardinals(value)

    def mixed(self, whole: str, above: int, below: int) -> list[Reading]:
        """Of a number and a fraction."""
        parts, number = self.part(above, below), self.whole(whole)[0]
        return [(*number, *joint, *part) for joint in self.joints for part in parts]

    # --- what all share

    @cached_property
    def pattern(self) -> str:
        amount, sums, signs = self._amount, _any(self.money), _any(self.units, self.money)
        return (
            rf"{sums}[{_SPACE}]?(?:{amount})(?:,[0-9]+)?"
            rf"|{_alternatives(self.clock)}"
            r"|[0-9]{1,3}/[0-9]{1,3}(?![0-9/])"
            rf"|(?:[0-9]+[{_SPACE}]?)?[{''.join(VULGAR)}]"
            rf"|(?:{amount})(?:{_alternatives(self.ordinal)})"
            rf"|(?:{amount})(?:,[0-9]+)?(?:[{_SPACE}]?{signs})?"
        )

    @cached_property
    def first(self) -> str:
        return _alternatives(self.words) if self.words else ""

    def is_number(self, written: str) -> bool:
        return bool(self._parts.fullmatch(written))

    def readings(self, written: str) -> list[Reading]:
        found = self._parts.fullmatch(written)
        kind, text = found.lastgroup, found[found.lastgroup]
        if kind == "clock":
            numbers = [int(number) for number in re.findall(r"[0-9]+", text)]
            return self.time(numbers[0], numbers[1] if len(numbers) > 1 else 0)
        if kind == "fraction":
            return self._fraction(*map(int, text.split("/")))
        if kind == "mixed":
            number, part = text[:-1].strip(_SPACE), VULGAR[text[-1]]
            return self.mixed(number, *part) if number else self.part(*part)
        if kind == "ordinal":
            digits, suffix = re.match(r"([0-9][0-9.\s]*[0-9]|[0-9])(.*)", text, re.DOTALL).groups()
            digits = re.sub(r"[^0-9]", "", digits)
            long = len(digits) > MAX_DIGITS
            return [self.spelled(digits)] if long else self.ordinals(int(digits), suffix)
        if kind == "before":
            return self._sum(text[0], text[1:].strip(_SPACE))
        if kind == "behind":
            return self._with_sign(text[-1], text[:-1].strip(_SPACE))
        return self.decimal(text) if kind == "plain" else self.irregular(text)

    def spelled(self, digits: str) -> Reading:
        return tuple(filter(None, (self.digits[int(digit)] for digit in digits)))

    def decimal(self, written: str) -> list[Reading]:
        """With or without a comma and groups of three."""
        whole, _, decimals = written.partition(",")
        digits = re.sub(r"[^0-9]", "", whole)
        grouped = digits != whole and len(digits) <= MAX_DIGITS  # no year
        readings = self.cardinals(int(digits)) if grouped else self.whole(digits)
        if not decimals:
            return readings
        ways = [self.spelled(decimals)]
        if decimals[0] != "0" and len(decimals) <= 3:
            ways.insert(len(ways) if self.by_digit else 0, self.cardinals(int(decimals))[0])
        return distinct([(*first, self.comma, *way) for way in ways for first in readings[:3]])

    def whole(self, digits: str) -> list[Reading]:
        """A string of digits: a year, a quantity, or spelled."""
        if len(digits) > MAX_DIGITS or (len(digits) > 1 and digits[0] == "0"):
            return [self.spelled(digits)]
        value = int(digits)
        is_year = len(digits) == 4 and 1010 <= value <= 2099
        return distinct([*(self.years(value) if is_year else ()), *self.cardinals(value)])

    @cached_property
    def _amount(self) -> str:
        return rf"[0-9]{{1,3}}(?:[{re.escape(self.thousands)}][0-9]{{3}})+(?![0-9])|[0-9]+"

    @cached_property
    def _parts(self) -> re.Pattern:
        """The kinds of one written number in full: what stands behind decided that it is one."""
        sums, signs = _any(self.money), _any(self.units, self.money)
        amount = rf"(?:{self._amount})(?:,[0-9]+)?"
        kinds = {
            "before": rf"{sums}[{_SPACE}]?{amount}",
            "clock": _forms(self.clock),
            "fraction": r"[0-9]{1,3}/[0-9]{1,3}",
            "mixed": rf"(?:[0-9]+[{_SPACE}]?)?[{''.join(VULGAR)}]",
            "ordinal": rf"(?:{self._amount})(?:{_forms(self.ordinal)})",
            "behind": rf"{amount}[{_SPACE}]?{signs}",
            "plain": amount,
            "irregular": _forms(self.words),
        }
        return re.compile("|".join(f"(?P<{name}>{kind})" for name, kind in kinds.items()))

    def _with_sign(self, sign: str, number: str) -> list[Reading]:
        unit = next((unit for unit in self.units if unit.sign == sign), None)
        if unit is None:
            return self._sum(sign, number)
        name = unit.one if number == "1" else unit.many
        return [(*reading, *name.split()) for reading in self.decimal(number)]

    def _sum(self, sign: str, amount: str) -> list[Reading]:
        name = next(money for money in self.money if money.sign == sign)
        whole, _, decimals = amount.partition(",")
        digits = re.sub(r"[^0-9]", "", whole)
        if len(digits) > MAX_DIGITS:
            numbers = [self.spelled(digits)]
        else:
            numbers = self.before_name(int(digits))
        unit = (name.one if digits == "1" else name.many).split()
        if len(decimals) != 2 or decimals == "00":
            tail = (self.comma, *self.spelled(decimals)) if decimals.strip("0") else ()
            return [(*number, *tail, *unit) for number in numbers]
        cents = self.cardinals(int(decimals))[0]
        small = (name.small_one if int(decimals) == 1 else name.small_many).split()
        return [
            *((*number, *unit, *cents) for number in numbers),
            *((*number, *unit, *cents, *small) for number in numbers),
            *((*number, self.comma, *cents, *unit) for number in numbers),
        ]

    def _fraction(self, above: int, below: int) -> list[Reading]:
        over = (*self.cardinals(above)[0], self.over, *self.cardinals(below)[0])
        return [*(self.part(above, below) if above and below > 1 else ()), over]


def _alternatives(forms: Sequence[tuple[str, str]]) -> str:
    return "|".join(f"(?:{form}){behind}" for form, behind in forms) or _NEVER


def _forms(forms: Sequence[tuple[str, str]]) -> str:
    return "|".join(form for form, _ in forms) or _NEVER


def _any(*signs: Sequence[Sign]) -> str:
    every = "".join(one.sign for each in signs for one in each)
    return f"[{re.escape(every)}]" if every else _NEVER
