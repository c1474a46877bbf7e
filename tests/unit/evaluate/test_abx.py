"""ABX against hand-computed examples and against loops over every triple."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aubert.evaluate import abx
from aubert.evaluate.abx import Cells, Token

# --- by hand


def test_angles_by_hand():
    frames = np.array([[1, 0], [0, 3], [2, 2], [-5, 0], [0, 0]])
    found = abx.angles(*[abx.directions(frames)] * 2)
    quarter = [0, 0.5, 0.25, 1, 1]
    assert found[0] == pytest.approx(quarter, abs=1e-7)
    assert np.diag(found).tolist() == [0] * 5  # equal frames, and two frames of zeros
    assert found[4].tolist() == [1, 1, 1, 1, 0]
    assert (found == found.T).all()


def dtw(costs) -> float:
    costs = np.array(costs, np.float64)
    rows, columns = costs.shape
    return float(abx.dtw(costs[:, :, None], np.array([rows]), np.array([columns]))[0])


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        ([[0.25]], 0.25),
        ([[0.5, 0.25, 0.75]], 1.5 / 3),
        ([[0.5], [0.25]], 0.75 / 2),
        ([[0.125, 0.25, 0.5], [0.375, 0.0, 0.125]], 0.25 / 3),  # straight, then to the right
        ([[0.5, 1.0], [1.0, 0.5]], 1.0 / 2),
        ([[0.0, 0.0], [0.0, 0.5]], 0.5 / 2),  # of equal totals straight: two steps, not three
        ([[0.5, 0.0, 0.0], [0.5, 0.5, 0.0]], 0.5 / 3),
    ],
)
def test_warping_by_hand(costs, expected):
    assert dtw(costs) == expected
    assert dtw(np.transpose(costs)) == expected


def test_distances_of_tiny_tokens():
    """A right angle is 1/2. The longer token's frames: 0, 1/2, 1/2 from the first."""
    tokens = [np.array([[1.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 2.0]])]
    assert abx.distances(tokens).tolist() == [[0, 1 / 3], [1 / 3, 0]]


# 50 Hz, as fastabx documents: frames lie at 10, 30, 50 ms and so on; both ends are included.
@pytest.mark.parametrize(
    ("start_s", "end_s", "rate_hz", "expected"),
    [
        (0.2925, 0.4725, 50, range(15, 24)),
        (0.31, 0.47, 50, range(15, 24)),
        (0.3101, 0.4699, 50, range(16, 23)),
        (0.0, 0.03, 50, range(2)),
        (0.29, 0.31, 100, range(29, 31)),
        (0.9, 2.0, 50, range(45, 60)),
        (0.011, 0.029, 50, range(0)),
        (7.0, 8.0, 50, range(0)),
    ],
)
def test_frames_of_a_token(start_s, end_s, rate_hz, expected):
    found = abx.frames_within(start_s, end_s, rate_hz, 60)
    assert list(range(60))[found] == list(expected)


def phone_rows(*names_and_ends):
    return [{"phone": name, "start_s": start, "end_s": end} for name, start, end in names_and_ends]


def test_triphones_end_at_pauses():
    """The aligner leaves 10 ms between d and e; a pause of 30 ms stands between e and f."""
    phones = phone_rows(
        ("SIL", 0.0, 0.1), ("a", 0.1, 0.2), ("b", 0.2, 0.3), ("c", 0.3, 0.4), ("d", 0.4, 0.5),
        ("e", 0.51, 0.6), ("f", 0.63, 0.7), ("g", 0.7, 0.8), ("h#", 0.8, 0.9),
    )  # fmt: skip
    found = [*abx.triphones("u", "s", phones)]
    assert found == [
        Token("u", "s", "b", ("a", "c"), 0.1, 0.4),
        Token("u", "s", "c", ("b", "d"), 0.2, 0.5),
        Token("u", "s", "d", ("c", "e"), 0.3, 0.6),
    ]
    alone = [*abx.monophones("u", "s", phones)]
    assert [token.phone for token in alone] == [*"abcdefg"]
    assert alone[0] == Token("u", "s", "a", (), 0.1, 0.2)


