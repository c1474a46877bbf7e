"""Reversible normalisation: written words with their offsets, as they are spoken.

`tokenize` never changes the text; each token says which characters it stands on
and which words a reader would say for them. Spoken words are lower-case letters of the
language's pack with inner apostrophes ("o'clock", "rob's"); other Latin letters count as those
that they are made of. Letters of other scripts than the language's have no default reading and
give no token. A word that the layout breaks is one token, which spans the break. Tags and
characters written as in HTML ("<i>", "&mdash;") give none either, in a plain text, too.
"""

from __future__ import annotations

import html
import re
from functools import cache, lru_cache
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
from aubert.text.language import APOSTROPHES, Language
from aubert.text.languages import pack_of
from aubert.text.numbers import roman_value
from aubert.text.pages import without_edges


class Token(NamedTuple):
    """One written word: text[char_start:char_end], and the words that it is read as."""

    char_start: int
    char_end: int
    spoken: tuple[str, ...]


_MARK = "\u0300-\u036f" + INVISIBLE
_LINE_START = r"(?:\A|(?<=[\n\r\f\t\ufeff“\"‘«])|(?<=  ))"
_INITIALS = r"(?:(?<![A-Za-z'’])[A-Za-z]\.){2,}"
# HTML in a plain text, as some transcribers leave it there.
_TAG = (
    r"<!--[^>]{0,1000}-->|</?(?i:a|abbr|b|big|blockquote|body|br|center|cite|code|dd|div|dl|dt|em"
    r"|font|h[1-6]|hr|i|img|ins|li|ol|p|pre|q|s|small|span|strike|strong|sub|sup|table|tbody|td"
    r"|th|thead|tr|tt|u|ul)(?:\s+[A-Za-z:-]+\s*=[^<>]{0,300})?\s*/?>|<(?i:hr|br)\s[^<>]{0,100}>"
)
_CHARACTER = (
    r"&(?:\#[0-9]{2,6}|\#[xX][0-9A-Fa-f]{2,5}|nbsp|quot|apos|lt|gt|[lr][sd]quo|[lr]aquo|[sb]dquo"
    r"|[mn]dash|hellip|shy|e[mn]sp|thinsp|zwn?j|bull|middot|copy|reg|trade|deg|sect|para|[dD]agger"
    r"|times);"
)
# A letter with a mark, of any case: &eacute; and &#233;.
_NAMED_LETTER = (
    r"(?i:&(?:[a-z](?:acute|grave|circ|uml|tilde|cedil|ring|slash|caron)|[ao]elig|szlig);)"
    r"|&\#(?:19[2-9]|2(?:[023][0-9]|1[0-46-9]|4[0-689]|5[0-5]));"
)
_APOSTROPHE = rf"(?:[{APOSTROPHES}]|&(?:rsquo|apos|\#0?39|\#8217|\#[xX]2019);)"
# Marks of the edition: no reader says them.
_UNSPOKEN = (
    rf"{_TAG}|{_CHARACTER}|(?<=\])\(https?://[^\s()]+\)|"
    r"\[\ ?(?:[0-9]{1,4}|[A-Za-z]|[*†‡§]+|Illustration|Abbildung|Ilustración"
    r"|[Pp](?:age|g)?\.?\ ?[0-9ivxlc]+|(?:Seite|S\.|Página|Pág\.)\ ?[0-9]+)\ ?\]"
    r"|\{(?:[Pp](?:age|g)\.?\ ?)?[0-9ivxlc]+\}"
)
_NUMBER_FOLLOWS = re.compile(r"\.[ \u00a0]?[0-9]")
_LINE_END = re.compile(r"[\r\n]|\Z")


class _Patterns:
    """The regular expressions of one language.

    token: group 1 is a word with a dropped capital in front, group 2 what is not spoken
    """

    def __init__(self, pack: Language):
        letter = pack.script
        # Combining marks and invisible characters only after a letter.
        letters = rf"(?:[{letter}]|{_NAMED_LETTER})(?:[{letter}{_MARK}]+|{_NAMED_LETTER})*"
        word = rf"{letters}(?:{_APOSTROPHE}[{_MARK}]*{letters})*"
        words = rf"{word}(?:{HYPHEN_BREAK}{word})*"  # more than one where lines end in hyphens
        dropped = rf"{_LINE_START}[A-ZÀ-ÖØ-Þ]{DROP_BREAK}{words}"
        self.phrases = {_key(phrase): spoken for phrase, spoken in pack.phrases.items()}
        early = [*map(_of_phrase, sorted(pack.phrases, key=len, reverse=True))]
        early = [rf"(?<![{letter}0-9]){each}" for each in (*early, pack.numbers.first) if each]
        self.token = re.compile(
            "|".join([*early, _INITIALS, rf"({dropped})", words, pack.numbers.pattern])
            + rf"|&amp;|({_UNSPOKEN})|&c\.?|&"
        )
        self.word = re.compile(word)


