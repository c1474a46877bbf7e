"""Word alignment of two short word lists that differ: between anchors, and at the ends.

Affine-gap dynamic programming (Gotoh 1982) over words, with a second, flatter gap for
passages of the book that were left out (the two-piece affine gap of minimap2, Li 2018).
A pair of words costs its normalised Levenshtein distance, dearer the less they share, so
a misheard word is a pair while unrelated passages become one gap on each side; two words
that were heard as one ("to night", "tonight") are a pair too.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

OPEN, EXTEND = 0.6, 0.5  # of a gap, and for each word in it
SKIP_OPEN, SKIP_EXTEND = 2.6, 0.1  # of a passage that was left out: its length says little
# Of a gap on both sides at one place. Readers hardly ever leave something out just where they
# add something; a recogniser mishears a stretch of words often.
BOTH = 3.0
MAX_CELLS = 4_000_000  # 60 MB of choices; two passages this long without an anchor are unrelated
_PAIR, _TWO_HEARD, _TWO_WRITTEN, _EXTRA, _MISSED, _SKIPPED = range(6)


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

    free_head, free_tail: book words before the first and after the last heard word cost
    nothing (the alignment may begin and end anywhere in the book's words).
    """
    num_text, num_book = len(text), len(book)
    if not num_text or not num_book:
        return _one_sided(num_text, num_book)
    if num_text == num_book == 1:
        if not free_head and not free_tail:
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
    """One dynamic-programming table; rows are heard words, columns are written ones.

    A path ends in a pair, in an extra word or in a missed one (Gotoh's three states); where
    it holds both an extra and a missed stretch at one place, the extra words come first. Rows
    are computed as a whole: a gap along a row is a running minimum.
    """

    def __init__(self, text: list[str], book: list[str], free_head: bool, free_tail: bool):
        self.num_text, self.num_book = len(text), len(book)
        self.free_head, self.free_tail = free_head, free_tail
        self.pair = _distances(text, book)
        text_pairs = [a + b for a, b in pairwise(text)]
        book_pairs = [a + b for a, b in pairwise(book)]
        self.two_heard = _distances(text_pairs, book)
        self.two_written = _distances(text, book_pairs)
        shape = (self.num_text + 1, self.num_book + 1)
        self.state = np.zeros(shape, np.uint8)  # of the cheapest path to each cell
        self.pair_kind = np.zeros(shape, np.uint8)  # the last step of the cheapest that is paired
        self.extra_extends = np.zeros(shape, bool)
        self.follows_extra = np.zeros(shape, bool)  # a gap in the book that starts here does
        self.missed_from = np.zeros((2, *shape), np.int32)

    def steps(self) -> list[Step]:
        pair = _price(self.pair)
        two_heard, two_written = _joint_price(self.two_heard), _joint_price(self.two_written)
        width = self.num_book + 1
        paired, extra = np.full(width, np.inf), np.full(width, np.inf)
        paired[: width if self.free_head else 1] = 0.0
        before, best = None, self._close_row(0, paired, extra)
        for i in range(1, self.num_text + 1):
            opened = paired + OPEN
            self.extra_extends[i] = extra < opened
            extra = np.minimum(extra, opened) + EXTEND
            paired, kind = np.full(width, np.inf), self.pair_kind[i]
            _better(paired[1:], kind[1:], best[:-1] + pair[i - 1], _PAIR)
            if self.num_book > 1:
                _better(paired[2:], kind[2:], best[:-2] + two_written[i - 1], _TWO_WRITTEN)
            if before is not None:
                _better(paired[1:], kind[1:], before[:-1] + two_heard[i - 2], _TWO_HEARD)
            before, best = best, self._close_row(i, paired, extra)
        return self._trace(int(np.argmin(best)) if self.free_tail else self.num_book)

    def _close_row(self, i: int, paired: np.ndarray, extra: np.ndarray) -> np.ndarray:
        """The cheapest costs of row i in any state, gaps in the book's words included."""
        columns = np.arange(self.num_book + 1)
        self.follows_extra[i] = extra + BOTH < paired
        origin = np.minimum(extra + BOTH, paired)
        best, state = extra.copy(), self.state[i]
        state[:] = _EXTRA
        _better(best, state, paired, _PAIR)
        for gap, (opening, extend) in enumerate(((OPEN, EXTEND), (SKIP_OPEN, SKIP_EXTEND))):
            start = origin - extend * columns
            lowest = np.minimum.accumulate(start)
            reached = np.maximum.accumulate(np.where(start <= lowest, columns, 0))
            self.missed_from[gap, i, 1:] = reached[:-1]
            missed = lowest[:-1] + opening + extend * columns[1:]
            _better(best[1:], state[1:], missed, (_MISSED, _SKIPPED)[gap])
        return best

    def _trace(self, last: int) -> list[Step]:
        i, j = self.num_text, last
        steps = [Step(i, i, k, k + 1, 1.0) for k in range(self.num_book - 1, j - 1, -1)]
        state = self.state[i, j]
        while i or (j and not self.free_head):
            if state in (_MISSED, _SKIPPED):
                start = int(self.missed_from[state - _MISSED, i, j])
                steps += [Step(i, i, k, k + 1, 1.0) for k in range(j - 1, start - 1, -1)]
                j = start
                state = _EXTRA if self.follows_extra[i, j] else _PAIR
            elif state == _EXTRA:
                state = _EXTRA if self.extra_extends[i, j] else _PAIR
                steps.append(Step(i - 1, i, j, j, 1.0))
                i -= 1
            else:
                step = self._paired(i, j)
                steps.append(step)
                i, j = step.text, step.book
                state = self.state[i, j]
        steps += [Step(0, 0, k, k + 1, 1.0) for k in range(j - 1, -1, -1)]
        return steps[::-1]

    def _paired(self, i: int, j: int) -> Step:
        kind = self.pair_kind[i, j]
        if kind == _TWO_HEARD:
            return Step(i - 2, i, j - 1, j, float(self.two_heard[i - 2, j - 1]))
        if kind == _TWO_WRITTEN:
            return Step(i - 1, i, j - 2, j, float(self.two_written[i - 1, j - 2]))
        return Step(i - 1, i, j - 1, j, float(self.pair[i - 1, j - 1]))


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
