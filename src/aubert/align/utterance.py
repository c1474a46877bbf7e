"""The utterances' parts of a chapter's word alignment, and their READ / SKIPPED / EXTRA runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby, pairwise, takewhile
from typing import NamedTuple

from aubert.align.book import SENTENCE, Book
from aubert.align.gaps import Step
from aubert.text.distance import text_similarity

MIN_SKIPPED = 4  # written words; fewer are words that the recogniser missed
MIN_EXTRA = 3  # recognised words; fewer are words that the recogniser made up
ISLAND = 3.0  # in words of agreement; less, parted from the rest of an utterance, is chance
_GAP, _MOST_MISSED = 1.1, 5  # disagreement of a word on one side only; words of a gap that count
_MID_SENTENCE = 2.0  # in words of agreement: reading hardly ever begins or ends there for good
ALIKE = 0.5  # two words that differ by less are one word, misrecognised


class Run(NamedTuple):
    """One label over the transcript's words [text, text_end) and the book's [book, book_end)."""

    label: str
    text: int
    text_end: int
    book: int
    book_end: int


@dataclass
class Piece:
    """The steps of one utterance, and the written words between it and the next one."""

    text: int  # words [text, text_end) of the transcript
    text_end: int
    steps: list[Step] = field(default_factory=list)


def split(steps: list[Step], bounds: list[int], book: Book) -> list[Piece]:
    """The chapter's steps, utterance by utterance (bounds: Transcript.bounds)."""
    pieces = [Piece(a, b) for a, b in pairwise(bounds)]
    index = 0
    for step in steps:
        if step.text == step.text_end:
            while index + 1 < len(pieces) and step.text >= pieces[index].text_end:
                index += 1
            pieces[index].steps.append(step)
            continue
        while step.text < step.text_end:
            while step.text >= pieces[index].text_end:
                index += 1
            end = min(step.text_end, pieces[index].text_end)
            pieces[index].steps.append(_until(step, end))
            step = _after(step, end)
    opens = True
    for piece in pieces:
        skips = _skips_of_sentences(_bare(piece.steps), book)
        piece.steps = _without_first_island(skips, book, opens)
        opens = opens and not _reads_any(piece)
    closes = True
    for piece in pieces[::-1]:
        if closes or not ends_with_heading(piece.steps, book):
            mirrored = [_mirrored(step) for step in piece.steps[::-1]]
            mirrored = _without_first_island(mirrored, book, closes)
            piece.steps = [_mirrored(step) for step in mirrored[::-1]]
        piece.steps = _bare(piece.steps)
        closes = closes and not _reads_any(piece)
    return pieces


def _reads_any(piece: Piece) -> bool:
    return any(is_paired(step) for step in piece.steps)


def is_paired(step: Step) -> bool:
    """Whether recognised words lie opposite written ones."""
    return step.text < step.text_end and step.book < step.book_end


def _until(step: Step, end: int) -> Step:
    if end == step.text_end:
        return step
    if step.cost == 0.0 and step.text_end - step.text == step.book_end - step.book:
        return step._replace(text_end=end, book_end=step.book + end - step.text)
    return step._replace(text_end=end)  # two recognised halves of one word: the first has it


def _after(step: Step, end: int) -> Step:
    if step.cost == 0.0 and step.text_end - step.text == step.book_end - step.book:
        return step._replace(text=end, book=step.book + end - step.text)
    return step._replace(text=end, book=step.book_end, cost=1.0)


def reaching(steps: list[Step], at_end: bool, place: int) -> Step:
    """The outermost word of the steps, taken off them, with written words up to `place` that
    were missed beside it."""
    outer = steps.pop(-1 if at_end else 0)
    divides = outer.cost == 0.0 and outer.text_end - outer.text > 1 and is_paired(outer)
    if at_end:
        if divides:
            inner = _until(outer, outer.text_end - 1)
            steps.append(inner)
            outer = _after(outer, inner.text_end)
        return outer._replace(book_end=place, cost=1.0)
    if divides:
        steps.insert(0, _after(outer, outer.text + 1))
        outer = _until(outer, outer.text + 1)
    return outer._replace(book=place, cost=1.0)


