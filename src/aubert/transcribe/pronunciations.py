"""The pronouncing dictionary that pocketsphinx carries, and words that it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from aubert.pronounce import PronounceUnavailable, pronounce

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
    found = {word: (made[word],) for word in made}
    return {
        word: carried.get(word) or found[word] for word in wanted if word in carried or word in found
    }


@lru_cache(maxsize=1)
def can_pronounce() -> bool:
    """Whether words outside the dictionary can be given pronunciations here."""
    try:
        pronounce(["a"])
    except PronounceUnavailable:
        return False
    return True


def write_dictionary(entries: Mapping[str, Iterable[str]], path: str | Path) -> None:
    """Writes a dictionary in pocketsphinx's format: `word phones`, `word(2) phones`."""
    lines = [
        f"{word}{f'({number})' if number > 1 else ''} {phones}\n"
        for word, variants in entries.items()
        for number, phones in enumerate(variants, start=1)
    ]
    Path(path).write_text("".join(lines), encoding="utf-8")
