"""Retrieval between texts and audio: does a model find the utterance of a text?

Everything here is numpy over scores; what makes the scores is the caller's. Ties are broken at
random on average: among candidates that score alike, the right one is first with the probability
that chance would give it. So a model that cannot distinguish candidates scores exactly chance.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb
from typing import NamedTuple

import numpy as np

from aubert.evaluate.metrics import Figure, mean

# (texts, audios) -> float [texts, audios]; rows of what the caller embeds
Scorer = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Outcomes:
    """What became of each query.

    top1, mrr: float [queries], expected over ties
    chance_top1, chance_mrr: float [queries], of candidates in random order
    ngrams: each query's n-gram; intervals resample these, as queries of one n-gram are alike
    """

    top1: np.ndarray
    mrr: np.ndarray
    chance_top1: np.ndarray
    chance_mrr: np.ndarray
    ngrams: Sequence[Hashable]

    def subset(self, kept: np.ndarray) -> Outcomes:
        """The queries at which bool [queries] is True."""
        columns = (self.top1, self.mrr, self.chance_top1, self.chance_mrr)
        ngrams = [ngram for ngram, keep in zip(self.ngrams, kept, strict=True) if keep]
        return Outcomes(*(column[kept] for column in columns), ngrams)


class TokenQuery(NamedTuple):
    """A pair, and the pairs of the same token by the same speaker at other places: int64."""

    pair: int
    others: np.ndarray


def token_queries(
    groups: Sequence[Hashable],
    texts: Sequence[Hashable],
    k: int,
    max_queries: int = 5_000,
    seed: int = 0,
) -> list[TokenQuery]:
    """Of each pair whose group stands at k places or more.

    groups: of each pair its (speaker, n-gram); texts: of each pair its place in a book. Of more
    than max_queries, that many are drawn. Raises ValueError when k is below 2.
    """
    if k < 2:
        raise ValueError(f"k is {k}; a choice takes at least 2")
    members: dict[Hashable, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    queries = []
    for group in members.values():
        if len({texts[index] for index in group}) < k:
            continue
        for pair in group:
            others = [index for index in group if texts[index] != texts[pair]]
            queries.append(TokenQuery(pair, np.array(others, np.int64)))
    drawn = np.sort(np.random.default_rng(seed).permutation(len(queries))[:max_queries])
    return [queries[index] for index in drawn]


def same_token(
    queries: Sequence[TokenQuery],
    k: int,
    text: np.ndarray,
    audio: np.ndarray,
    score: Scorer,
    ngrams: Sequence[Hashable],
) -> Outcomes:
    """Of each query's text: its own utterance among k, itself and k - 1 of the others. The mean
    over every choice of these, so that no draw decides.

    text, audio: [pairs, ...]; ngrams: of each pair."""
    rows = []
    for pair, others in queries:
        own, *rest = score(text[pair : pair + 1], audio[[pair, *others]])[0].tolist()
        better, alike = sum(value > own for value in rest), rest.count(own)
        rows.append(_among(k, better, alike, len(rest) - better - alike))
    chance_mrr = sum(1 / rank for rank in range(1, k + 1)) / k
    found = np.array(rows, np.float64).reshape(-1, 2)
    chances = (np.full(len(found), chance) for chance in (1 / k, chance_mrr))
    return Outcomes(found[:, 0], found[:, 1], *chances, [ngrams[pair] for pair, _ in queries])


@lru_cache(maxsize=100_000)
def _among(k: int, better: int, alike: int, worse: int) -> tuple[float, float]:
    """(top-1, MRR) beside k - 1 that are drawn from so many others without putting them back."""
    top1 = mrr = 0.0
    choices = comb(better + alike + worse, k - 1)
    for above in range(min(better, k - 1) + 1):
        for level in range(min(alike, k - 1 - above) + 1):
            ways = comb(better, above) * comb(alike, level) * comb(worse, k - 1 - above - level)
            ranks = range(above + 1, above + level + 2)
            mrr += ways / choices * sum(1 / rank for rank in ranks) / len(ranks)
            if not above:
                top1 += ways / choices / len(ranks)
    return top1, mrr


def all_tokens(scores: np.ndarray, ngrams: Sequence[Hashable]) -> Outcomes:
    """Of each row: a column of its n-gram (any utterance or place of it counts) among all.

    scores: float [pairs, pairs], rows are what is asked, columns what is found; transpose
    [texts, audios] for audio -> text."""
    numbers = np.unique(np.array([str(ngram) for ngram in ngrams]), return_inverse=True)[1]
    return Outcomes(*_ranked(scores, numbers[:, None] == numbers), ngrams)


def majority_top1(asked: Sequence[Hashable], ngrams: Sequence[Hashable]) -> np.ndarray:
    """float [asked]: the top-1 of the answer that is the most frequent of `ngrams`, always."""
    names, counts = np.unique([str(ngram) for ngram in ngrams], return_counts=True)
    winner = names[counts.argmax()]
    return np.array([float(str(ngram) == winner) for ngram in asked])


def _ranked(
    scores: np.ndarray, relevant: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(top-1, MRR of the first relevant column, chance of both) of each row."""
    num_columns = scores.shape[1]
    chances = _first_ranks(num_columns)
    rows = ([], [], [], [])
    for row, right in zip(scores, relevant, strict=True):
        best = row[right].max()
        num_better = int((row > best).sum())
        alike = row == best
        num_alike, num_right = int(alike.sum()), int((alike & right).sum())
        top1 = num_right / num_alike if num_better == 0 else 0.0
        first = chances(num_alike, num_right)
        rows[0].append(top1)
        rows[1].append(float((first / (num_better + np.arange(1, len(first) + 1))).sum()))
        rows[2].append(right.mean())
        by_chance = chances(num_columns, int(right.sum()))
        rows[3].append(float((by_chance / np.arange(1, len(by_chance) + 1)).sum()))
    return tuple(np.array(column, np.float64) for column in rows)