def _bare(steps: list[Step]) -> list[Step]:
    """The steps without the written words before the first and after the last recognised word."""
    spoken = [index for index, step in enumerate(steps) if step.text < step.text_end]
    return steps[spoken[0] : spoken[-1] + 1] if spoken else []


def _skips_of_sentences(steps: list[Step], book: Book) -> list[Step]:
    """The steps with skipped passages that hold whole sentences cut down to those.

    The few words beside them, in sentences that were begun or ended aloud, are words that
    the recogniser missed: they join what was recognised next to them.
    """
    found: list[Step] = []
    rest = steps[::-1]
    while rest:
        if rest[-1].text < rest[-1].text_end:
            found.append(rest.pop())
            continue
        start = rest[-1].book
        while rest[-1].text == rest[-1].text_end:
            stop = rest.pop().book_end
        first, last = _whole_sentences(book, start, stop)
        if first > start and is_paired(found[-1]):
            found.append(reaching(found, True, first))
            start = first
        if last < stop and is_paired(rest[-1]):
            beside = [rest.pop()]
            joined = reaching(beside, False, last)
            rest += [*beside, joined]
            stop = last
        found.append(Step(found[-1].text_end, found[-1].text_end, start, stop, 1.0))
    return found


def _whole_sentences(book: Book, start: int, stop: int) -> tuple[int, int]:
    """The part of the book's words [start, stop) that is whole sentences, if it is nearly all."""
    cuts = [cut for cut in range(start, stop + 1) if book.break_before(cut) == SENTENCE]
    if len(cuts) < 2 or cuts[-1] - cuts[0] < MIN_SKIPPED:
        return start, stop
    first = cuts[0] if cuts[0] - start < MIN_SKIPPED else start
    last = cuts[-1] if stop - cuts[-1] < MIN_SKIPPED else stop
    return first, last


def _without_first_island(steps: list[Step], book: Book, is_open: bool) -> list[Step]:
    """The steps, with what agrees by chance before their worst point taken for extra speech.

    Such words ("chapter" in a spoken "end of chapter one" and in the next heading, "the"
    before a skipped sentence) stand before a long EXTRA or SKIPPED run, and the sum of
    agreement (+1 a word) and disagreement (about -1) falls from there before it rises by
    ISLAND. is_open: nothing of the recording is placed before; then speech that agrees by
    chance may also stand right before a sentence.
    """
    if not steps:
        return steps
    total = lowest = least = 0.0
    candidate = alike = spoken = missed = 0
    parted = fits = False
    for index, step in enumerate(steps):
        words, written = step.text_end - step.text, step.book_end - step.book
        missed = 0 if words else missed + written
        spoken = 0 if written else spoken + words
        if words or missed <= _MOST_MISSED:
            total += _agreement(step)
        if missed >= MIN_SKIPPED and not parted and (alike >= ISLAND or _is_whole(steps, book)):
            return steps
        parted = parted or spoken >= MIN_EXTRA or missed >= MIN_SKIPPED
        alike += words if step.cost <= ALIKE else 0
        after = steps[index + 1].book if index + 1 < len(steps) else step.book_end
        begins_sentence = book.break_before(abs(after)) == SENTENCE
        score = total + (0.0 if begins_sentence else _MID_SENTENCE)
        if score <= lowest:
            lowest, candidate, fits = score, index + 1, begins_sentence
        least = min(least, total)
        if total - least >= ISLAND:
            break
    place = steps[candidate].book if candidate < len(steps) else steps[-1].book_end
    if not parted and not (is_open and lowest <= -ISLAND and fits):
        return steps
    extra = [step for step in steps[:candidate] if step.text < step.text_end]
    if not extra:
        return steps
    text = range(extra[0].text, extra[-1].text_end)
    return [*(Step(i, i + 1, place, place, 1.0) for i in text), *steps[candidate:]]