def _of_phrase(phrase: str) -> str:
    """The spaces of an abbreviation of several words may be narrow, or left out."""
    return r"[ \u00a0\u202f]?".join(map(re.escape, phrase.split()))


def _key(phrase: str) -> str:
    return re.sub(r"[ \u00a0\u202f]", "", phrase)


@cache
def _patterns(pack: Language) -> _Patterns:
    return _Patterns(pack)


def tokenize(text: str, language: str | Language = "en") -> list[Token]:
    """The written words of `text` in order, each with its default verbalisation.

    language: BCP 47, or a pack. Time is linear in the length. Text that is appended after a blank
    line changes no token, save that it may show what was a page number.
    """
    pack = _pack(language)
    text = without_edges(text)
    tokens: list[Token] = []
    ordinary: dict[str, tuple[str, ...]] = {}  # words whose reading needs no context
    make = tuple.__new__  # Token(...) without its keyword handling
    for match in _patterns(pack).token.finditer(text):
        written = match.group()
        start, end = match.span()
        spoken = ordinary.get(written)
        if spoken is None:
            if match.group(2):
                continue
            if match.group(1) or is_broken(written):
                tokens += _of_pieces(text, start, written, bool(match.group(1)), tokens, pack)
                continue
            if _needs_context(written, pack):
                start, end, spoken = _in_context(text, start, end, tokens, pack)
            else:
                spoken = ordinary[written] = readings(written, pack)[0]
        if spoken:
            tokens.append(make(Token, (start, end, spoken)))
    return tokens


def _of_pieces(
    text: str, start: int, written: str, is_dropped: bool, before: list[Token], pack: Language
) -> list[Token]:
    """The tokens of words that line ends, or a capital that stands alone, part or break."""
    words = [match.span() for match in _patterns(pack).word.finditer(written)]
    pieces = []
    at = 0
    while at < len(words):
        rest = [written[low:high] for low, high in words[at:]]
        between = written[words[at][1] : words[at + 1][0]] if at + 1 < len(words) else ""
        if is_dropped and at == 0:
            is_sure = rest[1].isupper() or "\n" in between
            is_one = rest[1] in (rest[1].upper(), rest[1].lower())
            is_one = is_one and is_drop_capital(rest[0], between, rest[1], pack)
            num_words = 2 if is_one and _opens_line(text, start, is_sure) else 1
        else:
            num_words = num_of_one_word(rest, between, pack)
        pieces.append((words[at][0], words[at + num_words - 1][1]))
        at += num_words
    found: list[Token] = []
    for low, high in pieces:
        place = (start + low, start + high, readings(written[low:high], pack)[0])
        if _needs_context(written[low:high], pack):
            place = _in_context(text, place[0], place[1], [*before[-1:], *found], pack)
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


def spoken_words(text: str, language: str | Language = "en") -> list[str]:
    """The default verbalisation of `text`, flat: what language models and WER are made of."""
    return [word for token in tokenize(text, language) for word in token.spoken]


def _pack(language: str | Language) -> Language:
    return pack_of(language) if isinstance(language, str) else language


