"""Where one utterance ends and the next begins, to the word.

Utterances are cut at pauses, and pauses fall on punctuation. Near a cut the words are
often misheard or missed; there the cut is chosen among the written words by
Levenshtein distance on both sides, and by what is written at it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from rapidfuzz.distance import Levenshtein

from aubert.align.book import CLAUSE, NO_BREAK, SENTENCE, Book
from aubert.align.gaps import Step
from aubert.align.utterance import MIN_EXTRA, Piece

_FIRM = 0.4  # a pair of words that differs by less stays where it is
_REACH = 4  # words on each side of a cut that may change sides
_OPEN_REACH = 7  # the same where there is no neighbour, or other speech, to take them
# In characters: what a cut costs where nothing is written that invites a pause. Reading that
# begins or ends for good, or beside speech of another kind, does so between sentences.
_PENALTY = {NO_BREAK: 6.0, CLAUSE: 2.0, SENTENCE: 0.0}
_OPEN_PENALTY = {NO_BREAK: 20.0, CLAUSE: 6.0, SENTENCE: 0.0}
_SKIPPED = 0.9  # of the characters that missing words cost, when no utterance takes them


@dataclass
class _Edge:
    """One side of a cut: the end of the left utterance or the start of the right one."""

    piece: Piece
    at_end: bool
    place: int = 0  # where in the book the firm part ends (begins)
    loose: list[int] = field(default_factory=list)  # heard words beside the cut, in order
    spare: list[int] = field(default_factory=list)  # EXTRA words that may be misheard reading
    extra: list[Step] = field(default_factory=list)  # those, and the ones beyond, from inside out

    @property
    def is_open(self) -> bool:
        return bool(self.extra)


def settle(pieces: list[Piece], words: list[str], book: Book) -> None:
    """Settles the edges of the utterances that have steps; changes `pieces`.

    Neighbours share a cut or leave whole written words between them, never overlap, and
    no written token is divided.
    """
    placed = [piece for piece in pieces if any(step.book < step.book_end for step in piece.steps)]
    for left, right in pairwise([None, *placed, None]):
        _settle_cut(left, right, words, book)


def _settle_cut(left: Piece | None, right: Piece | None, words: list[str], book: Book) -> None:
    ends = _loosened(left, True) if left else None
    begins = _loosened(right, False) if right else None
    ended = ends.place if ends else None
    begun = begins.place if begins else None
    if ended is None and begun is None:
        return
    if ended is None:
        ended = max(0, begun - _OPEN_REACH - len(begins.loose))
    if begun is None:
        begun = min(len(book.words), ended + _OPEN_REACH + len(ends.loose))
    begun = max(ended, begun)
    cuts = [cut for cut in range(ended, begun + 1) if book.starts_token(cut)] or [begun]
    near = 3 * _REACH
    costs = {
        (first, last): (
            (_edge_cost(ends, words, book, ended, first, begins is None) if ends else 0.0)
            + (_edge_cost(begins, words, book, last, begun, ends is None) if begins else 0.0)
            + (_SKIPPED * _letters(book, first, last) if ends and begins else 0.0)
        )
        for first in (cuts[:near] if ends else cuts[:1])
        for last in (cuts[-near:] if begins else cuts[-1:])
        if first <= last
    }
    first, last = min(costs, key=lambda cut: (costs[cut], cut if ends else (0, -cut[1])))
    if ends:
        _put_back(ends, words, book, ended, first)
    if begins:
        _put_back(begins, words, book, last, begun)


def _loosened(piece: Piece, at_end: bool) -> _Edge:
    """Takes the uncertain steps off one side of the piece.

    Uncertain are words unlike what is written, and single words that agree beyond such
    ones. A long run of extra words is put aside: only its nearest words are uncertain.
    """
    edge = _Edge(piece, at_end)
    steps = piece.steps if at_end else piece.steps[::-1]  # the cut is at the list's end
    count = 0
    while not steps[-1 - count].book < steps[-1 - count].book_end:
        count += 1
    if sum(step.text_end - step.text for step in steps[len(steps) - count :]) >= MIN_EXTRA:
        edge.extra = [steps.pop() for _ in range(count)][::-1]
        near = [step.text for step in edge.extra[:_OPEN_REACH] if step.text_end - step.text == 1]
        edge.spare = near if at_end else near[::-1]
    taken: list[Step] = []
    while len(steps) > 1 and len(taken) < _REACH and not _holds(steps):
        taken.append(steps.pop())
    piece.steps = steps if at_end else steps[::-1]
    edge.place = steps[-1].book_end if at_end else steps[-1].book
    edge.loose = sorted(index for step in taken for index in range(step.text, step.text_end))
    return edge


def _holds(steps: list[Step]) -> bool:
    """Whether the last step is certain."""
    last, inner = steps[-1], steps[-2]
    return _is_firm(last) and (last.text_end - last.text > 1 or _is_firm(inner))


def _is_firm(step: Step) -> bool:
    return step.text < step.text_end and step.book < step.book_end and step.cost <= _FIRM


def _edge_cost(
    edge: _Edge, words: list[str], book: Book, start: int, end: int, alone: bool
) -> float:
    """What it costs that the edge's words read book words [start, end)."""
    penalty = _OPEN_PENALTY if alone or edge.is_open else _PENALTY
    cut = book.break_before(end if edge.at_end else start)
    return _fit(edge, words, book, start, end)[0] + penalty[cut]


def _fit(edge: _Edge, words: list[str], book: Book, start: int, end: int) -> tuple[float, int]:
    """(distance, number of spare words that it counts as misheard reading), the least."""
    written = book.words[start:end]
    return min(
        (_distance([words[i] for i in _heard(edge, spare)], written) + 0.1 * spare, spare)
        for spare in range(len(edge.spare) + 1)
    )


def _heard(edge: _Edge, spare: int) -> list[int]:
    if edge.at_end:
        return edge.loose + edge.spare[:spare]
    return edge.spare[len(edge.spare) - spare :] + edge.loose


def _put_back(edge: _Edge, words: list[str], book: Book, start: int, end: int) -> None:
    spare = _fit(edge, words, book, start, end)[1]
    heard = _heard(edge, spare)
    steps = edge.piece.steps
    settled: list[Step] = []
    if heard or start < end:
        inside = steps[-1].text_end if edge.at_end else steps[0].text
        text, text_end = (heard[0], heard[-1] + 1) if heard else (inside, inside)
        settled = [Step(text, text_end, start, end, 1.0)]
    place = end if edge.at_end else start
    aside = [step._replace(book=place, book_end=place) for step in edge.extra[spare:]]
    if edge.at_end:
        edge.piece.steps = [*steps, *settled, *aside]
    else:
        edge.piece.steps = [*aside[::-1], *settled, *steps]


def _letters(book: Book, start: int, end: int) -> int:
    return sum(len(word) + 1 for word in book.words[start:end])


def _distance(heard: list[str], written: list[str]) -> int:
    """Levenshtein distance with every word closed by a space, so that a word missed costs it."""
    return Levenshtein.distance("".join(w + " " for w in heard), "".join(w + " " for w in written))
