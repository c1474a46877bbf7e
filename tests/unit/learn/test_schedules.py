import pytest
from hypothesis import given
from hypothesis import strategies as st

from aubert.learn.schedules import ScheduleOptions, learning_rate

KINDS = ["linear", "cosine", "tri_stage", "constant"]


def rates(steps: int, **values) -> list[float]:
    options = ScheduleOptions(lr=2.0, **values)
    return [learning_rate(options, step, steps) for step in range(1, steps + 1)]


@given(st.sampled_from(KINDS), st.integers(1, 60), st.integers(0, 80), st.integers(0, 80))
def test_it_rises_then_falls_and_stays_positive(kind, steps, warmup, hold):
    found = rates(steps, schedule=kind, warmup_steps=warmup, hold_steps=hold)
    assert all(0 < rate <= 2.0 for rate in found)
    top = min(warmup, steps)
    assert found[:top] == sorted(found[:top])
    assert found[top:] == sorted(found[top:], reverse=True)
    if warmup <= steps - 1:
        assert max(found) == pytest.approx(2.0)


def test_linear():
    assert rates(6, schedule="linear", warmup_steps=2) == [1.0, 2.0, 2.0, 1.5, 1.0, 0.5]


def test_cosine():
    found = rates(4, schedule="cosine")
    assert found[0] == 2.0 and found[2] == pytest.approx(1.0)


def test_tri_stage():
    found = rates(30, schedule="tri_stage", warmup_steps=4, hold_steps=6)
    assert found[3:11] == [2.0] * 8
    assert found[0] == pytest.approx(2.0 * (0.01 + 0.99 / 4))
    assert found[20] == pytest.approx(2.0 * 0.05**0.5)


def test_constant():
    assert rates(3, schedule="constant") == [2.0] * 3


def test_a_rate_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"lr\n.*greater than 0"):
        ScheduleOptions(lr=0.0)