@lru_cache(maxsize=100_000)
def readings(written: str, language: str | Language = "en") -> tuple[tuple[str, ...], ...]:
    """All plausible verbalisations of one written token, the default first.

    `written` is a token as `tokenize` delimits it. What cannot be read gives ((),).
    """
    pack = _pack(language)
    if is_broken(written):
        parts = halves(written)
        whole = readings(unbroken(written), pack)
        if len(parts[0]) > 1:  # no drop capital: the hyphen may be the word's own
            whole += (tuple(word for part in parts for word in readings(part, pack)[0]),)
        return tuple(dict.fromkeys(whole))
    if ";" in written:
        written = html.unescape(written)
    if written in ("&", "&c", "&c."):
        return (
            ((pack.ampersand,) if pack.ampersand else (),)
            if written == "&"
            else (pack.et_cetera or ((),))
        )
    if pack.numbers.is_number(written):
        return tuple(dict.fromkeys(pack.numbers.readings(written)))
    spoken = _patterns(pack).phrases.get(_key(written))
    if spoken is not None:
        return tuple(tuple(phrase.split()) for phrase in spoken)
    if "." in written or written in pack.without_point:
        return _abbreviation_readings(written, pack)
    plain = pack.fold(written)
    found = [(plain,)] if plain else [()]
    value = _numeral_value(written, pack) if written.isupper() or written.islower() else 0
    if value and len(written) > 1 and not set(written) - set("IVX"):
        found = [*pack.numbers.roman(value), *found]
    elif value:
        found += pack.numbers.roman(value)
    return tuple(found)


def _numeral_value(written: str, pack: Language) -> int:
    return 0 if written.lower() in pack.not_numerals else roman_value(written)


def is_abbreviation(word: str, language: str | Language = "en") -> bool:
    """Whether a word, without its point, is one that is written short: Mr, Capt."""
    return word.lower() in _pack(language).abbreviations


def _abbreviation_readings(written: str, pack: Language) -> tuple[tuple[str, ...], ...]:
    lower = written.lower()
    if lower.rstrip(".") in pack.before_number:
        return ((lower.rstrip("."),), (pack.before_number[lower.rstrip(".")],))
    if lower.rstrip(".") in pack.abbreviations:
        return tuple(tuple(spoken.split()) for spoken in pack.abbreviations[lower.rstrip(".")])
    letters = tuple(filter(None, map(pack.fold, lower.replace(".", ""))))
    spoken = tuple(tuple(phrase.split()) for phrase in pack.initials.get(lower, ()))
    return (letters, *spoken)


def _needs_context(written: str, pack: Language) -> bool:
    lower = written.lower()
    return (
        lower in pack.abbreviations
        or lower in pack.before_number
        or lower in pack.elisions
        or _numeral_value(written, pack) > 0
    )


def _in_context(
    text: str, start: int, end: int, before: list[Token], pack: Language
) -> tuple[int, int, tuple[str, ...]]:
    """Offsets and reading of a word that its surroundings decide on."""
    written = text[start:end]
    lower = written.lower()
    if lower in pack.elisions and _apostrophe_before(text, start):
        return start - 1, end, readings(written, pack)[0]
    pointed = text[end : end + 1] == "."
    if lower in pack.before_number:
        if pointed and _NUMBER_FOLLOWS.match(text, end):
            return start, end + 1, (pack.before_number[lower],)
        return start, end, (lower,)
    if lower in pack.abbreviations and pointed:
        return start, end + 1, readings(text[start : end + 1], pack)[0]
    value = _numeral_value(written, pack)
    if value and (written.isupper() or written.islower()):
        return start, end, _numeral(text, start, end, value, before, pack)
    return start, end, readings(written, pack)[0]


def _numeral(
    text: str, start: int, end: int, value: int, before: list[Token], pack: Language
) -> tuple[str, ...]:
    """A word of the letters ivxlcdm: a heading's number, a king's, or just a word."""
    written = text[start:end]
    previous = before[-1] if before else None
    name = text[previous.char_start : previous.char_end] if previous else ""
    between = text[previous.char_end : start] if previous else ""
    if _is_heading(name, written, pack) and not between.strip(" \u00a0\n\r."):
        return pack.numbers.roman(value)[0]
    if not written.isupper():
        return readings(written, pack)[0]
    if _alone_on_line(text, start, end):
        return pack.numbers.roman(value)[0]
    regnal = value < 40 and (len(written) > 1 or written in pack.regnal_letters)
    if regnal and between in (" ", "\u00a0") and name.istitle() and len(name) > 3:
        return pack.numbers.regnal(value)
    return readings(written, pack)[0]


def _is_heading(name: str, numeral: str, pack: Language) -> bool:
    """Whether "Part I" is a heading's number; "the part I saw" is speech."""
    if name.lower().rstrip(".") not in pack.headings:
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
        start > 0
        and text[start - 1] in APOSTROPHES
        and not text[max(0, start - 2) : start - 1].isalnum()
    )
