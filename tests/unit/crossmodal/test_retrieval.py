import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aubert.crossmodal.retrieval import (
    LinearBaseline,
    TokenQuery,
    all_tokens,
    figure,
    figures,
    majority_top1,
    same_token,
    token_queries,
)


def by_shuffling(row, right):
    """Top-1 and MRR averaged over every order of the columns, ties as they come."""
    top1, mrr, orders = 0.0, 0.0, list(itertools.permutations(range(len(row))))
    for order in orders:
        ranked = sorted(order, key=lambda column: -row[column])
        rank = next(place for place, column in enumerate(ranked, 1) if right[column])
        top1 += (rank == 1) / len(orders)
        mrr += 1 / rank / len(orders)
    return top1, mrr


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=2, max_size=5))
@settings(max_examples=60, deadline=None)
def test_ranks_are_the_average_over_ties(columns):
    row, right = zip(*columns, strict=True)
    if not any(right):
        return
    words = ["asked" if hit else f"other {i}" for i, hit in enumerate(right)]
    query = words.index("asked")
    outcomes = all_tokens(np.tile(np.array(row, float), (len(row), 1)), words)
    top1, mrr = by_shuffling(row, right)
    assert outcomes.top1[query] == pytest.approx(top1)
    assert outcomes.mrr[query] == pytest.approx(mrr)
    chance = by_shuffling([0] * len(row), right)
    assert (outcomes.chance_top1[query], outcomes.chance_mrr[query]) == pytest.approx(chance)


def test_all_words():
    """Any utterance of the word counts."""
    words = ["a", "b", "a", "c"]
    scores = np.array([[0, 1, 2, 0], [0, 1, 3, 2], [9, 1, 2, 3], [1, 2, 3, 4]], float)
    outcomes = all_tokens(scores, words)
    assert outcomes.top1.tolist() == [1, 0, 1, 1]
    assert outcomes.mrr.tolist() == [1, pytest.approx(1 / 3), 1, 1]
    assert outcomes.chance_top1.tolist() == [0.5, 0.25, 0.5, 0.25]
    unseen = outcomes.subset(np.array([False, True, False, True]))
    assert (unseen.top1.tolist(), list(unseen.ngrams)) == ([0, 1], ["b", "c"])
    assert majority_top1(words, words).tolist() == [1, 0, 1, 0]


def product(text, audio):
    return text @ audio.T


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=40),
       st.integers(2, 4))  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_a_choice_is_among_one_token_in_different_places(pairs, k):
    groups, texts = zip(*pairs, strict=True)
    queries = token_queries(groups, texts, k)
    for pair, others in queries:
        assert others.tolist() == [
            i for i in range(len(pairs)) if groups[i] == groups[pair] and texts[i] != texts[pair]
        ]
        assert len({texts[index] for index in others}) >= k - 1
    places = {group: {t for g, t in pairs if g == group} for group in groups}
    assert [query.pair for query in queries] == sorted(
        (i for i, group in enumerate(groups) if len(places[group]) >= k),
        key=lambda i: (list(dict.fromkeys(groups)).index(groups[i]), i),
    )
    assert len(token_queries(groups, texts, k, max_queries=3)) == min(3, len(queries))


@given(st.lists(st.integers(0, 3), min_size=2, max_size=6), st.integers(2, 4))
@settings(max_examples=60, deadline=None)
def test_the_same_token_is_the_mean_over_every_choice(values, k):
    """values: what a text's own utterance and the others score; chance is a model without any."""
    if len(values) < k:
        return
    query = [TokenQuery(0, np.arange(1, len(values)))]
    audio = np.array(values, float)[:, None]
    outcomes = same_token(query, k, np.ones((1, 1)), audio, product, ["a"] * len(values))
    every = [
        by_shuffling([values[0], *others], [True] + [False] * (k - 1))
        for others in itertools.combinations(values[1:], k - 1)
    ]
    assert (outcomes.top1[0], outcomes.mrr[0]) == pytest.approx(np.mean(every, 0))
    flat = same_token(query, k, np.ones((1, 1)), 0 * audio, product, ["a"] * len(values))
    mrr = sum(1 / rank for rank in range(1, k + 1)) / k
    for found in (flat.top1, flat.mrr), (outcomes.chance_top1, outcomes.chance_mrr):
        assert found == (pytest.approx(1 / k), pytest.approx(mrr))


