"""A recording that leaves the order of the book: its passages, each of which follows it.

A preface that is read last, or a file whose parts were joined in another order, has no rising chain
of anchors through all of it. The heaviest chain is kept. A stretch of the transcript where it has
nothing is placed by itself, where enough unique anchors agree on another part of the book, one that
is not read already.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from aubert.align.anchors import Block, blocks, steady
from aubert.align.book import Book
from aubert.align.gaps import Step, align_gap
from aubert.align.path import Transcript
from aubert.align.utterance import ALIKE

_SIZE = 4  # words of a shingle that the book holds once
# Anchored words that a jump needs, as many as `steady` asks for the longest one: chance gives a
# stray shingle, a quotation a line.
MIN_ANCHORED = 30
_MIN_SHARE = 0.2  # of the passage's words that are anchored; a quarter misrecognised leaves a third
_NEAR = 20  # written words between blocks that count as read, besides the transcript's number


class Passage(NamedTuple):
    """Words [start, stop) of the transcript, their chain of anchors, and the words [low, high) of
    the book that no other passage reads."""

    start: int
    stop: int
    chain: list[Block]
    low: int
    high: int


def unique_anchors(transcript: Transcript, book: Book) -> tuple[np.ndarray, np.ndarray]:
    """Text and book places of shingles that the book holds once (ShingleIndex.pairs)."""
    return book.shingles(_SIZE).pairs(transcript.ids, 1)


def passages(transcript: Transcript, book: Book, chain: list[Block]) -> list[Passage]:
    """The recording as passages in the order of reading: one where it keeps the book's order.

    chain: the recording's heaviest steady chain of anchors, not empty.
    """
    anchors = sorted(_with_jumps(transcript, book, chain))
    order = {block: rank for rank, block in enumerate(sorted(anchors, key=lambda b: b.book))}
    parts: list[list[Block]] = []
    for before, block in pairwise([None, *anchors]):
        if before and order[block] == order[before] + 1:
            parts[-1].append(block)
        else:
            parts.append([block])
    if len(parts) == 1:
        parts = [chain]
    borders = [_border(transcript, book, a[-1], b[0]) for a, b in pairwise(parts)]
    spans = pairwise([0, *borders, len(transcript.words)])
    ends = sorted(part[-1].book + part[-1].length for part in parts)
    starts = sorted(part[0].book for part in parts)
    return [
        Passage(
            *span,
            part,
            max((end for end in ends if end <= part[0].book), default=0),
            min((start for start in starts if start > part[-1].book), default=len(book.words)),
        )
        for span, part in zip(spans, parts, strict=True)
    ]


def _with_jumps(transcript: Transcript, book: Book, chain: list[Block]) -> list[Block]:
    """The chain, and the chains in its gaps that are read elsewhere in the book."""
    found = [*chain]
    gaps = [*_gaps(chain, 0, len(transcript.words))]
    if not gaps:
        return found
    text, place = unique_anchors(transcript, book)
    read = np.zeros(len(book.words), bool)
    _mark_read(read, chain)
    while gaps:
        low, high = gaps.pop()
        free = (text >= low) & (text + _SIZE <= high) & ~read[place] & ~read[place + _SIZE - 1]
        other = steady(blocks(transcript.id_list, book.id_list, text[free], place[free], _SIZE))
        if _is_supported(other):
            found += other
            _mark_read(read, other)
            gaps += _gaps(other, low, high)
    return found


def _gaps(chain: list[Block], low: int, high: int) -> Iterator[tuple[int, int]]:
    """Stretches of the transcript's words [low, high), without anchor, that may be a passage."""
    edges = [low, *(edge for b in chain for edge in (b.text, b.text + b.length)), high]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start >= MIN_ANCHORED:
            yield start, end


def _is_supported(chain: list[Block]) -> bool:
    anchored = sum(block.length for block in chain)
    if anchored < MIN_ANCHORED:
        return False
    return anchored >= _MIN_SHARE * (chain[-1].text + chain[-1].length - chain[0].text)


def _mark_read(read: np.ndarray, chain: list[Block]) -> None:
    """What is read twice is no jump: the words of a chain, and those between its blocks."""
    for block in chain:
        read[block.book : block.book + block.length] = True
    for before, after in pairwise(chain):
        start, end = before.book + before.length, after.book
        if end - start <= _NEAR + after.text - before.text - before.length:
            read[start:end] = True


def _border(transcript: Transcript, book: Book, before: Block, after: Block) -> int:
    """The transcript's word with which a jump begins: words until there are most like what is
    written behind one anchor, words from there most like what is written before the other. An
    utterance begins there where that is as good."""
    start, stop = before.text + before.length, after.text
    words = transcript.words[start:stop]
    reach = 2 * len(words) + 10
    behind = book.words[before.book + before.length :][:reach]
    ahead = book.words[max(0, after.book - reach) : after.book]
    reads_on = _likeness(align_gap(words, behind, free_tail=True), len(words))
    leads_to = _likeness(align_gap(words, ahead, free_head=True), len(words))
    gain = np.append(0, np.cumsum(reads_on)) - np.append(0, np.cumsum(leads_to))
    best = start + np.flatnonzero(gain >= gain.max() - 1e-9)
    return next((int(at) for at in best if at in transcript.bounds), int(best[0]))


def _likeness(steps: list[Step], num_words: int) -> np.ndarray:
    """Per word of the transcript 1 where it equals what it is opposite, 0 where it is unlike it."""
    likeness = np.zeros(num_words)
    for step in steps:
        likeness[step.text : step.text_end] = max(0.0, 1 - step.cost / ALIKE)
    return likeness
