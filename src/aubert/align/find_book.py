"""Which book a recording reads, by content: sketches of hashed shingles.

A sketch holds the smallest hashes of a book's 4-word shingles (bottom-k sampling,
Broder 1997). The share of a transcript's shingles below a sketch's largest hash that
the sketch holds estimates the share that the book holds. 128 kB a book: thousands of
books are searched at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

import numpy as np

from aubert import tables
from aubert.align.anchors import shingles
from aubert.corpus.books import BookError, Bookshelf
from aubert.stage import Reject
from aubert.text.boilerplate import body
from aubert.text.language import plain_letters
from aubert.text.normalise import spoken_words

SHINGLE_WORDS = 4
MAX_HASHES = 16_384  # a book of 100,000 words keeps one shingle in six
MIN_HITS = 3
MIN_SHARE = 0.04  # a quarter of the words misrecognised leaves a third of the shingles; chance, 1%


def sketch(text: str, language: str = "en") -> np.ndarray:
    """The sketch of a book: its smallest shingle hashes, uint64, rising, at most MAX_HASHES.

    language: BCP 47"""
    start, end = body(text)
    return np.unique(_hashes(spoken_words(text[start:end], language)))[:MAX_HASHES]


def sketch_books(shelf: Bookshelf) -> Iterator[dict | Reject]:
    """Yields a row of `books`, or a reject (book_missing, book_empty), for every book."""
    for book_id in shelf:
        try:
            yield {
                "book_id": book_id,
                "sketch": sketch(shelf.text(book_id), shelf.language(book_id)),
            }
        except BookError as error:
            yield Reject(book_id, error.reason, error.detail)


class StoredSketches(Mapping[str, np.ndarray]):
    """The sketches of a books table. Read when the first is asked for: where every recording's
    book is known, nothing is."""

    def __init__(self, path: Path):
        self._path = path

    @cached_property
    def _sketches(self) -> dict[str, np.ndarray]:
        table = tables.read(self._path, "books")
        # Arrays into the table: as lists of Python's numbers, ten thousand books take 5 GB.
        sketches = (
            held.values.to_numpy()[start:end]
            for held in table["sketch"].chunks
            for start, end in pairwise(held.offsets.to_numpy())
        )
        return dict(zip(table["book_id"].to_pylist(), sketches, strict=True))

    def __getitem__(self, book_id: str) -> np.ndarray:
        return self._sketches[book_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sketches)

    def __len__(self) -> int:
        return len(self._sketches)


def find_book(words: Iterable[str], sketches: Mapping[str, np.ndarray]) -> str | None:
    """The id of the book that holds the largest share of the words' shingles, or None.

    words: spoken words of one recording, in order. Equal shares go to the smaller id.
    None when no book holds at least MIN_HITS sampled shingles and MIN_SHARE of them.
    """
    hashes = np.unique(_hashes(list(words)))
    best: tuple[float, int] = (0.0, 0)
    found = None
    for book_id in sorted(sketches):
        held = sketches[book_id]
        complete = len(held) < MAX_HASHES
        sampled = hashes if complete else hashes[: np.searchsorted(hashes, held[-1], side="right")]
        hits = _num_common(sampled, held)
        if hits < MIN_HITS or hits < MIN_SHARE * len(sampled):
            continue
        score = (hits / len(sampled), hits)
        if score > best:
            best, found = score, book_id
    return found


def _num_common(some: np.ndarray, held: np.ndarray) -> int:
    """How many of `some` are in `held`; both rising, without repetition."""
    if not len(held):
        return 0
    places = np.searchsorted(held, some)
    return int((held[np.minimum(places, len(held) - 1)] == some).sum())


def _hashes(words: list[str]) -> np.ndarray:
    numbers: dict[str, int] = {}
    for word in words:
        if word not in numbers:
            # Without accents: a book whose language is not known is found all the same.
            plain = word if word.isascii() else "".join(map(plain_letters, word))
            digest = blake2b(plain.encode(), digest_size=8).digest()
            numbers[word] = int.from_bytes(digest, "little")
    return shingles(np.array([numbers[word] for word in words], np.uint64), SHINGLE_WORDS)
