"""Pronouncing dictionaries: that of English, which pocketsphinx carries, others from files, and
words that they lack."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from aubert.text.language import plain_letters
from aubert.text.languages import pack_of
from aubert.text.pronounce import PronounceUnavailable, pronounce

ESPEAK_HINT = "pip install espeakng-loader"
INSTALL_HINT = (
    "espeakng-loader is not installed: words that pocketsphinx's dictionary lacks cannot be "
    f"recognised or aligned; install it with `{ESPEAK_HINT}`"
)

# Spoken in every LibriVox recording.
_OWN = {"librivox": ("L IY B R AH V AA K S",)}


@lru_cache(maxsize=1)
def _carried() -> dict[str, tuple[str, ...]]:
    """CMUdict as pocketsphinx carries it: word -> its pronunciations, 39 phones without stress."""
    import pocketsphinx

    return read_dictionary(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict")) | _OWN


@lru_cache(maxsize=2)
def read_dictionary(path: str) -> dict[str, tuple[str, ...]]:
    """word, in small letters -> its pronunciations, of a dictionary in pocketsphinx's format.

    Raises ValueError where the file is none."""
    found: dict[str, list[str]] = {}
    try:
        for line in Path(path).read_text(encoding="utf-8-sig").splitlines():
            if not line.strip() or line.startswith(";;;"):
                continue
            word, phones = line.split(maxsplit=1)
            found.setdefault(re.sub(r"\(\d+\)$", "", word).lower(), []).append(phones)
    except (OSError, ValueError) as error:  # UnicodeDecodeError is one
        raise ValueError(
            f"dictionary: {path} is no dictionary of pocketsphinx, a word and its phones on each "
            f"line, in UTF-8 ({error})"
        ) from None
    return {word: tuple(variants) for word, variants in found.items()}


def pronunciations(
    words: Iterable[str], language: str = "en", dictionary: str | None = None
) -> dict[str, tuple[str, ...]]:
    """word -> its pronunciations; a word that none can be found for is absent.

    language: BCP 47, of the words. dictionary: of another acoustic model, which has phones of its
    own: what it lacks has no pronunciation. Without one, words that English's dictionary lacks, and
    all of other languages, are pronounced by espeak-ng where it is installed.
    """
    wanted = sorted(set(words))
    if dictionary is not None:
        given = read_dictionary(dictionary)
        return {word: given[word] for word in wanted if word in given}
    carried = _carried() if pack_of(language).base == "en" else {}
    missing = [word for word in wanted if word not in carried]
    made = pronounce(missing, language) if missing and can_pronounce() else {}
    return {
        word: carried.get(word) or (made[word],)
        for word in wanted
        if word in carried or word in made
    }


@lru_cache(maxsize=1)
def can_pronounce() -> bool:
    """Whether words outside the dictionary can be given pronunciations here."""
    try:
        pronounce(["a"])
    except PronounceUnavailable:
        return False
    return True


_LETTERS = {
    "tch": "CH", "sch": "SH", "igh": "AY",
    "ai": "EY", "au": "AO", "aw": "AO", "ay": "EY", "ch": "CH", "ck": "K", "dg": "JH", "ea": "IY",
    "ee": "IY", "ei": "IY", "ew": "UW", "ey": "IY", "ie": "IY", "kn": "N", "ng": "NG", "oa": "OW",
    "oi": "OY", "oo": "UW", "ou": "AW", "ow": "OW", "oy": "OY", "ph": "F", "qu": "K W",
    "sh": "SH", "th": "TH", "wh": "W", "wr": "R",
    "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH",
    "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R",
    "s": "S", "t": "T", "u": "AH", "v": "V", "w": "W", "x": "K S", "y": "IY", "z": "Z",
}  # fmt: skip


def spelled(word: str) -> str:
    """Phones by letters alone: no pronunciation, but enough to time a word among others."""
    word = "".join(map(plain_letters, word))
    folded = re.sub(r"([^aeo])\1|'", r"\1", word)
    pieces = re.findall("|".join(_LETTERS), folded)
    return " ".join(_LETTERS[piece] for piece in pieces)


def write_dictionary(entries: Mapping[str, Iterable[str]], path: str | Path) -> None:
    """Writes a dictionary in pocketsphinx's format: `word phones`, `word(2) phones`."""
    lines = [
        f"{word}{f'({number})' if number > 1 else ''} {phones}\n"
        for word, variants in entries.items()
        for number, phones in enumerate(variants, start=1)
    ]
    Path(path).write_text("".join(lines), encoding="utf-8")
