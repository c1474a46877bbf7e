"""Where each utterance lies in the book: whole chapters in reading order.

The transcripts of a recording are matched as one text: its utterances place each
other, so short ones, and passages that the book holds twice, are decided by what is
read before and after.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from aubert.align.anchors import Block, blocks, steady
from aubert.align.book import Book, prepared
from aubert.align.find_book import find_book
from aubert.align.passages import passages
from aubert.align.path import Transcript, word_path
from aubert.align.utterance import (
    ALIKE,
    Piece,
    Run,
    ends_with_heading,
    equal_words,
    firm_words,
    label,
    read_similarity,
    split,
)
from aubert.corpus.books import BookError, Bookshelf
from aubert.options import Share, options_class
from aubert.stage import Reject
from aubert.text.distance import text_similarity

# Shingles to look up, in words, and how often the book may hold them: the next only
# where the ones before anchor too little.
_ANCHORS = ((4, 1), (4, 8), (3, 8), (2, 8), (1, 8))

_EVIDENCE = 12  # words; fewer say nothing about the book, they may be an announcement


@options_class
class MatchOptions:
    """What counts as found.

    min_share: share (0..1) of a recording's transcript that its book must hold, equal and in
      order, two at least together; below it the recording reads another book or edition (a
      recogniser that misrecognises a quarter of the words leaves .7, an unrelated book under .16)
    min_similarity: least normalised similarity (0..1) of what an utterance reads to its place
      (unrelated English gives about .4)
    """

    min_share: Share = 0.2
    min_similarity: Share = 0.5


@dataclass(frozen=True)
class Chapter:
    """A recording's transcripts in reading order, placed in a book."""

    book: Book
    transcript: Transcript
    pieces: list[Piece]  # one per transcript
    share: float  # of the words that the book holds there, equal and in order

    @property
    def end(self) -> int:
        """The book word behind the last that was read."""
        return max((piece.steps[-1].book_end for piece in self.pieces if piece.steps), default=0)


def match(
    recordings: Iterable[dict],
    transcripts: Iterable[dict],
    utterances: Iterable[dict],
    shelf: Bookshelf,
    sketches: Mapping[str, np.ndarray],
    options: MatchOptions,
) -> Iterator[dict | Reject]:
    """Yields one row of `matches`, or one Reject, for every transcript.

    recordings: rows sorted so that the chapters of a book follow each other. Utterances
    without a transcript (rejected before) are passed over. sketches: {book_id:
    find_book.sketch(text)} of the books to search when a recording's own is unknown.

    status: "matched", or "repeated" when the book holds the very words of the span more
    than once and only the reading order decided. Rejects: not_in_book (a spoken preamble,
    credits), low_similarity (speech opposite book text that it resembles too little: another
    edition in part), wrong_book, book_unknown, book_missing, book_empty, no_words.
    """
    by_recording: dict[str, list[dict]] = defaultdict(list)
    texts = {row["utterance_id"]: row["text"] for row in transcripts}
    for row in utterances:
        if row["utterance_id"] in texts:
            by_recording[row["recording_id"]].append(row)
    ends: dict[tuple[str, str], int] = {}
    for recording in recordings:
        rows = sorted(by_recording[recording["recording_id"]], key=lambda row: row["index"])
        ids = [row["utterance_id"] for row in rows]
        yield from _silent(ids, texts)
        ids = [key for key in ids if texts[key].split()]
        if not ids:
            continue
        spoken = [texts[key] for key in ids]
        try:
            book_id = _choose(recording["book_id"], spoken, shelf, sketches)
            language = shelf.language(book_id, recording)
            book = prepared(shelf.text(book_id), language)
        except BookError as error:
            yield from (Reject(key, error.reason, error.detail) for key in ids)
            continue
        order = (book_id, recording["speaker"])
        chapter = place(spoken, book, after=ends.get(order, 0))
        if chapter.share < options.min_share:
            known = recording["book_id"] == book_id
            yield from _unsupported(ids, chapter, book_id, known, spoken, sketches, options)
            continue
        ends[order] = chapter.end
        for key, result in zip(ids, results(chapter, options), strict=True):
            if isinstance(result, dict):
                yield {"utterance_id": key, "book_id": book_id, "language": language, **result}
            else:
                yield Reject(key, *result)


def _silent(ids: list[str], texts: dict[str, str]) -> Iterator[Reject]:
    for key in ids:
        if not texts[key].split():
            yield Reject(key, "no_words", "the transcript is empty")


def _choose(
    book_id: str | None, spoken: list[str], shelf: Bookshelf, sketches: Mapping[str, np.ndarray]
) -> str:
    if book_id is not None and book_id in shelf:
        return book_id
    found = find_book(_words(spoken), sketches)
    if found is None:
        named = "no book id is given" if book_id is None else f"no book has the id {book_id!r}"
        raise BookError("book_unknown", f"{named}, and none of {len(sketches)} books holds this")
    return found


def _words(texts: list[str]) -> list[str]:
    return [word for text in texts for word in text.split()]


