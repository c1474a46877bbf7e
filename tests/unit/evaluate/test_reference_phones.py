"""Reference phones on the clock of an utterance."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aubert.evaluate.reference import phones_within

RATE_HZ = 1_000


def slices(*pairs):
    return [{"start_sample": start, "end_sample": end} for start, end in pairs]


def phone(name, start_s, end_s):
    return {"phone": name, "start_s": start_s, "end_s": end_s}


def test_by_hand():
    """Seconds 1 to 2 and 4 to 5 of the recording; a phone that reaches over an edge is cut."""
    phones = [
        phone("before", 0.0, 1.0),
        phone("a", 0.9, 1.2),
        phone("b", 1.5, 1.6),
        phone("c", 1.9, 4.1),
        phone("d", 4.5, 5.5),
        phone("behind", 5.5, 6.0),
    ]
    found = phones_within(phones, slices((1000, 2000), (4000, 5000)), RATE_HZ)
    expected = [("a", 0.0, 0.2), ("b", 0.5, 0.6), ("c", 0.9, 1.0), ("c", 1.0, 1.1), ("d", 1.5, 2.0)]
    assert [row["phone"] for row in found] == [name for name, *_ in expected]
    for row, (_, start_s, end_s) in zip(found, expected, strict=True):
        assert (row["start_s"], row["end_s"]) == pytest.approx((start_s, end_s))


edges = st.lists(st.integers(0, 5_000), min_size=2, max_size=12, unique=True).map(sorted)


@given(edges, edges)
def test_every_millisecond_has_its_phone(phone_edges, slice_edges):
    """Against a clock that is stepped through sample by sample."""
    phones = [
        phone(str(index), start / RATE_HZ, end / RATE_HZ)
        for index, (start, end) in enumerate(pairwise(phone_edges))
    ]
    pairs = list(zip(slice_edges[::2], slice_edges[1::2], strict=False))
    kept = [sample for start, end in pairs for sample in range(start, end)]

    def spoken(sample):
        inside = [
            row for row in phones if row["start_s"] <= (sample + 0.5) / RATE_HZ < row["end_s"]
        ]
        return inside[0]["phone"] if inside else None

    found = phones_within(phones, slices(*pairs), RATE_HZ)
    of_samples = [None] * len(kept)
    for row in found:
        for place in range(round(row["start_s"] * RATE_HZ), round(row["end_s"] * RATE_HZ)):
            assert of_samples[place] is None
            of_samples[place] = row["phone"]
    assert of_samples == [spoken(sample) for sample in kept]
