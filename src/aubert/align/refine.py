"""Exact boundaries: neighbours share a cut point, and every character gets a label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate, groupby, pairwise

from aubert.align.anchors import Block, ShingleIndex, blocks, steady
from aubert.align.book import Book, prepared
from aubert.align.cuts import settle
from aubert.align.passages import Passage, passages, unique_anchors
from aubert.align.path import Transcript, word_path
from aubert.align.utterance import Run, label, read_similarity, split
from aubert.corpus.books import BookError, Bookshelf
from aubert.options import PositiveInt, options_class
from aubert.stage import Reject
from aubert.text.distance import text_similarity

_MARGIN = 12  # book words around the matched spans that boundaries may move into


@options_class
class RefineOptions:
    """What counts as skipped, and as extra speech.

    min_skipped_words: least number of written words in a SKIPPED run inside an utterance; fewer
      are words that the recogniser missed
    min_extra_words: least number of transcript words in an EXTRA run, but for words that are
      repeated; fewer are words that the recogniser made up
    """

    min_skipped_words: PositiveInt = 4
    min_extra_words: PositiveInt = 3


def refine(
    matches: Iterable[dict], transcripts: Iterable[dict], shelf: Bookshelf, options: RefineOptions
) -> Iterator[dict | Reject]:
    """Yields one row of `refined`, or one Reject, for every row of `matches`.

    A span begins on a written word and ends with the punctuation that closes its last one.
    Spans of neighbours never overlap; written words between them that were not read belong to
    neither. `runs` cover the span and the transcript in order (tables.RUN): READ on both
    sides, recognition errors included; SKIPPED in the book only; EXTRA in the transcript only.
    Where the reader jumps within an utterance, the span is of its larger part, and the runs of the
    smaller one lie elsewhere in the book.

    similarity: of the READ runs' spoken words (what was read, free of case, punctuation and
    of what was skipped or added); raw_similarity: of the whole span as written and the whole
    transcript. Both 1 - Levenshtein distance / length of the longer.
    """
    texts = {row["utterance_id"]: row["text"] for row in transcripts}
    for _, group in groupby(matches, key=_chapter):
        rows = sorted(group, key=lambda row: row["utterance_id"])
        try:
            book = prepared(shelf.text(rows[0]["book_id"]), rows[0]["language"])
        except BookError as error:
            yield from (Reject(row["utterance_id"], error.reason, error.detail) for row in rows)
            continue
        yield from refine_chapter(rows, [texts[row["utterance_id"]] for row in rows], book, options)


def _chapter(row: dict) -> tuple[str, str]:
    return row["utterance_id"].rsplit("_", 1)[0], row["book_id"]


def refine_chapter(
    rows: list[dict], texts: list[str], book: Book, options: RefineOptions
) -> Iterator[dict | Reject]:
    """Refines the matches of one recording, in reading order; see `refine`."""
    transcript = Transcript(texts, book)
    parts: list[list[list[Run]]] = [[] for _ in rows]  # of each utterance, one per passage
    for passage in _passages(rows, transcript, book):
        span, window = (passage.start, passage.stop), (passage.low, passage.high)
        steps = word_path(transcript, book, passage.chain, window, span)
        pieces = split(steps, transcript.within(*span), book)
        settle(pieces, transcript.words, book)
        for own, piece in zip(parts, pieces, strict=True):
            runs = label(
                piece.steps, transcript.words,
                min_skipped=options.min_skipped_words, min_extra=options.min_extra_words,
            )  # fmt: skip
            own += [part] if (part := _without_skipped_edges(runs)) else []
    for row, text, own, (start, end) in zip(
        rows, texts, parts, pairwise(transcript.bounds), strict=True
    ):
        if not any(map(_num_read, own)):
            yield Reject(
                row["utterance_id"], "low_similarity", "no word of it is at the matched place"
            )
            continue
        yield {**row, **_columns(own, text, (start, end), transcript.words, book)}


def _passages(rows: list[dict], transcript: Transcript, book: Book) -> list[Passage]:
    """One that reaches a little beyond the matched spans, where they keep the book's order."""
    if all(before["char_start"] <= row["char_start"] for before, row in pairwise(rows)):
        low = max(0, book.word_at(min(row["char_start"] for row in rows)) - _MARGIN)
        high = book.word_at(max(row["char_end"] for row in rows)) + 1 + _MARGIN
        high = min(high, len(book.words))
        return [Passage(0, len(transcript.words), _chain(transcript, book, low, high), low, high)]
    pairs = unique_anchors(transcript, book)
    return passages(transcript, book, steady(blocks(transcript.id_list, book.id_list, *pairs, 4)))


def _chain(transcript: Transcript, book: Book, low: int, high: int) -> list[Block]:
    """Anchors among the words that occur once in the window."""
    ids = book.id_list[low:high]
    index = ShingleIndex(book.ids[low:high], 4)
    chain = steady(blocks(transcript.id_list, ids, *index.pairs(transcript.ids, max_count=1), 4))
    return [Block(block.text, block.book + low, block.length) for block in chain]


def _num_read(runs: list[Run]) -> int:
    return sum(run.text_end - run.text for run in runs if run.label == "READ")


def _without_skipped_edges(runs: list[Run]) -> list[Run]:
    while runs and runs[0].label == "SKIPPED":
        runs = runs[1:]
    while runs and runs[-1].label == "SKIPPED":
        runs = runs[:-1]
    return runs


def _columns(
    parts: list[list[Run]], text: str, bounds: tuple[int, int], words: list[str], book: Book
) -> dict:
    """bounds: of the utterance's words among `words`."""
    char_start, char_end = _span(max(parts, key=_num_read), book)
    chars = [span for runs in parts for span in _chars(runs, book, char_end)]
    runs = [run for runs in parts for run in runs]
    offsets = [0, *accumulate(len(word) + 1 for word in words[slice(*bounds)])]
    places = [offsets[run.text - bounds[0]] for run in runs]
    return {
        "char_start": char_start,
        "char_end": char_end,
        "similarity": read_similarity(runs, words, book),
        "raw_similarity": text_similarity(text, book.text[char_start:char_end]),
        "runs": [
            {
                "label": run.label,
                "char_start": chars[index][0],
                "char_end": chars[index][1],
                "text_start": min(places[index], len(text)),
                "text_end": min([*places, len(text)][index + 1], len(text)),
            }
            for index, run in enumerate(runs)
        ],
    }


def _span(runs: list[Run], book: Book) -> tuple[int, int]:
    written = [run for run in runs if run.book < run.book_end]
    return book.char_start(written[0].book), book.char_end(written[-1].book_end - 1)


def _chars(runs: list[Run], book: Book, elsewhere: int) -> list[tuple[int, int]]:
    """The characters of consecutive runs; `elsewhere` where nothing of the book is in them."""
    written = [run for run in runs if run.book < run.book_end]
    if not written:
        return [(elsewhere, elsewhere)] * len(runs)
    char_start, char_end = _span(runs, book)
    places = [
        char_start if index == 0
        else char_end if run.book >= written[-1].book_end
        else book.char_start(run.book)
        for index, run in enumerate(runs)
    ]  # fmt: skip
    return list(pairwise([*places, char_end]))