def test_the_same_token():
    groups, texts = ["a"] * 4 + ["b"] * 3, list(range(7))
    queries = token_queries(groups, texts, 3)
    rng = np.random.default_rng(0)
    audio = rng.standard_normal((7, 16))
    outcomes = same_token(queries, 3, audio, audio, product, groups)
    assert outcomes.top1.tolist() == [1] * 7 and set(outcomes.chance_top1) == {1 / 3}
    assert set(outcomes.chance_mrr.round(6)) == {round((1 + 1 / 2 + 1 / 3) / 3, 6)}
    worst = same_token(queries, 3, -audio, audio, product, groups)
    assert worst.top1.sum() == 0 and worst.mrr == pytest.approx(1 / 3)
    assert list(outcomes.ngrams) == groups


def test_without_context_it_is_chance():
    """All texts of a token are alike: one utterance of each choice is taken for all of them."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 4)
    text = rng.standard_normal((30, 8))[groups]
    audio = rng.standard_normal((120, 8))
    queries = token_queries(groups, range(120), 4)
    outcomes = same_token(queries, 4, text, audio, product, groups)
    assert outcomes.top1.mean() == pytest.approx(1 / 4)
    flat = same_token(queries, 4, 0 * text, audio, product, groups)
    assert set(flat.top1) == {0.25}


def test_intervals_are_over_ngrams():
    """A hundred queries of one n-gram are one observation."""
    values = np.repeat([0.0, 1.0], 100)
    alike = figure(values, np.repeat(["a", "b"], 100))
    apart = figure(values, np.arange(200))
    assert alike.value == apart.value == 0.5 and alike.n == apart.n == 200
    assert alike.ci95 == (0.0, 1.0)
    assert apart.ci95[1] - apart.ci95[0] < 0.16
    assert figure(values, np.arange(200)) == apart
    assert figure(np.array([]), []) is None


def test_figures_stand_beside_chance_and_baseline():
    words = ["a", "a", "b", "b"]
    good = all_tokens(np.kron(np.eye(2), np.ones((2, 2))), words)
    bad = all_tokens(np.zeros((4, 4)), words)
    found = figures("aubert.retrieval", good, bad)
    assert {key for key in found if "top1" in key} == {
        f"aubert.retrieval_top1{end}" for end in ("", ".chance", ".baseline", ".over_baseline")
    }
    assert found["aubert.retrieval_top1"].value == 1
    assert found["aubert.retrieval_top1.baseline"].value == 0.5
    assert found["aubert.retrieval_top1.over_baseline"].value == 0.5
    assert math.isclose(found["aubert.retrieval_mrr.chance"].value, 1 / 2 + 1 / 6 + 1 / 18)
    assert figures("key", good.subset(np.zeros(4, bool)))["key_top1"] is None


def test_a_linear_map_joins_two_spaces():
    rng = np.random.default_rng(0)
    audio = rng.standard_normal((400, 6))
    text = audio @ rng.standard_normal((6, 9)) + 5 + 0.1 * rng.standard_normal((400, 9))
    baseline = LinearBaseline(text[:300], audio[:300])
    words = np.arange(100)
    assert all_tokens(baseline(text[300:], audio[300:]), words).top1.mean() > 0.9
    shuffled = LinearBaseline(rng.permutation(text[:300]), audio[:300])
    assert all_tokens(shuffled(text[300:], audio[300:]), words).top1.mean() < 0.2