def _first_ranks(num_columns: int) -> Callable[[int, int], np.ndarray]:
    """(n, r) -> the probability that the first of r right ones among n in random order is the
    1st, 2nd, ..."""
    known: dict[tuple[int, int], np.ndarray] = {}

    def of(num: int, num_right: int) -> np.ndarray:
        if (num, num_right) not in known:
            ranks = np.arange(num - num_right + 1)
            left = num - ranks
            hits = num_right / left
            misses = np.concatenate([[1.0], np.cumprod(1 - hits)[:-1]])
            known[num, num_right] = misses * hits
        return known[num, num_right]

    return of


def figure(values: np.ndarray, ngrams: Sequence[Hashable]) -> Figure | None:
    """The mean over queries; the interval resamples n-grams. None without queries."""
    return mean(values, {"n-grams": [str(ngram) for ngram in ngrams]})


def figures(
    key: str,
    outcomes: Outcomes,
    baseline: Outcomes | None = None,
) -> dict[str, Figure | None]:
    """`<key>_top1` and `<key>_mrr`, with `.chance`, `.baseline` where it is given, and
    `.over_baseline`: the difference, with its own interval. All of the same queries."""
    found: dict[str, Figure | None] = {}
    for name in ("top1", "mrr"):
        values = getattr(outcomes, name)
        found[f"{key}_{name}"] = figure(values, outcomes.ngrams)
        found[f"{key}_{name}.chance"] = figure(getattr(outcomes, f"chance_{name}"), outcomes.ngrams)
        if baseline is not None:
            others = getattr(baseline, name)
            found[f"{key}_{name}.baseline"] = figure(others, outcomes.ngrams)
            found[f"{key}_{name}.over_baseline"] = figure(values - others, outcomes.ngrams)
    return found


class LinearBaseline:
    """A ridge regression from audio features to text features, compared by cosine.

    What mean-pooled features of encoders that were never trained on pairs can do: their spaces
    have nothing to do with each other until a linear map joins them.
    """

    def __init__(self, text: np.ndarray, audio: np.ndarray, penalty: float = 1.0):
        """text, audio: float [pairs, width] of training pairs; the features are standardised, and
        penalty is in units of them, per pair."""
        self._text, self._audio = _Standard(text), _Standard(audio)
        x, y = self._audio(audio), self._text(text)
        gram = x.T @ x + penalty * np.eye(x.shape[1]) * max(1.0, len(x) / x.shape[1])
        self._weights = np.linalg.solve(gram, x.T @ y)

    def __call__(self, text: np.ndarray, audio: np.ndarray) -> np.ndarray:
        """float [texts, audios]."""
        guessed = _unit(self._audio(audio) @ self._weights)
        return _unit(self._text(text)) @ guessed.T


class _Standard:
    def __init__(self, features: np.ndarray):
        self._mean, self._std = features.mean(0), features.std(0) + 1e-6

    def __call__(self, features: np.ndarray) -> np.ndarray:
        return (features - self._mean) / self._std


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