def token(speaker, phone, context="x", start_s=0.0) -> Token:
    return Token("u", speaker, phone, (context,), start_s, start_s + 0.1)


def test_an_error_rate_by_hand():
    """Speaker s says a twice and b once, speaker t says a once, all of one frame.

    Within: the two a are 1/4 apart, each is 1/8 from b: two errors of two. Across: X is 3/8 from
    the first a, 1/8 from the second, 1/4 from b: one error of two.
    """
    tokens = [token("s", "a", start_s=1), token("s", "a", start_s=2), token("s", "b", start_s=3)]
    tokens += [token("t", "a", start_s=4)]
    places = {1: 0.0, 2: 0.25, 3: 0.125, 4: 0.375}

    def frames_of(one):
        turn = math.pi * places[one.start_s]
        return np.array([[math.cos(turn), math.sin(turn)]])

    found = abx.cells(tokens, frames_of)
    assert found["within"].errors.tolist() == [1.0]
    assert found["within"].num_triples == 2
    assert found["across"].errors.tolist() == [0.5]
    assert found["across"].num_triples == 2
    assert abx.error_rate(found["within"]).value == 1.0
    assert abx.error_rate(found["across"]).value == 0.5


def test_a_tie_is_half_an_error():
    tokens = [token("s", "a"), token("s", "a"), token("s", "b")]
    found = abx.cells(tokens, lambda _: np.ones((3, 2)))
    assert found["within"].errors.tolist() == [0.5]


def test_cells_and_triples_are_those_that_there_are():
    """Of c there is one by each speaker, b is t's alone; another context has no pair."""
    tokens = [token("s", "a"), token("s", "a"), token("s", "a"), token("s", "c")]
    tokens += [token("t", "a"), token("t", "b"), token("t", "b"), token("t", "c")]
    tokens += [token("s", "a", "y"), token("t", "b", "y")]
    found = abx.cells(tokens, lambda _: np.ones((1, 2)))

    def named(own: Cells):
        return sorted(zip(own.speaker, own.x_speaker, own.a, own.b, strict=True))

    a, c, b = range(3)  # numbers in the order of their first tokens
    s, t = range(2)
    assert named(found["within"]) == [(s, s, a, c), (t, t, b, a), (t, t, b, c)]
    assert found["within"].num_triples == 3 * 2 * 1 + 2 * 1 * 1 + 2 * 1 * 1
    assert named(found["across"]) == [
        (s, t, a, c), (s, t, c, a), (t, s, a, c), (t, s, a, b), (t, s, c, a), (t, s, c, b),
    ]  # fmt: skip
    assert found["across"].num_triples == 3 * 1 + 3 + 3 * 1 + 3 * 2 + 1 + 2


def test_the_mean_is_over_contexts_then_speakers_then_pairs():
    """The example of fastabx's documentation, .75, and another pair of phones that is 0."""
    found = cells_of(
        [(0, 0, 0, 0, 1, 0.0), (0, 0, 1, 0, 1, 1.0), (1, 1, 0, 0, 1, 1.0), (0, 0, 0, 1, 0, 0.0)]
    )
    assert abx.error_rate(found).value == 0.75 / 2


def cells_of(rows) -> Cells:
    *columns, errors = (np.array(column) for column in zip(*rows, strict=True))
    speaker, x_speaker, context, a, b = columns
    return Cells(speaker, x_speaker, context, a, b, errors, len(rows))


# --- against loops


