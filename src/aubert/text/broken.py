"""Words that a page's layout breaks: at the end of a line, and after a drop capital.

What breaks a word shows in the break and its two halves alone, so that a word is the same
word in every passage that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from aubert.text.language import APOSTROPHES, Language

HYPHENS = "-\u2010\u00ad¬"  # U+00AD and ¬ (of some recognisers of print) are no word's own
_OF_THE_LINE = "\u00ad¬"
# Not shown: joiners, marks of direction and of byte order, variants. And U+FFFD, one bad byte.
INVISIBLE = (
    "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufffd"
)
LINE_END = rf"[ \t\f{INVISIBLE}]*(?:\r\n?|\n)[ \t\f{INVISIBLE}]*"
# Between the halves of a word, the second in lower case or both in capitals.
HYPHEN_BREAK = rf"(?:[{HYPHENS}]|(?<=\u00ad)){LINE_END}"
# A capital that stands alone on a line or before a space, and the rest of its word.
DROP_BREAK = rf"(?:(?:{LINE_END}){{1,2}}|[ \u00a0])"
_HYPHEN_BREAK = re.compile(HYPHEN_BREAK)
_IS_BROKEN = re.compile(r"[\r\n]|^[^\W\d_][ \u00a0][^\W\d_]")
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_APOSTROPHE = re.compile(f"[{APOSTROPHES}]")

# Of two letters, and the few of one: the dictionary has all others as names or abbreviations.
_SHORT = set(
    "a i o ah am an as at be by do eh go ha he hi ho if in is it lo me my no of oh on or ox so to "
    "up us we ye".split()
)
_ENDINGS = set("able ably age ance ant ary ate ded der ders ding ed ence ent er ers est eth ful "
               "ger gin ing ings ion ions ish ism ist ity ive lar less ling ly man men ment ments "
               "ner ness ning per ping ple ries ring ry sion sions ted ten ter ters tial ting tion "
               "tions tive tle ton ture ty ward wards".split())  # fmt: skip
_NUMERALS = set("ivx")  # what a lone letter may be beside a word: the number of a chapter


def num_of_one_word(words: Sequence[str], between: str, pack: Language) -> int:
    """How many of the first of words, which line ends with hyphens part, are one word.

    words: as written, letters and apostrophes. between: the first two. A mark that only line
    ends have makes them one. Else they are one where the dictionary holds it, or does not hold
    both halves: of "drawing-room" it holds both. Of other languages than English there is no
    dictionary: they are one, unless the pack says that the hyphen is the word's own.
    """
    if pack.base != "en":
        return _num_without_dictionary(words, between, pack)
    for number in range(len(words), 2, -1):  # narrow columns break a word twice
        if "".join(map(plain, words[:number])) in _known() and _is_alike(words[:number]):
            return number
    if len(words) == 1 or not _is_alike(words[:2]):
        return 1
    if any(mark in between for mark in _OF_THE_LINE) or words[0].endswith("\u00ad"):
        return 2
    left, right = plain(words[0]), plain(words[1])
    is_known = left + right in _known() and left + right not in _SHORT
    both = _is_word(left) and _is_word(right) and right not in _ENDINGS
    return 1 if both and not is_known else 2


def _num_without_dictionary(words: Sequence[str], between: str, pack: Language) -> int:
    if len(words) == 1 or not _is_alike(words[:2]):
        return 1
    if any(mark in between for mark in _OF_THE_LINE) or words[0].endswith("\u00ad"):
        return 2
    return 1 if plain(words[1]) in pack.compounds else 2


def _is_alike(words: Sequence[str]) -> bool:
    return all(word.isupper() for word in words) or all(word[0].islower() for word in words[1:])


def is_drop_capital(letter: str, between: str, right: str, pack: Language) -> bool:
    """Whether a capital that stands alone is the first letter of the word after it."""
    letter, right = letter.lower(), plain(right)
    if pack.base != "en":
        return letter not in pack.lone_letters and letter not in _NUMERALS
    joined = letter + right in _known()
    if letter in _NUMERALS or (letter in pack.lone_letters and between in " \u00a0"):
        return joined and not _is_word(right)
    return joined or (not _is_word(right) and letter not in pack.lone_letters)


def is_broken(written: str) -> bool:
    """Whether a token, as it is written, is a word that the layout breaks."""
    return bool(_IS_BROKEN.search(written))


def halves(written: str) -> tuple[str, ...]:
    """The parts of a broken word. A page's number and head that stand between them are none."""
    first, *others = _HYPHEN_BREAK.split(written)
    if not others:  # a drop capital
        return tuple(written.split())
    return (first, *(re.split(r"[\r\n\f]", other)[-1].strip() for other in others))


def unbroken(written: str) -> str:
    """A token as it is printed in one piece: without breaks and invisible characters."""
    return _INVISIBLE.sub("", "".join(halves(written)) if is_broken(written) else written)


def plain(written: str) -> str:
    return _APOSTROPHE.sub("'", _INVISIBLE.sub("", written)).lower().strip("'")


def _is_word(word: str) -> bool:
    return word in _SHORT or (len(word) > 2 and word in _known())


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    """The words of the dictionary that pocketsphinx carries."""
    import pocketsphinx

    path = Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"))
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(line.split(maxsplit=1)[0].partition("(")[0] for line in lines)