def ends_with_heading(steps: list[Step], book: Book) -> bool:
    """Whether the last words equal a whole heading, two words at least: "Chapter I" behind an
    announcement."""
    equal = list(takewhile(lambda step: step.cost == 0.0 and is_paired(step), steps[::-1]))
    if not equal or equal[0].book_end - equal[-1].book < 2:
        return False
    return book.is_heading(equal[-1].book, equal[0].book_end)


def _is_whole(steps: list[Step], book: Book) -> bool:
    """Whether the steps begin with equal words up to the end of a sentence."""
    edges = {abs(steps[0].book), abs(steps[0].book_end)}
    return steps[0].cost == 0.0 and all(book.break_before(edge) == SENTENCE for edge in edges)


def _agreement(step: Step) -> float:
    words, written = step.text_end - step.text, step.book_end - step.book
    if not words or not written:
        return -_GAP * (words + written)
    return words * (1.0 - 4.0 * min(step.cost, ALIKE))


def _mirrored(step: Step) -> Step:
    return Step(-step.text_end, -step.text, -step.book_end, -step.book, step.cost)


def label(
    steps: list[Step],
    words: list[str],
    *,
    min_skipped: int = MIN_SKIPPED,
    min_extra: int = MIN_EXTRA,
) -> list[Run]:
    """The runs of one utterance's steps: READ and EXTRA hold its transcript without a gap."""
    runs: list[Run] = []
    for kind, text, text_end, book, book_end in _groups(steps):
        if kind == "SKIPPED" and book_end - book < min_skipped:
            kind = "READ"
        if kind == "EXTRA" and not _is_extra(words, text, text_end, min_extra):
            kind = "READ"
        if runs and runs[-1].label == kind:
            runs[-1] = runs[-1]._replace(text_end=text_end, book_end=book_end)
        else:
            runs.append(Run(kind, text, text_end, book, book_end))
    return _sound(runs)


def _groups(steps: list[Step]) -> Iterator[Run]:
    current: Run | None = None
    for step in steps:
        kind = "READ"
        if step.text == step.text_end:
            kind = "SKIPPED"
        elif step.book == step.book_end:
            kind = "EXTRA"
        if current and current.label == kind:
            current = current._replace(text_end=step.text_end, book_end=step.book_end)
            continue
        if current:
            yield current
        current = Run(kind, step.text, step.text_end, step.book, step.book_end)
    if current:
        yield current


def _is_extra(words: list[str], text: int, text_end: int, min_extra: int) -> bool:
    """Long enough for speech of its own, or the neighbouring words repeated."""
    size = text_end - text
    repeated = words[text:text_end]
    neighbours = (words[max(0, text - size) : text], words[text_end : text_end + size])
    return size >= min_extra or repeated in neighbours


def _sound(runs: list[Run]) -> list[Run]:
    """READ runs in which one side is empty take their label from that side."""
    sound = []
    for run in runs:
        if run.label == "READ" and run.book == run.book_end:
            run = run._replace(label="EXTRA")
        elif run.label == "READ" and run.text == run.text_end:
            run = run._replace(label="SKIPPED")
        sound.append(run)
    return sound


def equal_words(steps: list[Step]) -> int:
    """How many recognised words equal what is written, and stand beside another that does: single
    ones are found in any book."""
    total = 0
    for equal, group in groupby(steps, key=lambda step: step.cost == 0.0):
        words = sum(step.text_end - step.text for step in group)
        total += words if equal and words > 1 else 0
    return total


def firm_words(steps: list[Step]) -> int:
    """How many recognised words lie opposite written words that they are alike."""
    return sum(step.text_end - step.text for step in steps if step.cost <= ALIKE)


def read_similarity(runs: list[Run], words: list[str], book: Book) -> float:
    """1 - Levenshtein distance / longer length, of the transcript's READ runs and what the
    book has there, both as spoken words with single spaces."""
    spoken = " ".join(" ".join(words[r.text : r.text_end]) for r in runs if r.label == "READ")
    written = " ".join(" ".join(book.words[r.book : r.book_end]) for r in runs if r.label == "READ")
    return text_similarity(spoken, written)
