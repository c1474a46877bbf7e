"""Edges of words from spikes and loudness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aubert.align.edges import Calibration, Loudness, Spikes, calibrate, word_edges


def sound(*parts):
    """Noise bursts and silences: sound(0.2, -0.3) is .2 s of noise and .3 s of silence."""
    rng = np.random.default_rng(0)
    levels = np.concatenate([np.full(round(abs(s) * 16_000), 0.2 * (s > 0)) for s in parts])
    return Loudness(levels * rng.standard_normal(len(levels)) + 1e-4, 16_000)


def spikes(*starts):
    return Spikes(tuple((start, start + 0.02) for start in starts))


LATE = Calibration(start_offset_ms=-60, end_offset_ms=30)


def test_edges_at_a_pause_are_those_of_the_loudness():
    loudness = sound(-0.2, 0.3, -0.4, 0.3, -0.2)
    edges = word_edges([spikes(0.26, 0.42), spikes(0.98, 1.1)], [True], loudness, LATE)
    np.testing.assert_allclose(edges, [(0.2, 0.5), (0.9, 1.2)], atol=0.02)


def test_words_in_running_speech_share_the_calibrated_cut():
    loudness = sound(-0.2, 0.6, -0.2)
    edges = word_edges([spikes(0.26, 0.42), spikes(0.56, 0.7)], [True], loudness, LATE)
    np.testing.assert_allclose(edges, [(0.2, 0.5), (0.5, 0.8)], atol=0.02)


def test_a_word_does_not_reach_over_speech_that_is_not_its_own():
    loudness = sound(-0.2, 1.6, -0.2)
    edges = word_edges([spikes(0.26, 0.42), spikes(1.4, 1.6)], [False], loudness, LATE)
    assert edges[0][1] == pytest.approx(0.44 + 0.03)


def test_a_word_does_not_swallow_a_pause():
    loudness = sound(-0.2, 0.3, -1.0, 0.3, -0.2)
    ((start, end),) = word_edges([spikes(0.25, 1.55, 1.65, 1.72)], [], loudness, LATE)
    assert (start, end) == pytest.approx((1.5, 1.8), abs=0.02)


def test_words_that_fade_are_no_silence():
    """A sentence's last word, 44 dB below its first ones, ends where its sound ends."""
    rng = np.random.default_rng(0)
    levels = [(0.2, 0.0), (1.0, 0.3), (0.3, 0.0018), (0.2, 0.0), (0.3, 0.3), (0.2, 0.0)]
    level = np.concatenate([np.full(round(s * 16_000), level) for s, level in levels])
    samples = (level + 0.0005) * rng.standard_normal(len(level))
    words = [spikes(0.3, 1.1), spikes(1.3, 1.42), spikes(1.8, 1.9)]
    edges = word_edges(words, [True, True], Loudness(samples, 16_000), LATE)
    assert edges[1][1] == pytest.approx(1.5, abs=0.02)


def test_a_plosive_is_no_pause():
    loudness = sound(-0.2, 0.2, -0.06, 0.3, -0.2)
    edges = word_edges([spikes(0.26), spikes(0.52, 0.6)], [True], loudness, LATE)
    assert edges[0][1] == edges[1][0] == pytest.approx(0.46, abs=1e-6)


@given(
    gaps=st.lists(st.floats(0.02, 0.8), min_size=1, max_size=8),
    start=st.floats(-250, 250),
    end=st.floats(-250, 250),
)
@settings(deadline=None)
def test_edges_are_in_order_and_inside_the_utterance(gaps, start, end):
    times = np.cumsum(gaps) * 2.0 / sum(gaps) - 0.02
    words = [spikes(max(float(time), 0.0)) for time in times]
    loudness = sound(-0.2, 0.7, -0.3, 0.6, -0.2)
    edges = word_edges(words, [True] * (len(words) - 1), loudness, Calibration(start, end))
    flat = [time for edge in edges for time in edge]
    assert flat == sorted(flat)
    assert flat[0] >= 0 and flat[-1] <= loudness.duration_s


def test_calibration_from_pauses_and_from_references(tmp_path):
    loudness = sound(-0.2, 0.3, -0.4, 0.3, -0.2)
    words = [spikes(0.26, 0.42), spikes(0.96, 1.12)]
    seen = calibrate([(words, loudness)] * 3)
    assert (seen.num_starts, seen.num_ends) == (6, 6)
    assert seen.start_offset_ms == pytest.approx(-60, abs=15)
    assert seen.end_offset_ms == pytest.approx(60, abs=15)
    from_references = calibrate([(words, loudness)], references=[[(0.2, 0.45), (0.9, 1.15)]])
    assert from_references == Calibration(-60.0, 10.0, 2, 2)
    from_references.save(tmp_path / "edges.json")
    assert Calibration.load(tmp_path / "edges.json") == from_references
    (tmp_path / "edges.json").write_text('{"offset": 3}')
    with pytest.raises(ValueError, match="is not a calibration"):
        Calibration.load(tmp_path / "edges.json")
