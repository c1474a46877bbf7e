"""Where one utterance ends and the next begins, to the word.

Utterances are cut at pauses, and pauses fall on punctuation. Near a cut the words are
often misrecognised or missed. There the cheapest account of both sides is taken: which recognised
words read which written ones, which are extra speech, and which written ones were not read.
Costs are in characters; readers hardly ever leave something out just where they add
something, so a stretch on both sides is most often one that was misrecognised.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from aubert.align.book import CLAUSE, NO_BREAK, SENTENCE, Book
from aubert.align.gaps import Step
from aubert.align.utterance import MIN_EXTRA, Piece, is_paired, reaching

_FIRM = 0.4  # a pair of words that differs by less stays where it is
_REACH = 12  # uncertain steps on each side of a cut, besides extra speech
_FAR = 30  # recognised words, and written ones, that a cut weighs on each side
_OPEN_REACH = 7  # written words, besides as many as are recognised, where no neighbour bounds them
# What a cut costs where nothing is written that invites a pause. Reading that begins or ends
# for good, or beside speech of another kind, does so between sentences; chapters end where
# sections end, but begin behind a heading too.
_PENALTY = {NO_BREAK: 6.0, CLAUSE: 2.0, SENTENCE: 0.0}
_OPEN_PENALTY = {NO_BREAK: 30.0, CLAUSE: 16.0, SENTENCE: 0.0}
_UNFINISHED = 12.0
# (of a stretch, of each of its characters)
_EXTRA = (6.0, 0.4)
_OPEN_EXTRA = (0.0, 0.25)  # announcements are expected where a chapter begins and ends
_SKIPPED = (12.0, 0.5)  # so five missing words are the recogniser's fault, a sentence is not


@dataclass
class _Edge:
    """One side of a cut: the end of the left utterance or the start of the right one."""

    piece: Piece
    at_end: bool
    alone: bool  # no utterance that is placed lies beyond the cut
    place: int = 0  # where in the book the firm part ends (begins)
    loose: list[int] = field(default_factory=list)  # words beside the cut, from inside out


def settle(pieces: list[Piece], words: list[str], book: Book) -> None:
    """Settles the edges of the utterances that have steps; changes `pieces`.

    Neighbours share a cut or leave whole written words between them, never overlap, and
    no written token is divided.
    """
    placed = [piece for piece in pieces if any(step.book < step.book_end for step in piece.steps)]
    for left, right in pairwise([None, *placed, None]):
        _settle_cut(left, right, words, book)


def _settle_cut(left: Piece | None, right: Piece | None, words: list[str], book: Book) -> None:
    ends = _loosened(left, True, right is None, book) if left else None
    begins = _loosened(right, False, left is None, book) if right else None
    if ends is None and begins is None:
        return
    if ends is None:
        ended = max(0, begins.place - _OPEN_REACH - len(begins.loose))
        begun = begins.place
    else:
        ended = ends.place
        begun = min(len(book.words), ended + _OPEN_REACH + len(ends.loose))
        if begins is not None:
            begun = max(ended, begins.place)
    cuts = [cut for cut in range(ended, begun + 1) if book.starts_token(cut)] or [begun]
    firsts = cuts[:_FAR] if ends else cuts[:1]
    lasts = cuts[-_FAR:] if begins else cuts[-1:]
    costs = np.zeros((len(firsts), len(lasts)))
    if ends:
        end_costs, end_counts = _fits(ends, words, book, [(ended, cut) for cut in firsts])
        costs += end_costs[:, None]
    if begins:
        begin_costs, begin_counts = _fits(begins, words, book, [(cut, begun) for cut in lasts])
        costs += begin_costs
    if ends and begins:
        costs += _unread_costs(book, firsts, lasts)
    first, last = np.unravel_index(_best(costs, ends is None), costs.shape)
    if ends:
        _put_back(ends, ended, firsts[first], int(end_counts[first]))
    if begins:
        _put_back(begins, lasts[last], begun, int(begin_counts[last]))


def _best(costs: np.ndarray, from_the_right: bool) -> int:
    """Of equal costs the cut nearest the firm words."""
    if from_the_right:
        return costs.size - 1 - int(np.argmin(costs.ravel()[::-1]))
    return int(np.argmin(costs))


def _loosened(piece: Piece, at_end: bool, alone: bool, book: Book) -> _Edge:
    """Takes the uncertain steps off one side of the piece.

    Uncertain are words unlike what is written, single words that agree beyond such ones, and
    beside extra speech the words that begin a sentence.
    """
    edge = _Edge(piece, at_end, alone)
    steps = piece.steps if at_end else piece.steps[::-1]  # the cut is at the list's end
    taken: list[Step] = []
    while not steps[-1].book < steps[-1].book_end:
        taken.append(steps.pop())
    if sum(step.text_end - step.text for step in taken) >= MIN_EXTRA:
        taken += _beyond_sentence(steps, at_end, book)
    if alone and at_end:
        taken += _beyond_section(steps, book)
    num_taken = len(taken)
    while len(steps) > 1 and len(taken) - num_taken < _REACH and not _holds(steps):
        taken.append(steps.pop())
    piece.steps = steps if at_end else steps[::-1]
    edge.place = steps[-1].book_end if at_end else steps[-1].book
    edge.loose = sorted(
        (index for step in taken for index in range(step.text, step.text_end)), reverse=not at_end
    )
    return edge


def _beyond_sentence(steps: list[Step], at_end: bool, book: Book) -> list[Step]:
    """Takes one or two words off the list's end if a sentence ends (begins) before them."""
    outer = steps[-1]
    place = outer.book_end if at_end else outer.book
    for count in range(3):
        cut = place - count if at_end else place + count
        if book.break_before(cut) < SENTENCE:
            continue
        if count and outer.cost == 0.0 and outer.book_end - outer.book > count:
            text = outer.text_end - count if at_end else outer.text + count
            inside, beyond = (
                outer._replace(text_end=text, book_end=cut), outer._replace(text=text, book=cut),
            )  # fmt: skip
            steps[-1], taken = (inside, beyond) if at_end else (beyond, inside)
            return [taken]
        return [steps.pop() for _ in range(min(count, len(steps) - 1))]
    return []


