"""ABX: how well frames tell one phone from another, without a classifier.

A and X are tokens of one phone, B is one of another. An error is a B that is nearer to X than A is;
chance is .5. The definition is that of Schatz et al. (2013) as Libri-Light's `eval/ABX_src` and
bootphon's fastabx have it: the distance of two frames is the angle between them, that of two tokens
the mean along the path of dynamic time warping. Within speakers all three have one speaker; across
speakers X has another one than A and B.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor
from typing import NamedTuple

import numpy as np

from aubert.evaluate.intervals import MIN_CLUSTERS, interval
from aubert.evaluate.metrics import Figure

MODES = ("within", "across")
# Names, in small letters, of what is no phone: of TIMIT, of Kaldi and MFA, of pocketsphinx.
SILENCES = frozenset({"", "h#", "pau", "epi", "sil", "sp", "spn", "<sil>", "<eps>", "+nsn+"})

_TOUCH_S = 0.02  # neighbours are not farther apart: aligners leave a frame between words
_GRID = 2.0**24  # of angles, see `angles`
_STEPS = 2.0**13  # more than a path through two tokens has
_BLOCK_FRAMES = 512  # of tokens that are compared at once with as many
_ZERO = 1e-9


class Token(NamedTuple):
    """What is compared: a phone, or one with its neighbours. context: their names; all tokens have
    the same where neighbours do not count. start_s, end_s: in the utterance"""

    utterance_id: str
    speaker: str
    phone: str
    context: tuple[str, ...]
    start_s: float
    end_s: float


def triphones(utterance_id: str, speaker: str, phones: Sequence[Mapping]) -> Iterator[Token]:
    """The phones between two others, from the start of the one to the end of the other.

    phones: {phone, start_s, end_s} in order of time. One beside a pause has no neighbour there.
    """
    named = [row["phone"].lower() not in SILENCES for row in phones]
    touch = [after["start_s"] - before["end_s"] < _TOUCH_S for before, after in pairwise(phones)]
    for place in range(1, len(phones) - 1):
        if all(named[place - 1 : place + 2]) and touch[place - 1] and touch[place]:
            before, own, after = phones[place - 1 : place + 2]
            context = (before["phone"], after["phone"])
            ends = (before["start_s"], after["end_s"])
            yield Token(utterance_id, speaker, own["phone"], context, *ends)


def monophones(utterance_id: str, speaker: str, phones: Sequence[Mapping]) -> Iterator[Token]:
    """The phones alone, whatever stands beside them."""
    for row in phones:
        if row["phone"].lower() not in SILENCES:
            yield Token(utterance_id, speaker, row["phone"], (), row["start_s"], row["end_s"])


def frames_within(start_s: float, end_s: float, rate_hz: float, num_frames: int) -> slice:
    """The frames of a token: those whose middle, (i + 1/2) / rate_hz, lies in it, its ends
    included. To a millionth of a frame: rounding moves no frame over an edge."""
    first = ceil(round(start_s * rate_hz - 0.5, 6))
    last = floor(round(end_s * rate_hz - 0.5, 6))
    return slice(max(0, first), max(0, min(num_frames, last + 1)))


# --- distances


def directions(frames: np.ndarray) -> np.ndarray:
    """Frames [num_frames, dim] of length one: float64 [num_frames, dim + 1]. The last column makes
    a frame of zeros opposite to all but its like."""
    frames = np.asarray(frames, np.float64)
    lengths = np.linalg.norm(frames, axis=1, keepdims=True)
    zero = lengths == 0
    return np.hstack([frames / np.where(zero, 1, lengths), np.where(zero, -1 / _ZERO, _ZERO)])


def angles(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Angles between `directions`, in units of pi: float64 [num_one, num_other], 0 to 1.

    They are multiples of 2^-24, float32's precision: equal frames are 0 apart, sums are exact, and
    a tie is a tie whatever the order of the sums.
    """
    cosines = np.clip(one @ other.T, -1, 1)
    return np.round(np.arccos(cosines) * (_GRID / np.pi)) / _GRID


