"""Reversible English normalisation: written words with their offsets, as they are spoken.

`tokenize` never changes the text; each token says which characters it stands on
and which words a reader would say for them. Spoken words are lower-case ASCII
letters with inner apostrophes ("o'clock", "rob's"); accents and ligatures are
folded. Letters of other scripts have no default reading and give no token. A word that the
layout breaks is one token, which spans the break.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from aubert.text.broken import (
    DROP_BREAK,
    HYPHEN_BREAK,
    INVISIBLE,
    halves,
    is_broken,
    is_drop_capital,
    num_of_one_word,
    unbroken,
)
from aubert.text.numbers import PATTERN as _NUMBER
from aubert.text.numbers import number_readings, roman_readings, roman_value
from aubert.text.pages import without_edges


class Token(NamedTuple):
    """One written word: text[char_start:char_end], and the words that it is read as."""

    char_start: int
    char_end: int
    spoken: tuple[str, ...]


# Latin letters; combining marks and invisible characters only after a letter.
_LETTER = r"A-Za-zÀ-ÖØ-öø-ɏḀ-ỿﬀ-ﬆ"
_MARK = "\u0300-\u036f" + INVISIBLE
_WORD = rf"[{_LETTER}][{_LETTER}{_MARK}]*(?:['’ʼ][{_MARK}]*[{_LETTER}][{_LETTER}{_MARK}]*)*"
_WORDS = rf"{_WORD}(?:{HYPHEN_BREAK}{_WORD})*"  # more than one where lines end in hyphens
_LINE_START = r"(?:\A|(?<=[\n\r\f\t\ufeff“\"‘«])|(?<=  ))"
_DROPPED = rf"{_LINE_START}[A-ZÀ-ÖØ-Þ]{DROP_BREAK}{_WORDS}"
_INITIALS = r"(?:(?<![A-Za-z'’])[A-Za-z]\.){2,}"
# Marks of the edition: no reader says them.
_UNSPOKEN = (
    r"\[\ ?(?:[0-9]{1,4}|[A-Za-z]|[*†‡§]+|Illustration|[Pp](?:age|g)?\.?\ ?[0-9ivxlc]+)\ ?\]"
    r"|\{(?:[Pp](?:age|g)\.?\ ?)?[0-9ivxlc]+\}"
)
_TOKEN = re.compile(rf"{_INITIALS}|({_DROPPED})|{_WORDS}|{_NUMBER}|&c\.?|&|({_UNSPOKEN})")
_ONE_WORD = re.compile(_WORD)
_NUMBER_ONLY = re.compile(_NUMBER)
_NUMBER_FOLLOWS = re.compile(r"\.[ \u00a0]?[0-9]")
_LINE_END = re.compile(r"[\r\n]|\Z")
_ABBREVIATIONS = {
    "adm": ("admiral",), "ave": ("avenue",), "bros": ("brothers",), "capt": ("captain",),
    "cf": ("compare",), "ch": ("chapter",), "chap": ("chapter",), "co": ("company", "county"),
    "col": ("colonel",), "dept": ("department",), "dr": ("doctor", "drive"),
    "esq": ("esquire",), "etc": ("et cetera",), "gen": ("general",), "gov": ("governor",),
    "hon": ("honorable",), "inc": ("incorporated",), "jr": ("junior",), "lieut": ("lieutenant",),
    "lt": ("lieutenant",), "ltd": ("limited",), "maj": ("major",), "messrs": ("messieurs",),
    "mlle": ("mademoiselle",), "mme": ("madame",), "mr": ("mister",), "mrs": ("missus",),
    "mt": ("mount",), "pp": ("pages",), "prof": ("professor",), "rev": ("reverend",),
    "sergt": ("sergeant",), "sgt": ("sergeant",), "sr": ("senior",), "st": ("saint", "street"),
    "supt": ("superintendent",), "viz": ("namely", "viz"), "vol": ("volume",),
    "vols": ("volumes",), "vs": ("versus",),
}  # fmt: skip
# British printing leaves the point out where the last letter is kept.
_WITHOUT_POINT = {"Mr", "Mrs", "Dr", "St", "Mme", "Mlle", "Messrs", "Jr"}
_INITIALS_SAID = {"i.e.": ("that is",), "e.g.": ("for example",), "viz.": ("namely",)}
_ELISIONS = {
    "tis", "twas", "twere", "twill", "twould", "tisn't", "twasn't", "em", "til", "till", "bout",
    "cause", "gainst", "neath", "mongst",
}  # fmt: skip
# A numeral after one of these is a number: "Chapter I".
_HEADINGS = {
    "act", "appendix", "article", "book", "canto", "chap", "chapter", "division", "lecture",
    "letter", "number", "page", "part", "plate", "psalm", "scene", "section", "sonnet", "stave",
    "table", "vol", "volume",
}  # fmt: skip
_FOLDED = str.maketrans(
    {"æ": "ae", "œ": "oe", "ß": "ss", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i",
     "ŋ": "ng", "ħ": "h", "ſ": "s", "’": "'", "ʼ": "'", "\u00ad": None}
)  # fmt: skip


def tokenize(text: str) -> list[Token]:
    """The written words of `text` in order, each with its default verbalisation.

    Time is linear in the length. Text that is appended after a blank line changes no token,
    save that it may show what was a page number.
    """
    text = without_edges(text)
    tokens: list[Token] = []
    ordinary: dict[str, tuple[str, ...]] = {}  # words whose reading needs no context
    make = tuple.__new__  # Token(...) without its keyword handling
    for match in _TOKEN.finditer(text):
        written = match.group()
        start, end = match.span()
        spoken = ordinary.get(written)
        if spoken is None:
            if match.group(2):
                continue
            if match.group(1) or is_broken(written):
                tokens += _of_pieces(text, start, written, bool(match.group(1)), tokens)
                continue
            if _needs_context(written):
                start, end, spoken = _in_context(text, start, end, tokens)
            else:
                spoken = ordinary[written] = readings(written)[0]
        if spoken:
            tokens.append(make(Token, (start, end, spoken)))
    return tokens


def _of_pieces(
    text: str, start: int, written: str, is_dropped: bool, before: list[Token]
) -> list[Token]:
    """The tokens of words that line ends, or a capital that stands alone, part or break."""
    words = [match.span() for match in _ONE_WORD.finditer(written)]
    pieces = []
    at = 0
    while at < len(words):
        rest = [written[low:high] for low, high in words[at:]]
        between = written[words[at][1] : words[at + 1][0]] if at + 1 < len(words) else ""
        if is_dropped and at == 0:
            is_sure = rest[1].isupper() or "\n" in between
            is_one = rest[1] in (rest[1].upper(), rest[1].lower())
            is_one = is_one and is_drop_capital(rest[0], between, rest[1])
            num_words = 2 if is_one and _opens_line(text, start, is_sure) else 1
        else:
            num_words = num_of_one_word(rest, between)
        pieces.append((words[at][0], words[at + num_words - 1][1]))
        at += num_words
    found: list[Token] = []
    for low, high in pieces:
        place = (start + low, start + high, readings(written[low:high])[0])
        if _needs_context(written[low:high]):
            place = _in_context(text, place[0], place[1], [*before[-1:], *found])
        if place[2]:
            found.append(Token(*place))
    return found


def _opens_line(text: str, start: int, is_sure: bool) -> bool:
    """Whether nothing but a quotation mark stands before it; is_sure: else on a line that opens
    a paragraph."""
    near = text[max(0, start - 80) : start].rstrip(' \t“"‘«\ufeff')
    if not near or near[-1] not in "\r\n\f":
        return not near and start < 80
    gap = near[len(near.rstrip()) :]
    return is_sure or gap.replace("\r\n", "\n").count("\n") > 1 or "\f" in gap


def spoken_words(text: str) -> list[str]:
    """The default verbalisation of `text`, flat: what language models and WER are made of."""
    return [word for token in tokenize(text) for word in token.spoken]


@lru_cache(maxsize=100_000)
def readings(written: str) -> tuple[tuple[str, ...], ...]:
    """All plausible verbalisations of one written token, the default first.

    `written` is a token as `tokenize` delimits it. What cannot be read gives ((),).
    """
    if is_broken(written):
        parts = halves(written)
        whole = readings(unbroken(written))
        if len(parts[0]) > 1:  # no drop capital: the hyphen may be the word's own
            whole += (tuple(word for part in parts for word in readings(part)[0]),)
        return tuple(dict.fromkeys(whole))
    if written in ("&", "&c", "&c."):
        return (("and",),) if written == "&" else (("et", "cetera"), ("and", "so", "on"))
    if _NUMBER_ONLY.fullmatch(written):
        return tuple(dict.fromkeys(number_readings(written)))
    if "." in written or written in _WITHOUT_POINT:
        return _abbreviation_readings(written)
    plain = _fold(written)
    found = [(plain,)] if plain else [()]
    value = roman_value(written) if written.isupper() or written.islower() else 0
    if value and len(written) > 1 and not set(written) - set("IVX"):
        found = [*roman_readings(value), *found]
    elif value:
        found += roman_readings(value)
    return tuple(found)


def is_abbreviation(word: str) -> bool:
    """Whether a word, without its point, is one that is written short: Mr, Capt."""
    return word.lower() in _ABBREVIATIONS


def _abbreviation_readings(written: str) -> tuple[tuple[str, ...], ...]:
    lower = written.lower()
    if lower == "no.":
        return (("no",), ("number",))
    if lower.rstrip(".") in _ABBREVIATIONS:
        return tuple(tuple(said.split()) for said in _ABBREVIATIONS[lower.rstrip(".")])
    letters = tuple(_fold(letter) for letter in lower.replace(".", ""))
    said = tuple(tuple(phrase.split()) for phrase in _INITIALS_SAID.get(lower, ()))
    return (letters, *said)


def _fold(written: str) -> str:
    lower = written.lower().translate(_FOLDED)
    if lower.isascii():
        return lower.strip("'")
    decomposed = unicodedata.normalize("NFKD", lower).translate(_FOLDED)
    return re.sub("''+", "'", re.sub(r"[^a-z']", "", decomposed)).strip("'")


def _needs_context(written: str) -> bool:
    lower = written.lower()
    return (
        lower in _ABBREVIATIONS or lower == "no" or lower in _ELISIONS or roman_value(written) > 0
    )


def _in_context(
    text: str, start: int, end: int, before: list[Token]
) -> tuple[int, int, tuple[str, ...]]:
    """Offsets and reading of a word that its surroundings decide on."""
    written = text[start:end]
    lower = written.lower()
    if lower in _ELISIONS and _apostrophe_before(text, start):
        return start - 1, end, readings(written)[0]
    pointed = text[end : end + 1] == "."
    if lower == "no":
        if pointed and _NUMBER_FOLLOWS.match(text, end):
            return start, end + 1, ("number",)
        return start, end, ("no",)
    if lower in _ABBREVIATIONS and pointed:
        return start, end + 1, readings(text[start : end + 1])[0]
    value = roman_value(written)
    if value and (written.isupper() or written.islower()):
        return start, end, _numeral(text, start, end, value, before)
    return start, end, readings(written)[0]


def _numeral(text: str, start: int, end: int, value: int, before: list[Token]) -> tuple[str, ...]:
    """A word of the letters ivxlcdm: a heading's number, a king's, or just a word."""
    written = text[start:end]
    previous = before[-1] if before else None
    name = text[previous.char_start : previous.char_end] if previous else ""
    between = text[previous.char_end : start] if previous else ""
    if _is_heading(name, written) and not between.strip(" \u00a0\n\r."):
        return roman_readings(value)[0]
    if not written.isupper():
        return readings(written)[0]
    if _alone_on_line(text, start, end):
        return roman_readings(value)[0]
    regnal = value < 40 and (len(written) > 1 or written == "V")
    if regnal and between in (" ", "\u00a0") and name.istitle() and len(name) > 3:
        return roman_readings(value)[-2]
    return readings(written)[0]


def _is_heading(name: str, numeral: str) -> bool:
    """Whether "Part I" is a heading's number; "the part I saw" and "book mix" are speech."""
    if name.lower().rstrip(".") not in _HEADINGS or numeral == "mix":
        return False
    return len(numeral) > 1 or (numeral.isupper() and name[0].isupper())


def _alone_on_line(text: str, start: int, end: int) -> bool:
    near = max(0, start - 40)
    line_start = max(text.rfind("\n", near, start), text.rfind("\r", near, start)) + 1
    # A lone "I" may be the whole of a short text: only a line break before makes it a heading.
    if line_start == 0 and (start > 40 or end - start == 1):
        return False
    line_end = _LINE_END.search(text, end, min(end + 40, len(text)))
    if line_end is None or (line_end.start() == end + 40 < len(text)):
        return False
    return not (text[line_start:start] + text[end : line_end.start()]).strip(" \t.[]()_*\u00a0")


def _apostrophe_before(text: str, start: int) -> bool:
    return (
        start > 0 and text[start - 1] in "'’ʼ" and not text[max(0, start - 2) : start - 1].isalnum()
    )
