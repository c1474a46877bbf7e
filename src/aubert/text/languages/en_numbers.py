"""How written numbers are read aloud in English: cardinals, years, ordinals, money, times.

Every function gives all plausible readings of one written number, the likeliest
first, each a tuple of lower-case words. "and" inside a cardinal ("two hundred and
five") is the second reading: it is what British readers say.
"""

from __future__ import annotations

import re

from aubert.text.language import Reading
from aubert.text.numbers import MAX_DIGITS, VULGAR, distinct

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_UNITS = {
    "£": ("pound", "pounds", "penny", "pence"),
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
}
_NUMBER = r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+"
# Shillings and pence; 20s to 90s are years, 2d and 3d are days more often.
_OLD_MONEY = (
    r"(?:[0-9]{1,2}\ ?s\.?[\ -]?[0-9]{1,2}\ ?d"
    r"|(?<![0-9A-Za-z])(?:(?:[0-9]?[1-9]|10)s|(?:1[0-9]|[14-9])d))\b"
)
# One written number, with the signs that change how it is read.
_PATTERN = (
    rf"[£$€]\ ?(?:{_NUMBER})(?:\.[0-9]+)?"
    rf"|{_OLD_MONEY}"
    rf"|[0-9]{{1,2}}:[0-9]{{2}}(?![0-9])"
    rf"|[0-9]{{1,3}}/[0-9]{{1,3}}(?![0-9/])"
    rf"|(?:[0-9]+\ ?)?[{''.join(VULGAR)}]"
    rf"|(?:{_NUMBER})(?:st|nd|rd|th|d)\b"
    rf"|[0-9]*0s\b"
    rf"|(?:{_NUMBER})(?:\.[0-9]+)?(?:\ ?[%°])?"
)
_WHOLE = re.compile(_PATTERN)


def _readings(written: str) -> list[Reading]:
    """The readings of what `_PATTERN` matches in full."""
    if written[0] in _UNITS:
        return _money(written[0], written[1:].strip().replace(",", ""))
    if ":" in written:
        return _time(*written.split(":"))
    if "/" in written:
        return _fraction(*(int(part) for part in written.split("/")))
    if written[-1] in VULGAR:
        return _mixed(written[:-1].strip(), written[-1])
    if written[-1] in "%°":
        return _with_unit(written)
    if re.fullmatch(_OLD_MONEY, written):
        return _shillings_and_pence(*map(int, re.findall("[0-9]+", written)), sign=written[-1])
    plain = written.replace(",", "")
    if plain[-1] == "s":
        return [(*reading[:-1], _plural(reading[-1])) for reading in _whole(plain[:-1])]
    if plain[-1].isalpha():
        digits = plain.rstrip("stndrh")
        if plain in ("2d", "3d"):
            return [*_ordinal(int(digits)), *_shillings_and_pence(int(digits), sign="d")]
        return _ordinal(int(digits)) if len(digits) <= MAX_DIGITS else _whole(digits)
    return _decimal(written)


def _words(value: int, to: str = "cardinal") -> Reading:
    from num2words import num2words

    return tuple(re.findall(r"[a-z]+", num2words(value, to=to)))


def _cardinal(value: int) -> list[Reading]:
    with_and = _words(value)
    return distinct([tuple(word for word in with_and if word != "and"), with_and])


def _ordinal(value: int) -> list[Reading]:
    with_and = _words(value, "ordinal")
    return distinct([tuple(word for word in with_and if word != "and"), with_and])


def _spelled(digits: str) -> Reading:
    return tuple(_DIGITS[int(digit)] for digit in digits)


