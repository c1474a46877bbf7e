"""The word alignment of a whole chapter's transcript with a stretch of the book."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from aubert.align.anchors import Block, ShingleIndex, blocks
from aubert.align.book import Book
from aubert.align.gaps import Step, align_gap

_SPLIT_CELLS = 10_000  # a gap larger than this is split by shorter anchors first


class Transcript:
    """A recording's transcripts as one list of words, numbered like the book's."""

    def __init__(self, texts: list[str], book: Book):
        self.words: list[str] = []
        self.bounds = [0]  # of utterance i: words[bounds[i]:bounds[i + 1]]
        for text in texts:
            self.words += text.split()
            self.bounds.append(len(self.words))
        self.id_list = book.ids_of(self.words)
        self.ids = np.array(self.id_list, np.int32)

    def within(self, start: int, stop: int) -> list[int]:
        """The bounds of the utterances' parts in words [start, stop)."""
        return [min(max(bound, start), stop) for bound in self.bounds]


def word_path(
    transcript: Transcript,
    book: Book,
    chain: list[Block],
    window: tuple[int, int] | None = None,
    span: tuple[int, int] | None = None,
) -> list[Step]:
    """Every word of the transcript in order, with the book's words that it lies opposite.

    chain: Blocks of equal words, rising. window: the book's words to stay in; span: the
    words of the transcript to take. None: all. Equal words
    come as steps of cost 0 that may span many words. Book words before the first and after
    the last word of the transcript are left out. Linear in the words, but for the gaps between
    anchors, which are bounded (gaps.MAX_CELLS).
    """
    low, high = window or (0, len(book.words))
    start, stop = span or (0, len(transcript.words))
    if not chain:
        filled = _fill(transcript, book, start, stop, low, high, head=True, tail=True)
        return list(_slid(_trimmed(list(filled)), book))
    steps: list[Step] = []
    first = chain[0]
    low = max(low, first.book - 2 * (first.text - start) - 50)
    steps += _fill(transcript, book, start, first.text, low, first.book, head=True)
    text, place = first.text, first.book
    for block in chain:
        steps += _fill(transcript, book, text, block.text, place, block.book)
        text, place = block.text + block.length, block.book + block.length
        steps.append(Step(block.text, text, block.book, place, 0.0))
    high = min(high, place + 2 * (stop - text) + 50)
    steps += _fill(transcript, book, text, stop, place, high, tail=True)
    return list(_slid(_trimmed(steps), book))


def _slid(steps: list[Step], book: Book) -> Iterator[Step]:
    """The steps with skipped passages moved to where sentences begin and end.

    "There was [a flag. There was] a letter" is as near as "[There was a flag.] There was a
    letter": where the words allow both, the passage between two sentence ends was skipped.
    """
    before: Step | None = None
    index = 0
    while index < len(steps):
        step = steps[index]
        end = index
        while end < len(steps) and steps[end].text == steps[end].text_end:
            end += 1
        after = steps[end] if end < len(steps) else None
        if end == index or before is None or after is None or before.cost or after.cost:
            if before:
                yield before
            before, index = step, index + 1
            continue
        start, stop = step.book, steps[end - 1].book_end
        shift = _best_shift(book, start, stop, before, after)
        yield before._replace(text_end=before.text_end + shift, book_end=start + shift)
        yield Step(before.text_end + shift, before.text_end + shift, start + shift, stop + shift, 1)
        before = after._replace(text=after.text + shift, book=stop + shift)
        index = end + 1
    if before:
        yield before


def _best_shift(book: Book, start: int, stop: int, before: Step, after: Step) -> int:
    """How far the skipped words [start, stop) move so that both edges invite a pause."""
    ids = book.id_list
    shifts = [0]
    shift = 0
    while (
        -shift < before.text_end - before.text - 1
        and ids[start + shift - 1] == ids[stop + shift - 1]
    ):
        shift -= 1
        shifts.append(shift)
    shift = 0
    while shift < after.text_end - after.text - 1 and ids[start + shift] == ids[stop + shift]:
        shift += 1
        shifts.append(shift)
    return max(
        shifts,
        key=lambda shift: (
            book.break_before(start + shift) + book.break_before(stop + shift),
            -abs(shift),
        ),
    )


