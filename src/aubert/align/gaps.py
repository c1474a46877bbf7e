"""Word alignment of two short word lists that differ: between anchors, and at the ends.

Affine-gap dynamic programming (Gotoh 1982) over words, with a second, flatter gap for
passages of the book that were left out (the two-piece affine gap of minimap2, Li 2018).
A pair of words costs its normalised Levenshtein distance, dearer the less they share; two
words that were recognised as one ("to night", "tonight") are a pair too. A recogniser often
misrecognises a whole stretch, readers hardly ever add something just where they leave something
out: words opposite words are pairs, and gaps on both sides are dearer but where one side
is much longer.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

OPEN, EXTEND = 0.6, 0.5  # of words that were missed, and for each word in the gap
EXTRA_EXTEND = 1.0  # for each recognised word in a gap that OPEN opens: as much as a wrong one
SKIP_OPEN, SKIP_EXTEND = 2.6, 0.1  # of a passage that was left out: its length says little
MAX_CELLS = 4_000_000  # 60 MB of choices; two passages this long without an anchor are unrelated
_PAIR, _TWO_RECOGNISED, _TWO_WRITTEN, _EXTRA, _MISSED, _SKIPPED = range(6)


class Step(NamedTuple):
    """transcript[text:text_end] lies opposite book[book:book_end]; one side may be empty.

    cost: 0 for equal words, else the words' normalised distance (1 where a side is empty).
    """

    text: int
    text_end: int
    book: int
    book_end: int
    cost: float


def align_gap(
    text: list[str], book: list[str], *, free_head: bool = False, free_tail: bool = False
) -> list[Step]:
    """The cheapest steps that lead through both lists, in order.

    free_head, free_tail: book words before the first and after the last word of `text` cost
    nothing (the alignment may begin and end anywhere in the book's words).
    """
    num_text, num_book = len(text), len(book)
    if not num_text or not num_book:
        return _one_sided(num_text, num_book)
    if num_text == num_book == 1 and not free_head and not free_tail:
        return [Step(0, 1, 0, 1, Levenshtein.normalized_distance(text[0], book[0]))]
    if num_text * num_book > MAX_CELLS:
        return [*_one_sided(num_text, 0), *_shifted(_one_sided(0, num_book), num_text, 0)]
    return _Table(text, book, free_head, free_tail).steps()


def _one_sided(num_text: int, num_book: int) -> list[Step]:
    steps = [Step(i, i + 1, 0, 0, 1.0) for i in range(num_text)]
    return steps or [Step(0, 0, j, j + 1, 1.0) for j in range(num_book)]


def _shifted(steps: list[Step], text: int, book: int) -> list[Step]:
    return [Step(s[0] + text, s[1] + text, s[2] + book, s[3] + book, s[4]) for s in steps]


def _price(distance):
    """What a pair of words costs: unrelated ones (> .5) more than their distance."""
    return distance + 0.8 * np.maximum(0.0, distance - 0.5)


def _joint_price(distance):
    """What two words opposite one cost: only near-equal ones count, or "in nearer" is "nearer"."""
    return np.where(distance <= 0.15, distance + 0.1, np.inf)


class _Table:
    """One dynamic-programming table; rows are recognised words, columns are written ones.

    Rows are computed as a whole: a gap along a row is a running minimum.
    """

    def __init__(self, text: list[str], book: list[str], free_head: bool, free_tail: bool):
        self.num_text, self.num_book = len(text), len(book)
        self.free_head, self.free_tail = free_head, free_tail
        self.pair = _distances(text, book)
        text_pairs = [a + b for a, b in pairwise(text)]
        book_pairs = [a + b for a, b in pairwise(book)]
        self.two_recognised = _distances(text_pairs, book)
        self.two_written = _distances(text, book_pairs)

    def steps(self) -> list[Step]:
        n, m = self.num_text, self.num_book
        choice = np.zeros((n + 1, m + 1), np.uint8)
        extra_extends = np.zeros((n + 1, m + 1), bool)
        missed_from = np.zeros((2, n + 1, m + 1), np.int32)
        columns = np.arange(m + 1)
        slopes = (OPEN, EXTEND * columns), (SKIP_OPEN, SKIP_EXTEND * columns)
        best = np.minimum(*(opening + slope for opening, slope in slopes))
        if self.free_head:
            best[:] = 0.0
        best[0] = 0.0
        choice[0, 1:] = _MISSED
        before = None  # the row before `best`
        extra = np.full(m + 1, np.inf)
        pair = _price(self.pair)
        two_recognised = _joint_price(self.two_recognised)
        two_written = _joint_price(self.two_written)
        for i in range(1, n + 1):
            opened = best + OPEN
            extra_extends[i] = extra < opened
            extra = np.minimum(extra, opened) + EXTRA_EXTEND
            row, kind = extra.copy(), np.full(m + 1, _EXTRA, np.uint8)
            _better(row[1:], kind[1:], best[:-1] + pair[i - 1], _PAIR)
            if m > 1:
                _better(row[2:], kind[2:], best[:-2] + two_written[i - 1], _TWO_WRITTEN)
            if before is not None:
                _better(row[1:], kind[1:], before[:-1] + two_recognised[i - 2], _TWO_RECOGNISED)
            without_gap = row.copy()
            for gap, (opening, slope) in enumerate(slopes):
                start = without_gap - slope
                lowest = np.minimum.accumulate(start)
                reached = np.maximum.accumulate(np.where(start <= lowest, columns, 0))
                missed_from[gap, i, 1:] = reached[:-1]
                missed = lowest[:-1] + opening + slope[1:]
                _better(row[1:], kind[1:], missed, (_MISSED, _SKIPPED)[gap])
            choice[i] = kind
            before, best = best, row
        return self._trace(best, choice, extra_extends, missed_from)

    def _trace(self, last_row, choice, extra_extends, missed_from) -> list[Step]:
        i, j = self.num_text, self.num_book
        steps: list[Step] = []
        if self.free_tail:
            j = int(np.argmin(last_row))
        steps += [Step(i, i, k, k + 1, 1.0) for k in range(self.num_book - 1, j - 1, -1)]
        while i or j:
            kind = choice[i, j]
            if kind in (_MISSED, _SKIPPED):
                start = int(missed_from[kind - _MISSED, i, j]) if i else 0
                steps += [Step(i, i, k, k + 1, 1.0) for k in range(j - 1, start - 1, -1)]
                j = start
            elif kind == _EXTRA:
                extends = True
                while extends:
                    extends = bool(extra_extends[i, j])
                    steps.append(Step(i - 1, i, j, j, 1.0))
                    i -= 1
            elif kind == _PAIR:
                steps.append(Step(i - 1, i, j - 1, j, float(self.pair[i - 1, j - 1])))
                i, j = i - 1, j - 1
            elif kind == _TWO_RECOGNISED:
                steps.append(Step(i - 2, i, j - 1, j, float(self.two_recognised[i - 2, j - 1])))
                i, j = i - 2, j - 1
            else:
                steps.append(Step(i - 1, i, j - 2, j, float(self.two_written[i - 1, j - 2])))
                i, j = i - 1, j - 2
        return steps[::-1]


def _better(row: np.ndarray, kind: np.ndarray, cost: np.ndarray, name: int) -> None:
    """Takes `cost` into `row` (views, in place) where it is at least as low."""
    lower = cost <= row
    row[lower] = cost[lower]
    kind[lower] = name


def _distances(text: list[str], book: list[str]) -> np.ndarray:
    if not text or not book:
        return np.zeros((len(text), len(book)))
    return cdist(text, book, scorer=Levenshtein.normalized_distance, dtype=np.float32).astype(
        np.float64
    )