def _beyond_section(steps: list[Step], book: Book) -> list[Step]:
    """Takes the few words off the list's end that a section ends before: "end of chapter
    two", misrecognised, resembles the next heading by chance."""
    place = steps[-1].book_end
    ends = [cut for cut in range(place - _OPEN_REACH, place) if _begins_heading(book, cut)]
    taken: list[Step] = []
    while ends and len(steps) > 1 and steps[-1].book_end > ends[0]:
        last = steps.pop()
        inside = ends[0] - last.book
        if inside > 0 and last.cost == 0.0:
            steps.append(last._replace(text_end=last.text + inside, book_end=ends[0]))
            last = last._replace(text=last.text + inside, book=ends[0])
        taken.append(last)
    return taken


def _begins_heading(book: Book, cut: int) -> bool:
    """Whether another section begins here; the book's last words, "the end", are none."""
    return book.ends_section(cut) and len(book.words) - cut > _OPEN_REACH


def _holds(steps: list[Step]) -> bool:
    """Whether the last step is certain."""
    last, inner = steps[-1], steps[-2]
    return _is_firm(last) and (last.text_end - last.text > 1 or _is_firm(inner))


def _is_firm(step: Step) -> bool:
    return is_paired(step) and step.cost <= _FIRM


def _fits(
    edge: _Edge, words: list[str], book: Book, spans: list[tuple[int, int]]
) -> tuple[np.ndarray, np.ndarray]:
    """For each span of the book's words that the edge may read: (least cost, how many of its
    loose words read it; those beyond are extra)."""
    num_loose = len(edge.loose)
    counts = range(min(num_loose, _FAR) + 1)
    spoken = [_text([words[i] for i in _in_order(edge, edge.loose[:n])]) for n in counts]
    written = [_text(book.words[start:end]) for start, end in spans]
    distances = cdist(spoken, written, scorer=Levenshtein.distance, dtype=np.int32)
    opening, rate = _OPEN_EXTRA if edge.alone else _EXTRA
    whole = sum(len(words[i]) + 1 for i in edge.loose)
    extra = np.array([opening + rate * (whole - len(text)) if whole > len(text) else 0.0
                      for text in spoken])  # fmt: skip
    beside_extra = np.array([edge.alone or num_loose - n >= MIN_EXTRA for n in counts])
    cuts = [end if edge.at_end else start for start, end in spans]
    breaks = [book.break_before(cut) for cut in cuts]
    penalty = np.where(
        beside_extra[:, None], [_OPEN_PENALTY[b] for b in breaks], [_PENALTY[b] for b in breaks]
    )
    if edge.alone and edge.at_end:
        penalty = penalty + [0.0 if book.ends_section(cut) else _UNFINISHED for cut in cuts]
        crossed = [any(_begins_heading(book, c) for c in range(edge.place, cut)) for cut in cuts]
        penalty = penalty + _UNFINISHED * np.array(crossed)
    costs = distances + extra[:, None] + penalty
    best = costs.shape[0] - 1 - np.argmin(costs[::-1], axis=0)  # as many read as can be
    return costs[best, np.arange(len(spans))], best


def _unread_costs(book: Book, firsts: list[int], lasts: list[int]) -> np.ndarray:
    """What it costs that the words [first, last) are not read; infinite where they overlap."""
    low = firsts[0]
    letters = np.cumsum([0, *(len(word) + 1 for word in book.words[low : lasts[-1]])])
    between = letters[np.array(lasts) - low] - letters[np.array(firsts) - low][:, None]
    opening, rate = _SKIPPED
    return np.where(between < 0, np.inf, np.where(between > 0, opening + rate * between, 0.0))


def _in_order(edge: _Edge, spoken: list[int]) -> list[int]:
    return spoken if edge.at_end else spoken[::-1]


def _put_back(edge: _Edge, start: int, end: int, count: int) -> None:
    """The first `count` loose words read book words [start, end), the others are extra."""
    steps = edge.piece.steps
    read = sorted(edge.loose[:count])
    place = end if edge.at_end else start
    settled: list[Step] = []
    if read:
        settled = [Step(read[0], read[-1] + 1, start, end, 1.0)]
    elif start < end:
        settled = [reaching(steps, edge.at_end, place)]
    aside = [Step(i, i + 1, place, place, 1.0) for i in edge.loose[count:]]
    if edge.at_end:
        edge.piece.steps = [*steps, *settled, *aside]
    else:
        edge.piece.steps = [*aside[::-1], *settled, *steps]


def _text(words: list[str]) -> str:
    """Every word closed by a space, so that a word missed costs it."""
    return "".join(word + " " for word in words)