def _trimmed(steps: list[Step]) -> list[Step]:
    first = next((i for i, step in enumerate(steps) if step.text < step.text_end), 0)
    last = next((i for i, step in enumerate(reversed(steps)) if step.text < step.text_end), 0)
    return steps[first : len(steps) - last]


def _fill(
    transcript: Transcript, book: Book, text: int, text_end: int, place: int, place_end: int,
    *, head: bool = False, tail: bool = False,
) -> Iterator[Step]:  # fmt: skip
    """Steps through transcript[text:text_end] and book[place:place_end]."""
    text_ids, book_ids = transcript.id_list, book.id_list
    begun, ended = text, text_end
    if not head:
        while text < text_end and place < place_end and text_ids[text] == book_ids[place]:
            text, place = text + 1, place + 1
    if text > begun:
        yield Step(begun, text, place - (text - begun), place, 0.0)
    if not tail:
        while (
            text < text_end
            and place < place_end
            and text_ids[text_end - 1] == book_ids[place_end - 1]
        ):
            text_end, place_end = text_end - 1, place_end - 1
    if text < text_end or place < place_end:
        yield from _differing(transcript, book, text, text_end, place, place_end, head, tail)
    if ended > text_end:
        yield Step(text_end, ended, place_end, place_end + ended - text_end, 0.0)


def _differing(
    transcript: Transcript, book: Book, text: int, text_end: int, place: int, place_end: int,
    head: bool, tail: bool,
) -> Iterator[Step]:  # fmt: skip
    num_text, num_book = text_end - text, place_end - place
    if num_text * num_book > _SPLIT_CELLS:
        for size in (3, 2) if num_text * num_book > 20 * _SPLIT_CELLS else (3,):
            chain = _local_chain(transcript, book, text, text_end, place, place_end, size)
            if chain:
                for block in chain:
                    yield from _differing_or_none(
                        transcript, book, text, block.text, place, block.book, head, False
                    )
                    head = False
                    text, place = block.text + block.length, block.book + block.length
                    yield Step(block.text, text, block.book, place, 0.0)
                yield from _differing_or_none(
                    transcript, book, text, text_end, place, place_end, head, tail
                )
                return
    # Only the ends of a much longer side can lie opposite the shorter one.
    keep_text, keep_book = 3 * num_book + 60, 3 * num_text + 60
    text_at = _ends(text, text_end, keep_text)
    book_at = _ends(place, place_end, keep_book)
    steps = align_gap(
        [transcript.words[i] for i in text_at], [book.words[j] for j in book_at],
        free_head=head, free_tail=tail,
    )  # fmt: skip
    yield from _renumbered(steps, text_at, book_at, text_end, place_end)


def _differing_or_none(transcript, book, text, text_end, place, place_end, head, tail):
    if text < text_end or place < place_end:
        yield from _fill(transcript, book, text, text_end, place, place_end, head=head, tail=tail)


def _local_chain(
    transcript: Transcript,
    book: Book,
    text: int,
    text_end: int,
    place: int,
    place_end: int,
    size: int,
) -> list[Block]:
    """Anchors among the shingles that are rare in this stretch of the book."""
    index = ShingleIndex(book.ids[place:place_end], size)
    pairs = index.pairs(transcript.ids[text:text_end], max_count=3)
    chain = blocks(transcript.id_list[text:text_end], book.id_list[place:place_end], *pairs, size)
    return [Block(block.text + text, block.book + place, block.length) for block in chain]


def _ends(start: int, end: int, keep: int) -> list[int]:
    if end - start <= 2 * keep:
        return list(range(start, end))
    return [*range(start, start + keep), *range(end - keep, end)]


def _renumbered(
    steps: list[Step], text_at: list[int], book_at: list[int], text_end: int, place_end: int
) -> Iterator[Step]:
    """Steps over the kept words as steps over all: what was left out joins a gap."""
    text_at, book_at = [*text_at, text_end], [*book_at, place_end]
    for step in steps:
        yield Step(
            text_at[step.text], text_at[step.text_end], book_at[step.book],
            book_at[step.book_end], step.cost,
        )  # fmt: skip