def unlike(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """`angles` of units [num_frames, 1] as vectors that are one at the unit and zero elsewhere."""
    return np.where(one == other.T, 0, 0.5)


def dtw(costs: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The mean cost along the path of least total cost of each of n pairs: float64 [n].

    costs: `angles` [most rows, most columns, n] of their frames; rows, columns: [n], how many of
    them each pair has. Of predecessors with equal totals the diagonal one is taken, as in
    Libri-Light's `dtw.pyx`; of the two others the one with the shorter path, so that the distance
    is symmetric.
    """
    height, width, num_pairs = costs.shape
    assert height + width <= _STEPS / 2, "no token has so many frames"
    # A total and the length of its path in one number: total / 2^-24 * _STEPS + steps, below 2^53.
    flat = (costs * (_GRID * _STEPS) + 1).reshape(height * width, num_pairs)
    stride = max(width - 1, 1)  # from a cell of an anti-diagonal to the next
    older, last, now = np.full((3, height + 1, num_pairs), np.inf)  # row i in place i + 1
    older[0] = 0
    found, ends = np.empty(num_pairs), rows + columns - 2
    for diagonal in range(height + width - 1):
        low, high = max(0, diagonal - width + 1), min(height, diagonal + 1)
        first = diagonal + low * (width - 1)
        straight, aside = older[low:high], np.minimum(last[low:high], last[low + 1 : high + 1])
        own = flat[first : first + (high - low - 1) * stride + 1 : stride]
        is_straight = straight - _STEPS / 2 <= aside
        np.add(np.where(is_straight, straight, aside), own, out=now[low + 1 : high + 1])
        done = np.flatnonzero(ends == diagonal)
        found[done] = now[rows[done], done]
        older[0] = np.inf
        older, last, now = last, now, older
    totals, steps = np.divmod(found, _STEPS)
    return totals / _GRID / steps


def distances(tokens: Sequence[np.ndarray]) -> np.ndarray:
    """Between all tokens, each [num_frames, dim] with a frame at least: float64 [n, n], symmetric.
    Integers are units, [num_frames, 1].

    Memory: 8 n^2 bytes, the frames as float64, and about 200 MB.
    """
    are_units = np.issubdtype(tokens[0].dtype, np.integer)
    between = unlike if are_units else angles
    found = np.zeros((len(tokens), len(tokens)))
    lengths = np.array([len(token) for token in tokens], np.int64)
    blocks = _blocks(lengths)  # of like lengths, so that little is padded
    frames = [np.concatenate([tokens[k] for k in block]) for block in blocks]
    vectors = frames if are_units else [*map(directions, frames)]
    for number, (block, own) in enumerate(zip(blocks, vectors, strict=True)):
        for other_block, other in zip(blocks[: number + 1], vectors, strict=False):
            places = _places(lengths[block])[:, None, :, None]
            other_places = _places(lengths[other_block])[None, :, None, :]
            costs = between(own, other)[places, other_places]
            rows = np.repeat(lengths[block], len(other_block))
            columns = np.tile(lengths[other_block], len(block))
            near = dtw(costs.reshape(*costs.shape[:2], -1), rows, columns)
            near = near.reshape(len(block), len(other_block))
            found[np.ix_(block, other_block)] = near
            found[np.ix_(other_block, block)] = near.T
    return found


def _blocks(lengths: np.ndarray) -> list[np.ndarray]:
    """Numbers of tokens, by length, in blocks of about _BLOCK_FRAMES."""
    order = np.argsort(lengths, kind="stable")
    of = np.cumsum(lengths[order]) // _BLOCK_FRAMES
    return np.split(order, np.flatnonzero(np.diff(of)) + 1)


def _places(lengths: np.ndarray) -> np.ndarray:
    """Where the frames of tokens lie that stand in a row: int64 [longest, tokens]; of shorter ones
    the last is repeated."""
    frames = np.minimum(np.arange(lengths.max())[:, None], lengths - 1)
    return np.cumsum(lengths) - lengths + frames


# --- cells


@dataclass(frozen=True)
class Cells:
    """Error rates of cells: A and B of one speaker and context, X of one speaker.

    speaker, x_speaker, context, a, b: numbers of names, int64 [num_cells]
    errors: share of the cell's triples, float64 [num_cells]; equal distances are half an error
    num_triples: of the cells together
    """

    speaker: np.ndarray
    x_speaker: np.ndarray
    context: np.ndarray
    a: np.ndarray
    b: np.ndarray
    errors: np.ndarray
    num_triples: int

    def __len__(self) -> int:
        return len(self.errors)


class _Group(NamedTuple):
    """Tokens of one speaker and phone, of one context: [start, end) of its tokens."""

    speaker: int
    phone: int
    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start


def cells(tokens: Sequence[Token], frames_of: Callable[[Token], np.ndarray]) -> dict[str, Cells]:
    """The cells of each of MODES. frames_of: [num_frames, dim] of a token, one frame at least."""
    numbers: dict[str, dict] = {name: {} for name in ("speaker", "phone", "context")}
    of_context: dict[int, list[tuple[int, int, Token]]] = defaultdict(list)
    for token in tokens:
        speaker, phone, context = (
            known.setdefault(getattr(token, name), len(known)) for name, known in numbers.items()
        )
        of_context[context].append((speaker, phone, token))
    found: dict[str, list] = {mode: [] for mode in MODES}
    for context, members in of_context.items():
        members.sort(key=lambda one: one[:2])
        groups = _groups([one[:2] for one in members])
        wanted = [*_comparisons(groups)]
        if wanted:
            near = distances([frames_of(token) for *_, token in members])
            for mode, a, others, xs in wanted:
                found[mode].append((context, a, others, xs, _errors(near, a, others, xs)))
    return {mode: _joined(own) for mode, own in found.items()}


def _groups(names: Sequence[tuple[int, int]]) -> list[_Group]:
    edges = [0, *(k for k in range(1, len(names)) if names[k] != names[k - 1]), len(names)]
    return [_Group(*names[start], start, end) for start, end in pairwise(edges)]


def _comparisons(
    groups: Sequence[_Group],
) -> Iterator[tuple[str, _Group, list[_Group], list[_Group]]]:
    """(mode, A, each B, each X) of a context."""
    of_speaker, of_phone = defaultdict(list), defaultdict(list)
    for group in groups:
        of_speaker[group.speaker].append(group)
        of_phone[group.phone].append(group)
    for a in groups:
        others = [b for b in of_speaker[a.speaker] if b is not a]
        xs = [x for x in of_phone[a.phone] if x is not a]
        if others and a.size > 1:
            yield "within", a, others, [a]
        if others and xs:
            yield "across", a, others, xs


def _errors(near: np.ndarray, a: _Group, others: list[_Group], xs: list[_Group]) -> np.ndarray:
    """Error rates float64 [len(xs), len(others)]."""
    columns, sizes = _columns(others)
    rows, x_sizes = _columns(xs)
    to_b = near[np.ix_(rows, columns)]
    hits = np.zeros(to_b.shape)
    for token in range(a.start, a.end):
        to_a = near[rows, token][:, None]
        won = (to_a < to_b) + 0.5 * (to_a == to_b)
        won[rows == token] = 0  # X is not compared with itself
        hits += won
    hits = np.add.reduceat(hits, np.cumsum(sizes) - sizes, axis=1)
    hits = np.add.reduceat(hits, np.cumsum(x_sizes) - x_sizes, axis=0)
    return 1 - hits / _num_triples(a, others, xs)


def _columns(groups: Sequence[_Group]) -> tuple[np.ndarray, np.ndarray]:
    ranges = [np.arange(group.start, group.end) for group in groups]
    return np.concatenate(ranges), np.array([group.size for group in groups])


def _num_triples(a: _Group, others: list[_Group], xs: list[_Group]) -> np.ndarray:
    pairs = np.array([a.size * (x.size - (x is a)) for x in xs])
    return pairs[:, None] * np.array([b.size for b in others])


def _joined(found: Sequence[tuple]) -> Cells:
    rows, errors, num_triples = [], [np.zeros(0)], 0
    for context, a, others, xs, own in found:
        rows += [(a.speaker, x.speaker, context, a.phone, b.phone) for x in xs for b in others]
        errors.append(own.ravel())
        num_triples += int(_num_triples(a, others, xs).sum())
    columns = np.array(rows, np.int64).reshape(-1, 5).T
    return Cells(*columns, np.concatenate(errors), num_triples)


# --- the error rate


def error_rate(found: Cells) -> Figure | None:
    """The mean error: of a speaker's cells of A and B, over speakers, over pairs of phones. n
    counts triples. The interval resamples speakers; where there are fewer than MIN_CLUSTERS,
    contexts, which share no token. None without cells.
    """
    if not len(found):
        return None
    estimate = _Mean(found)
    speakers = np.union1d(found.speaker, found.x_speaker)
    contexts = np.unique(found.context)
    if len(speakers) >= MIN_CLUSTERS:
        unit, names = "speakers", speakers
        own, xs = (np.searchsorted(speakers, one) for one in (found.speaker, found.x_speaker))
        is_within = np.array_equal(own, xs)

        def drawn(times: np.ndarray) -> float:
            cell_weights = np.ones(len(found)) if is_within else times[xs]
            return estimate(cell_weights, times[own])
    else:
        unit, names = "contexts", contexts
        places, ones = np.searchsorted(contexts, found.context), np.ones(len(found))

        def drawn(times: np.ndarray) -> float:
            return estimate(times[places], ones)

    value = estimate(np.ones(len(found)), np.ones(len(found)))
    ends = interval(drawn, {unit: names.tolist()})
    if ends is None:
        return Figure(value, found.num_triples)
    return Figure(value, found.num_triples, (ends.low, ends.high), (ends.unit, ends.number))


class _Mean:
    """The mean error of cells as a function of their weights."""

    def __init__(self, found: Cells):
        self._errors = found.errors
        groups, first, self._group = np.unique(
            np.stack([found.a, found.b, found.speaker]), axis=1, return_index=True,
            return_inverse=True,
        )  # fmt: skip
        self._group = self._group.ravel()
        self._first = first
        _, self._pair = np.unique(groups[:2], axis=1, return_inverse=True)
        self._pair = self._pair.ravel()

    def __call__(self, cell_weights: np.ndarray, speaker_weights: np.ndarray) -> float:
        """cell_weights: of the cells of one speaker and pair. speaker_weights: of the cells'
        speakers; both [num_cells]. nan where all are zero."""
        of_group = _means(self._group, self._errors, cell_weights)
        weights = np.where(np.isnan(of_group), 0, speaker_weights[self._first])
        of_pair = _means(self._pair, np.nan_to_num(of_group), weights)
        there = ~np.isnan(of_pair)
        return float(of_pair[there].mean()) if there.any() else float("nan")


def _means(groups: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted means of the groups; nan where the weights are zero."""
    sums = np.bincount(groups, weights)
    with np.errstate(invalid="ignore"):
        return np.where(sums > 0, np.bincount(groups, weights * values) / sums, np.nan)
