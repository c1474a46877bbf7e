"""The language packs, and the one place that picks one.

A new pack: a file beside these with a `PACK`, and its name in `_PACKS`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from aubert.text.language import Language
from aubert.text.languages import de, en, es, fr
from aubert.text.languages.codes import english_name
from aubert.text.languages.other import other

ENGLISH = en.PACK
PACKS = {module.PACK.tag: module.PACK for module in (en, de, fr, es)}


@cache
def pack_of(tag: str) -> Language:
    """The pack of a language. tag: BCP 47; with a region, its numbers are read as there where
    num2words has them ("fr-CH"). A language without a pack gets one of letters alone."""
    base, _, region = tag.partition("-")
    numbers = _of_num2words(base.lower(), region.upper())
    pack = PACKS.get(base.lower())
    if pack is None:
        return other(tag, numbers)
    if numbers is not None and "_" in numbers and pack is not ENGLISH:
        pack = replace(pack, numbers=type(pack.numbers)(numbers))
    return replace(pack, tag=tag) if tag != pack.tag else pack


def _of_num2words(base: str, region: str) -> str | None:
    from num2words import CONVERTER_CLASSES

    names = (f"{base}_{region}", base)
    return next((name for name in names if name in CONVERTER_CLASSES), None)


def likely_tag(text: str) -> str | None:
    """The language, of those with a pack, that a text's commonest words are of; None where they
    are of none for sure."""
    shares = common_shares(text)
    best = max(shares, key=lambda tag: shares[tag])
    second = max(share for tag, share in shares.items() if tag != best)
    return best if shares[best] > 0.15 and shares[best] > 2 * second else None


def common_shares(text: str) -> dict[str, float]:
    """Of each pack, the share of a text's words that are its commonest: of prose about .3"""
    words = "".join(each if each.isalpha() else " " for each in text.lower()).split()
    return {
        tag: sum(word in pack.common for word in words) / max(1, len(words))
        for tag, pack in PACKS.items()
    }


__all__ = ["ENGLISH", "PACKS", "common_shares", "english_name", "likely_tag", "pack_of"]