def plain_distance(one: np.ndarray, other: np.ndarray) -> float:
    """By the textbook, in whole multiples of 2^-24, so that ties are ties."""

    def angle(u, v) -> int:
        lengths = math.sqrt(sum(u * u)) * math.sqrt(sum(v * v))
        if lengths == 0:
            return 0 if not u.any() and not v.any() else 2**24
        return round(math.acos(max(-1.0, min(1.0, float(u @ v) / lengths))) / math.pi * 2**24)

    table: dict = {}
    for i, j in product(range(len(one)), range(len(other))):
        cost = angle(one[i], other[j])
        sides = [table[k] for k in ((i - 1, j), (i, j - 1)) if k in table]
        before = min(sides, default=None)  # the least total, then the shorter path
        straight = table.get((i - 1, j - 1))
        if straight is not None and (before is None or straight[0] <= before[0]):
            before = straight
        total, steps = before or (0, 0)
        table[i, j] = (total + cost, steps + 1)
    total, steps = table[len(one) - 1, len(other) - 1]
    return total / steps / 2**24


def drawn_frames(rng, discrete: bool, num_frames: int) -> np.ndarray:
    if discrete:  # ties, and frames of zeros
        return rng.integers(0, 2, (num_frames, 3)).astype(np.float32)
    return rng.standard_normal((num_frames, 4))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([3, 16, 512]))
def test_distances_are_those_of_plain_loops(seed, discrete, block_frames):
    rng = np.random.default_rng(seed)
    tokens = [drawn_frames(rng, discrete, rng.integers(1, 9)) for _ in range(rng.integers(1, 9))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(abx, "_BLOCK_FRAMES", block_frames)
        found = abx.distances(tokens)
    expected = [[plain_distance(one, other) for other in tokens] for one in tokens]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7 if discrete else 2e-7)
    assert (found == found.T).all()


def plain_abx(tokens, frames, mode) -> tuple[float | None, int]:
    """(error rate, triples): every triple is looked at."""
    near = [[plain_distance(one, other) for other in frames] for one in frames]
    errors = defaultdict(list)
    for (i, a), (j, b), (k, x) in product(enumerate(tokens), repeat=3):
        is_triple = a.context == b.context == x.context and a.speaker == b.speaker
        is_triple &= a.phone == x.phone and a.phone != b.phone and i != k
        if is_triple and (x.speaker == a.speaker) == (mode == "within"):
            difference = near[k][j] - near[k][i]
            error = 0.5 if abs(difference) < 1e-12 else float(difference < 0)
            cell = (a.phone, b.phone, a.speaker, a.context, x.speaker)
            errors[cell].append(error)
    rates = {cell: [np.mean(own)] for cell, own in errors.items()}
    for kept in (3, 2):  # over contexts and speakers of X, then over speakers
        means = {cell: np.mean(own) for cell, own in rates.items()}
        rates = defaultdict(list)
        for cell, value in means.items():
            rates[cell[:kept]].append(value)
    pairs = [np.mean(own) for own in rates.values()]
    return (float(np.mean(pairs)) if pairs else None), sum(map(len, errors.values()))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_error_rates_are_those_of_all_triples(seed, discrete):
    rng = np.random.default_rng(seed)
    tokens = [
        token(f"s{rng.integers(3)}", f"p{rng.integers(3)}", f"c{rng.integers(2)}", start_s=place)
        for place in range(rng.integers(3, 21))
    ]
    frames = [drawn_frames(rng, discrete, rng.integers(1, 5)) for _ in tokens]
    found = abx.cells(tokens, lambda one: frames[int(one.start_s)])
    for mode in abx.MODES:
        expected, num_triples = plain_abx(tokens, frames, mode)
        rate = abx.error_rate(found[mode])
        assert (rate is None) == (expected is None)
        assert found[mode].num_triples == num_triples
        if rate is not None:
            assert rate.value == pytest.approx(expected, abs=1e-9)
            assert rate.n == num_triples


# --- controls


def many_tokens(rng, num_speakers=6, num_phones=4, each=6) -> list[Token]:
    names = product(range(num_speakers), range(num_phones), "xy", range(each))
    return [
        token(f"s{speaker}", f"p{phone}", context, start_s=place)
        for place, (speaker, phone, context, _) in enumerate(names)
    ]