def _unsupported(
    ids: list[str], chapter: Chapter, book_id: str, known: bool, spoken: list[str],
    sketches: Mapping[str, np.ndarray], options: MatchOptions,
) -> Iterator[Reject]:  # fmt: skip
    """Every utterance of a recording whose words are not in the book."""
    reason = "wrong_book" if known else "book_unknown"
    if len(chapter.transcript.words) < _EVIDENCE:
        reason = "not_in_book"
    detail = (
        f"book {book_id!r} holds {chapter.share:.0%} of {len(chapter.transcript.words)} recognised "
        f"words, less than min_share {options.min_share:.0%}"
    )
    others = {key: held for key, held in sketches.items() if key != book_id}
    other = find_book(_words(spoken), others)
    if other is not None:
        detail += f"; by its content this is book {other!r}"
    yield from (Reject(key, reason, detail) for key in ids)


def place(texts: list[str], book: Book, after: int = 0) -> Chapter:
    """Places the transcripts of one recording, in reading order, in the book.

    after: book word where the chapter before ended; of places that are equally good,
    the first one behind it is taken.
    """
    transcript = Transcript(texts, book)
    chain = _chain(transcript, book, after)
    if not chain:
        return Chapter(book, transcript, split([], transcript.bounds, book), 0.0)
    pieces = [Piece(start, end) for start, end in pairwise(transcript.bounds)]
    num_equal = 0
    for passage in passages(transcript, book, chain):
        span, window = (passage.start, passage.stop), (passage.low, passage.high)
        steps = word_path(transcript, book, passage.chain, window, span)
        num_equal += equal_words(steps)
        for piece, part in zip(pieces, split(steps, transcript.within(*span), book), strict=True):
            # Of an utterance in which the reader jumps, the larger part says where it lies.
            if part.steps and firm_words(part.steps) >= firm_words(piece.steps):
                piece.steps = part.steps
    return Chapter(book, transcript, pieces, num_equal / len(transcript.words))


def _chain(transcript: Transcript, book: Book, after: int) -> list[Block]:
    best: list[Block] = []
    enough = max(0.1 * len(transcript.words), min(8, len(transcript.words)))
    for size, max_count in _ANCHORS:
        if size > max(1, len(transcript.words)):
            continue
        text, place_ = book.shingles(size).pairs(transcript.ids, max_count)
        chain = _steady_chain(transcript, book, text, place_, size)
        if max_count > 1 and chain and chain[0].book < after:
            behind = place_ >= after
            later = _steady_chain(transcript, book, text[behind], place_[behind], size)
            if _weight(later) >= 0.8 * _weight(chain):
                chain = later
        if _weight(chain) > _weight(best):
            best = chain
        if _weight(best) >= enough:
            break
    return best


def _steady_chain(transcript: Transcript, book: Book, text, place_, size: int) -> list[Block]:
    return steady(blocks(transcript.id_list, book.id_list, text, place_, size))


def _weight(chain: list[Block]) -> int:
    return sum(block.length for block in chain)


def results(chapter: Chapter, options: MatchOptions) -> Iterator[dict | tuple[str, str]]:
    """For every utterance its columns of `matches`, or the (reason, detail) of its reject."""
    book, words = chapter.book, chapter.transcript.words
    for index, piece in enumerate(chapter.pieces):
        runs = trimmed(label(piece.steps, words))
        if not runs:
            yield _unplaced(chapter, index)
            continue
        similarity = read_similarity(runs, words, book)
        if similarity < options.min_similarity or not _says_enough(piece, book):
            yield _unplaced(chapter, index)
            continue
        start, end = runs[0].book, runs[-1].book_end
        char_start, char_end = book.char_start(start), book.char_end(end - 1)
        text = " ".join(words[piece.text : piece.text_end])
        yield {
            "char_start": char_start,
            "char_end": char_end,
            "similarity": similarity,
            "raw_similarity": text_similarity(text, book.text[char_start:char_end]),
            "status": "repeated" if book.repeats(start, end) else "matched",
        }


def _says_enough(piece: Piece, book: Book) -> bool:
    """Whether an utterance holds enough words of the book: three, half of its own, or a heading
    at its end."""
    enough = min(3, (piece.text_end - piece.text) / 2)
    return firm_words(piece.steps) >= enough or ends_with_heading(piece.steps, book)


def trimmed(runs: list[Run]) -> list[Run]:
    """The runs from the first READ one to the last."""
    read = [index for index, run in enumerate(runs) if run.label == "READ"]
    return runs[read[0] : read[-1] + 1] if read else []


def _unplaced(chapter: Chapter, index: int) -> tuple[str, str]:
    piece = chapter.pieces[index]
    text = " ".join(chapter.transcript.words[piece.text : piece.text_end])
    quoted = repr(text if len(text) <= 60 else text[:57] + "...")
    opposite = _skipped_around(chapter, index)
    if opposite >= max(3, (piece.text_end - piece.text) / 2):
        return "low_similarity", f"{quoted} lies opposite {opposite} words of the book, unlike it"
    return "not_in_book", f"{quoted} was not found between its neighbours"


def _skipped_around(chapter: Chapter, index: int) -> int:
    """Words of the book that lie between the neighbours of an utterance."""
    before = [p.steps[-1].book_end for p in chapter.pieces[:index] if _reads(p)]
    behind = [p.steps[0].book for p in chapter.pieces[index + 1 :] if _reads(p)]
    return behind[0] - before[-1] if before and behind else 0


def _reads(piece: Piece) -> bool:
    return any(step.cost <= ALIKE for step in piece.steps)