def _whole(digits: str) -> list[Reading]:
    """A string of digits without separators: a year, a quantity, or spelled."""
    if len(digits) > MAX_DIGITS or (len(digits) > 1 and digits[0] == "0"):
        ohs = tuple("oh" if word == "zero" else word for word in _spelled(digits))
        return distinct([_spelled(digits), ohs])
    value = int(digits)
    if len(digits) == 4 and 1010 <= value <= 2099 and not 2000 <= value <= 2009:
        hundreds = [
            (*_words(value // 100), "hundred", *joint, *_words(value % 100))
            for joint in ((), ("and",))
            if value % 100 and value % 1000 >= 100
        ]
        return distinct([_words(value, "year"), *_cardinal(value), *hundreds])
    return _cardinal(value)


def _decimal(written: str) -> list[Reading]:
    whole, _, decimals = written.partition(".")
    digits = whole.replace(",", "")
    is_quantity = "," in whole and len(digits) <= MAX_DIGITS  # "1,848" is no year
    readings = _cardinal(int(digits)) if is_quantity else _whole(digits)
    if not decimals:
        return readings
    return [(*reading, "point", *_spelled(decimals)) for reading in readings]


def _with_unit(written: str) -> list[Reading]:
    numbers = _decimal(written[:-1].strip())
    if written[-1] == "°":
        return [(*number, "degree" if number == ("one",) else "degrees") for number in numbers]
    endings = (("percent",), ("per", "cent"))
    return [(*number, *ending) for number in numbers for ending in endings]


def _money(sign: str, amount: str) -> list[Reading]:
    one, many, small_one, small_many = _UNITS[sign]
    whole, _, decimals = amount.partition(".")
    numbers = _cardinal(int(whole)) if len(whole) <= MAX_DIGITS else [_spelled(whole)]
    unit = one if numbers[0] == ("one",) else many
    if len(decimals) != 2 or decimals == "00":
        point = ("point", *_spelled(decimals)) if decimals.strip("0") else ()
        return [(*number, *point, unit) for number in numbers]
    cents = _words(int(decimals))
    small = small_one if int(decimals) == 1 else small_many
    return [
        *((*number, unit, "and", *cents, small) for number in numbers),
        *((*number, unit, *cents, small) for number in numbers),
        *((*number, *cents) for number in numbers),
    ]


def _shillings_and_pence(*amounts: int, sign: str) -> list[Reading]:
    """sign: of the last, s or d."""
    names = [_words(amount) for amount in amounts]
    shillings = (*names[0], "shilling" if names[0] == ("one",) else "shillings")
    if sign == "s":
        return [shillings, (*names[0][:-1], _plural(names[0][-1]))]
    *above, below = names[-1]
    pence = [(*above, f"{below}pence"), (*above, below, "pence")]
    if amounts[-1] == 1:
        pence = [("one", "penny"), ("a", "penny"), *pence]
    if len(amounts) == 1:
        return pence
    joined = [(*shillings, *joint, *one) for joint in (("and",), ()) for one in pence]
    return [*joined, (*names[0], "and", *pence[0]), (*names[0], "and", *names[-1])]


def _time(hours: str, minutes: str) -> list[Reading]:
    hour = _words(int(hours))
    if minutes == "00":
        return [(*hour, "o'clock"), hour]
    if minutes[0] == "0":
        return [(*hour, "oh", *_words(int(minutes))), (*hour, *_words(int(minutes)))]
    readings = [(*hour, *_words(int(minutes)))]
    if minutes == "30":
        readings.append(("half", "past", *hour))
    return readings


def _fraction(above: int, below: int) -> list[Reading]:
    over = (*_words(above), "over", *_words(below))
    if above == 0 or below <= 1:
        return [over]
    names = {2: ["half"], 4: ["quarter", "fourth"]}.get(below) or [" ".join(_ordinal(below)[0])]
    readings: list[Reading] = []
    for name in names:
        *first, last = name.split()
        if above != 1:
            last = "halves" if last == "half" else last + "s"
        readings.append((*_words(above), *first, last))
        if above == 1:
            readings.append(("a", *first, last))
    return [*readings, over]


def _mixed(whole: str, glyph: str) -> list[Reading]:
    part = _fraction(*VULGAR[glyph])
    if not whole:
        return part
    number = _whole(whole)[0]
    article_first = sorted(part[:-1], key=lambda reading: reading[0] != "a")
    return [(*number, "and", *reading) for reading in article_first]


def _plural(word: str) -> str:
    return word[:-1] + "ies" if word.endswith("y") else word + "s"


class EnglishNumbers:
    """English reads and writes numbers in its own way."""

    pattern = _PATTERN
    first = ""

    def is_number(self, written: str) -> bool:
        return bool(_WHOLE.fullmatch(written))

    def readings(self, written: str) -> list[Reading]:
        return _readings(written)

    def roman(self, value: int) -> list[Reading]:
        """ "VIII": eight, the eighth, eighth."""
        ordinal = _ordinal(value)[0]
        return [*_cardinal(value), ("the", *ordinal), ordinal]

    def regnal(self, value: int) -> Reading:
        return ("the", *_ordinal(value)[0])

    def spelled(self, digits: str) -> Reading:
        return _spelled(digits)
