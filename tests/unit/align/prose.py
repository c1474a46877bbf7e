"""Invented prose with the shape of a book, and a recogniser that makes errors in it."""

import random
from itertools import pairwise

from aubert.align.book import SENTENCE, Book

_SYLLABLES = "ba ke li mo nu ra se ti vo wa the an er ing st or ch".split()


def vocabulary(rng: random.Random, size: int = 600) -> list[str]:
    words = {"".join(rng.choices(_SYLLABLES, k=rng.choice([1, 2, 2, 3]))) for _ in range(3 * size)}
    return sorted(words)[:size]


def prose(rng: random.Random, num_words: int, words: list[str] | None = None) -> str:
    """Sentences of Zipf-distributed words, in paragraphs, with commas and quotes."""
    words = words or vocabulary(rng)
    weights = [1 / (rank + 2) for rank in range(len(words))]
    sentences = []
    while num_words > 0:
        chosen = rng.choices(words, weights, k=min(num_words, rng.randint(3, 18)))
        num_words -= len(chosen)
        if len(chosen) > 6:
            chosen[len(chosen) // 2] += ","
        sentence = " ".join(chosen).capitalize() + "."
        sentences.append(f"“{sentence}”" if rng.random() < 0.2 else sentence)
    return "".join(s + ("\n\n" if rng.random() < 0.15 else " ") for s in sentences).strip()


def sentences(book: Book) -> list[tuple[int, int]]:
    """The book's sentences as ranges of words."""
    cuts = [k for k in range(len(book.words) + 1) if book.break_before(k) == SENTENCE]
    return list(pairwise(cuts))


def misrecognise(rng: random.Random, words: list[str], rate: float, known: list[str]) -> list[str]:
    """The words with `rate` of them replaced, lost or doubled with another."""
    recognised = []
    for word in words:
        if rng.random() >= rate:
            recognised.append(word)
            continue
        kind = rng.random()
        if kind < 0.6:
            place = rng.randrange(len(word))
            recognised.append(word[:place] + rng.choice("aeiou") + word[place + 1 :])
        elif kind < 0.8:
            recognised += [word, rng.choice(known)]
        elif len(word) > 4:
            recognised.append(rng.choice(known))
    return recognised


def by_hand(book: Book, start: int, end: int) -> str:
    """A perfect transcript of the book's words [start, end)."""
    return " ".join(book.words[start:end])
