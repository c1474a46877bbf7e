"""Whether a recording's language is one that a recogniser reads, and the one its text is in."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import NamedTuple

from aubert.corpus.books import BookError, Bookshelf
from aubert.stage import Reject
from aubert.text.language import LATIN
from aubert.text.languages import PACKS, common_shares, english_name, pack_of

_FEW_WORDS = 50  # of a text, too few to tell a language by
_SAMPLE = 400_000  # characters of a text that are looked at
_HARDLY_ANY = 0.08  # of prose about .3 of the words are its language's commonest


def named(tag: str) -> str:
    """ "German (de)"."""
    name = english_name(tag)
    return tag if name == tag else f"{name} ({tag})"


class Other(NamedTuple):
    """What a text is: "German (de)", "written in Cyrillic letters". tag: None where not known"""

    what: str
    tag: str | None


def other_language(text: str, tag: str) -> Other | None:
    """What a text evidently is instead of the language that it is read in; None where it may well
    be that. tag: BCP 47"""
    text = text[len(text) // 2 - _SAMPLE // 2 :] if len(text) > _SAMPLE else text
    text = text[:_SAMPLE]
    if len(text.split()) < _FEW_WORDS:
        return None
    letters = [each for each in text[:20_000] if each.isalpha()]
    foreign = [each for each in letters if not unicodedata.name(each, "").startswith("LATIN")]
    if pack_of(tag).script == LATIN and len(foreign) * 2 > len(letters):
        script = unicodedata.name(foreign[0], "other").split()[0]
        return Other(f"written in {script.capitalize()} letters", None)
    shares = common_shares(text)
    base = pack_of(tag).base
    own = shares.pop(base, 0.0)
    best = max(shares, key=lambda other: shares[other])
    evident = shares[best] > 0.12 if base in PACKS else shares[best] > 0.2
    if evident and own < _HARDLY_ANY and shares[best] > 3 * own:
        return Other(named(best), best)
    return None


@lru_cache(maxsize=64)
def _other_language(shelf: Bookshelf, book_id: str, tag: str) -> Other | None:
    try:
        return other_language(shelf.text(book_id), tag)
    except BookError:  # whoever needs the text says why
        return None


class Languages:
    """The language of each recording, and why a recogniser does not read it.

    unread: says of a language and a text why the recogniser does not read it, a sentence; None
    where it does
    """

    def __init__(self, shelf: Bookshelf, unread: Callable[[str], str | None]):
        self._shelf = shelf
        self._unread = lru_cache(maxsize=None)(unread)

    def of(self, recording: Mapping) -> str:
        """BCP 47"""
        return self._shelf.language(recording["book_id"], recording)

    def fault(self, recording: Mapping) -> str | None:
        """Why the recording cannot be recognised, or None."""
        tag, book_id = self.of(recording), recording["book_id"]
        known = book_id is not None and book_id in self._shelf
        if (unread := self._unread(tag)) is not None:
            what = f"book {book_id!r}" if known else "the recording"
            return f"{what} is {named(tag)}, and {unread}"
        other = _other_language(self._shelf, book_id, tag) if known else None
        if other is None:
            return None
        unread = self._unread(other.tag) if other.tag else None
        return (
            f"the text of book {book_id!r} is {other.what}, and was to be read as {named(tag)}: "
            f"set corpus.language to {other.tag or 'its language'}, or correct the language that "
            f"the book's file or its recordings' tags name" + (f"; {unread}" if unread else "")
        )

    def rejects(self, recordings: Collection[Mapping]) -> dict[str, Reject]:
        """recording id -> the reject of each that cannot be recognised."""
        faults = {row["recording_id"]: self.fault(row) for row in recordings}
        return {id: Reject(id, "language_unread", why) for id, why in faults.items() if why}