def test_frames_that_are_the_phone_make_no_error():
    rng = np.random.default_rng(0)
    one_hot = np.eye(4)

    def frames_of(one):
        return np.repeat(one_hot[[int(one.phone[1])]], rng.integers(1, 6), axis=0)

    for own in abx.cells(many_tokens(rng), frames_of).values():
        rate = abx.error_rate(own)
        assert (rate.value, rate.ci95) == (0.0, (0.0, 0.0))


def test_random_frames_are_at_chance():
    rng = np.random.default_rng(0)
    found = abx.cells(many_tokens(rng), lambda _: rng.standard_normal((rng.integers(2, 6), 8)))
    for own in found.values():
        rate = abx.error_rate(own)
        assert rate.value == pytest.approx(0.5, abs=0.05)
        assert rate.ci95[0] < 0.5 < rate.ci95[1]


def test_frames_of_the_voice_help_within_a_speaker_alone():
    """A voice in the frames leaves the phone's share within speakers; across speakers X is as far
    from A as from B by it, and errors stay between."""
    rng = np.random.default_rng(0)

    def frames_of(one):
        voice, phone = np.eye(6)[int(one.speaker[1])], np.eye(4)[int(one.phone[1])]
        turned = np.roll(phone, int(one.speaker[1]))  # each speaker's phones lie elsewhere
        return np.concatenate([voice, turned])[None] + 0.01 * rng.standard_normal((2, 10))

    found = abx.cells(many_tokens(rng), frames_of)
    assert abx.error_rate(found["within"]).value == 0.0
    assert abx.error_rate(found["across"]).value > 0.3


# --- intervals


def test_speakers_are_resampled_where_there_are_five_else_contexts():
    rng = np.random.default_rng(0)
    for num_speakers, unit in ((6, ("speakers", 6)), (4, ("contexts", 2))):
        tokens = many_tokens(rng, num_speakers)
        for own in abx.cells(tokens, lambda _: rng.standard_normal((2, 3))).values():
            rate = abx.error_rate(own)
            assert rate.resampled == unit
            assert rate.ci95[0] < rate.value < rate.ci95[1]


def test_one_speaker_with_one_context_has_no_interval():
    tokens = [token("s", "a"), token("s", "a"), token("s", "b")]
    rate = abx.error_rate(abx.cells(tokens, lambda _: np.ones((1, 2)))["within"])
    assert (rate.value, rate.n, rate.ci95) == (0.5, 2, None)


def test_an_interval_of_speakers_is_wider_where_they_differ():
    """Two of eight speakers err always, the others never."""
    rows = [(s, s, 0, 0, 1, float(s < 2)) for s in range(8)]
    rate = abx.error_rate(cells_of(rows))
    assert rate.value == 0.25
    assert rate.ci95[0] == 0.0
    assert 0.5 < rate.ci95[1] <= 1.0
    alike = [(s, s, c, 0, 1, float(c < 1)) for s in range(8) for c in range(4)]
    assert abx.error_rate(cells_of(alike)).ci95 == (0.25, 0.25)


def test_a_draw_of_speakers_draws_them_as_x_too():
    """Only where X is speaker 0 are there errors: a draw without it has none."""
    pairs = [(s, x) for s in range(6) for x in range(6) if s != x]
    found = cells_of([(s, x, 0, 0, 1, float(x == 0)) for s, x in pairs])
    rate = abx.error_rate(found)
    assert rate.value == pytest.approx(5 / 6 / 5)
    assert rate.ci95[0] == 0.0


def test_units_are_as_far_apart_as_their_one_hot_vectors():
    rng = np.random.default_rng(5)
    units = [rng.integers(0, 6, (length, 1)) for length in rng.integers(1, 9, 30)]
    vectors = [np.eye(6)[each[:, 0]] for each in units]
    near = abx.distances(units)
    assert np.array_equal(near, abx.distances(vectors))
    assert 0 < near.max() <= 0.5
