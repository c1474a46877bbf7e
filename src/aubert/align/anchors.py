"""Where a transcript lies in a book: shared shingles, in order, on steady diagonals.

A shingle is a run of `size` consecutive words. Shingles that the book holds once are
near-certain anchors even when a quarter of the words are misrecognised; the heaviest
increasing subsequence keeps those that agree on the reading order, and anchors that
sit alone far off their neighbours' diagonal (a heading that the table of contents
repeats, a common phrase) are dropped. Time is O(n log n) in the words of both sides.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import NamedTuple

import numpy as np

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class Block(NamedTuple):
    """`length` equal words: transcript[text:text + length] == book[book:book + length]."""

    text: int
    book: int
    length: int


def shingles(ids: np.ndarray, size: int) -> np.ndarray:
    """One uint64 per position of a run of `size` word ids; [max(0, n - size + 1)]."""
    count = max(0, len(ids) - size + 1)
    wide = ids.astype(np.uint64) + np.uint64(1)
    hashes = np.zeros(count, np.uint64)
    for place in range(size):
        hashes = (hashes ^ wide[place : place + count]) * _MULTIPLIER
        hashes ^= hashes >> np.uint64(29)
    return hashes


class ShingleIndex:
    """The shingles of one book, sorted, for look-ups by content."""

    def __init__(self, ids: np.ndarray, size: int):
        self.size = size
        hashes = shingles(ids, size)
        self._order = np.argsort(hashes, kind="stable")
        self._sorted = hashes[self._order]

    def pairs(self, ids: np.ndarray, max_count: int) -> tuple[np.ndarray, np.ndarray]:
        """(text positions, book positions) of shingles that the book holds 1..max_count times.

        Sorted by text position, then by falling book position.
        """
        wanted = shingles(ids, self.size)
        known = np.convolve(ids < 0, np.ones(self.size, int))[self.size - 1 : len(ids)] == 0
        first = np.searchsorted(self._sorted, wanted, side="left")
        counts = np.searchsorted(self._sorted, wanted, side="right") - first
        counts[~known | (counts > max_count)] = 0
        text = np.repeat(np.arange(len(wanted)), counts)
        within = np.arange(len(text)) - np.repeat(np.cumsum(counts) - counts, counts)
        book = self._order[np.repeat(first, counts) + counts[text] - 1 - within]
        return text, book


def blocks(
    text_ids: list[int], book_ids: list[int], text: np.ndarray, book: np.ndarray, size: int
) -> list[Block]:
    """The heaviest chain of anchors that rises in both, merged into Blocks where the words
    between are equal too. `text` and `book` are `ShingleIndex.pairs`."""
    merged: list[Block] = []
    for t, b, length in _heaviest_increasing(*_runs(text, book), size):
        if merged:
            last = merged[-1]
            end = last.text + last.length
            on_diagonal = b - t == last.book - last.text
            if on_diagonal and (t <= end or text_ids[end:t] == book_ids[end + b - t : b]):
                merged[-1] = Block(last.text, last.book, t + length - last.text)
                continue
            cut = max(0, end - t, last.book + last.length - b)  # another diagonal overlaps
            if cut >= length:
                continue
            t, b, length = t + cut, b + cut, length - cut
        merged.append(Block(t, b, length))
    return merged


def _runs(text: np.ndarray, book: np.ndarray) -> tuple[list[int], list[int], list[int]]:
    """Pairs that follow each other on one diagonal as one: (text, book, number of pairs)."""
    breaks = np.flatnonzero((np.diff(text) != 1) | (np.diff(book) != 1)) + 1
    starts = np.concatenate([[0], breaks]) if len(text) else breaks
    counts = np.diff(np.append(starts, len(text)))
    return text[starts].tolist(), book[starts].tolist(), counts.tolist()


def _heaviest_increasing(
    text: list[int], book: list[int], counts: list[int], size: int
) -> list[Block]:
    """The chain of runs with the most pairs that rises in both (Jacobson and Vo 1992).

    Kept while the runs pass: for each book position at which a chain may end the
    heaviest such chain, as long as no chain that ends earlier is as heavy.
    """
    ends: list[int] = []
    totals: list[int] = []
    holders: list[int] = []
    previous: list[int] = []
    for index, (start, count) in enumerate(zip(book, counts, strict=True)):
        place = bisect_left(ends, start) - 1
        total = count + (totals[place] if place >= 0 else 0)
        previous.append(holders[place] if place >= 0 else -1)
        end = start + count - 1
        place = bisect_left(ends, end)
        if (place and totals[place - 1] >= total) or (
            place < len(ends) and ends[place] == end and totals[place] >= total
        ):
            continue
        stop = place
        while stop < len(ends) and totals[stop] <= total:
            stop += 1
        ends[place:stop], totals[place:stop], holders[place:stop] = [end], [total], [index]
    chain = []
    index = holders[-1] if holders else -1
    while index >= 0:
        chain.append(Block(text[index], book[index], counts[index] + size - 1))
        index = previous[index]
    return chain[::-1]


def steady(chain: list[Block]) -> list[Block]:
    """The chain without stretches too weak for their distance from the neighbours' diagonal.

    A jump of j words between diagonals needs 4 + j / 10 anchored words behind it, 30 at
    most: a reader may skip pages, but then goes on reading there.
    """
    stretches: list[list[Block]] = []
    for block in chain:
        if stretches and _jump(stretches[-1][-1], block) <= 20:
            stretches[-1].append(block)
        else:
            stretches.append([block])
    while len(stretches) > 1:
        weights = [sum(block.length for block in stretch) for stretch in stretches]
        jumps = [_jump(a[-1], b[0]) for a, b in pairwise(stretches)]
        nearest = [min(near) for near in zip([*jumps, jumps[-1]], [jumps[0], *jumps], strict=True)]
        lacking = [
            min(30, 4 + jump / 10) - weight for jump, weight in zip(nearest, weights, strict=True)
        ]
        worst = max(range(len(stretches)), key=lambda i: (lacking[i], -weights[i]))
        if lacking[worst] <= 0:
            break
        del stretches[worst]
    return [block for stretch in stretches for block in stretch]


def _jump(a: Block, b: Block) -> float:
    """How far two blocks' diagonals lie apart, less what the words between them allow."""
    between = max(0, b.text - a.text - a.length)
    return abs((b.book - b.text) - (a.book - a.text)) - 0.5 * between
