"""The pronouncing dictionary that pocketsphinx carries, and words that it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from aubert.text.pronounce import PronounceUnavailable, pronounce

INSTALL_HINT = (
    "espeakng-loader is not installed: words that pocketsphinx's dictionary lacks cannot be "
    "recognised or aligned; install it with `pip install espeakng-loader`"
)

# Said in every LibriVox recording.
_OWN = {"librivox": ("L IY B R AH V AA K S",)}


@lru_cache(maxsize=1)
def _carried() -> dict[str, tuple[str, ...]]:
    """CMUdict as pocketsphinx carries it: word -> its pronunciations, 39 phones without stress."""
    import pocketsphinx

    found: dict[str, list[str]] = {}
    path = Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"))
    for line in path.read_text(encoding="utf-8").splitlines():
        word, phones = line.split(maxsplit=1)
        found.setdefault(re.sub(r"\(\d+\)$", "", word), []).append(phones)
    return {word: tuple(variants) for word, variants in found.items()} | _OWN


def pronunciations(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """word -> its pronunciations; a word that none can be found for is absent.

    Words that the dictionary lacks are pronounced by espeak-ng where it is installed.
    """
    wanted = sorted(set(words))
    carried = _carried()
    missing = [word for word in wanted if word not in carried]
    made = pronounce(missing) if missing and can_pronounce() else {}
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
