"""Other voices and noise in the utterances of a batch, as WavLM is trained."""

from __future__ import annotations

import numpy as np
import pytest

from aubert.hubert.mixing import NOISE_DB, VOICE_DB, mixed
from aubert.hubert.options import HubertTrainOptions


def rows() -> list[np.ndarray]:
    """Tones of 4 frequencies and levels, of 4 lengths."""
    return [
        (level * np.sin(np.arange(length) * step)).astype(np.float32)
        for length, level, step in (
            (800, 0.1, 0.7),
            (1200, 0.5, 1.1),
            (2000, 0.2, 1.9),
            (900, 0.3, 2.6),
        )
    ]


def added_to(row: np.ndarray, result: np.ndarray) -> tuple[np.ndarray, int]:
    """What was added, from its first to its last sample, and where it begins."""
    there = np.flatnonzero(result != row)
    return (result - row)[there[0] : there[-1] + 1], there[0]


def test_a_share_of_zero_draws_nothing():
    rng = np.random.default_rng(0)
    given = rows()
    assert all(one is other for one, other in zip(mixed(given, 0.0, 0.5, rng), given, strict=True))
    assert rng.random() == np.random.default_rng(0).random()


def test_another_row_sounds_in_half_of_a_row_at_most():
    given, rng = rows(), np.random.default_rng(1)
    levels, owners = [], set()
    for _ in range(200):
        for place, result in enumerate(mixed(given, 1.0, 0.0, rng)):
            row = given[place]
            if np.array_equal(result, row):
                continue  # a stretch of no sample
            added, _ = added_to(row, result)
            assert result.dtype == np.float32 and len(added) <= len(row) // 2 + 1
            if len(added) < 100:
                continue
            # One other row, scaled: the one whose frequency the stretch has.
            spectrum = np.abs(np.fft.rfft(added * np.hanning(len(added)), 8192))
            step = 2 * np.pi * spectrum.argmax() / 8192
            other = int(np.argmin([abs(step - each) for each in (0.7, 1.1, 1.9, 2.6)]))
            assert other != place
            owners.add((place, other))
            levels.append(10 * np.log10(np.mean(row**2) / np.mean(added**2)))
    assert len(owners) == 12  # of every row, every other
    assert VOICE_DB[0] - 0.5 < min(levels) < -3 and 3 < max(levels) < VOICE_DB[1] + 0.5


def test_noise_has_its_levels_and_slopes():
    rng = np.random.default_rng(2)
    row = rows()[2]
    levels, tilts = [], []
    for _ in range(300):
        (result,) = mixed([row], 1.0, 1.0, rng)
        if np.array_equal(result, row):
            continue
        added, _ = added_to(row, result)
        if len(added) > 500:
            power = np.abs(np.fft.rfft(added)) ** 2
            middle = len(power) // 2
            tilts.append(power[1:middle].sum() / power[1:].sum())
            levels.append(10 * np.log10(np.mean(row**2) / np.mean(added**2)))
    assert NOISE_DB[0] - 6 < min(levels) < 0 and 14 < max(levels) < NOISE_DB[1] + 12
    assert (
        min(tilts) < 0.65 and max(tilts) > 0.95
    )  # white has .5 below the middle, brown nearly all


@pytest.mark.parametrize(("mix_share", "noise_share"), [(0.2, 0.0), (0.5, 0.3)])
def test_shares(mix_share, noise_share):
    given, rng = rows(), np.random.default_rng(3)
    results = [mixed(given, mix_share, noise_share, rng) for _ in range(1500)]
    changed = [one is not own for batch in results for one, own in zip(batch, given, strict=True)]
    assert np.mean(changed) == pytest.approx(mix_share, abs=0.02)


def test_silence_and_single_rows():
    rng = np.random.default_rng(4)
    silent = [np.zeros(500, np.float32), np.ones(500, np.float32)]
    for _ in range(20):
        first, _ = mixed(silent, 1.0, 0.0, rng)
        assert not first.any()  # its level is that of nothing
        (alone,) = mixed([silent[1]], 1.0, 0.0, rng)
        assert len(alone) == 500 and np.isfinite(alone).all()


def test_another_batch_is_another_training_where_voices_are_mixed():
    fields = vars(HubertTrainOptions(batch_seconds=20.0, step_seconds=40.0))
    assert "batch_seconds" in HubertTrainOptions.how(fields)
    assert "batch_seconds" not in HubertTrainOptions.how({**fields, "mix_share": 0.2})
