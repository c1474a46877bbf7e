import itertools
import tracemalloc

import numpy as np
import pytest
import soundfile
from babble import babble
from hypothesis import given
from hypothesis import strategies as st

from aubert.corpus.cut import CutOptions, _quietest, cut, stitch
from aubert.stage import Reject

BABBLE = CutOptions(detector="webrtcvad")  # to which babble is speech


@st.composite
def speech(draw):
    """Disjoint slices in order, none longer than 100."""
    edges, position = [], 0
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 100)))):
        edges.append((position + gap, position + gap + length))
        position += gap + length
    return edges


@given(speech(), st.integers(100, 400))
def test_stitching_keeps_every_sample_in_order(slices, max_samples):
    groups = stitch(slices, max_samples)
    stitched = [n for group in groups for start, end in group for n in range(start, end)]
    assert stitched == [n for start, end in slices for n in range(start, end)]
    assert all(0 < sum(end - start for start, end in group) <= max_samples for group in groups)


@given(speech(), st.integers(100, 400))
def test_stitching_is_greedy(slices, max_samples):
    groups = stitch(slices, max_samples)
    for group, following in itertools.pairwise(groups):
        filled = sum(end - start for start, end in group)
        first = next(end - start for start, end in slices if start == following[0][0])
        assert filled + first > max_samples


def recording(path, samples, rate_hz=16_000, voice_activity=None):
    soundfile.write(path, samples, rate_hz)
    return {
        "recording_id": "r",
        "path": path.name,
        "sample_rate_hz": rate_hz,
        "num_samples": len(samples),
        "voice_activity": voice_activity,
    }


def test_the_first_piece_of_a_chapter_is_kept(tmp_path):
    samples = np.concatenate([babble(1.0), np.zeros(16_000), babble(1.0)])
    rows = list(cut([recording(tmp_path / "a.flac", samples)], tmp_path, BABBLE))
    assert rows[0]["slices"][0]["start_sample"] < 1_600


def test_voice_activity_of_the_json_is_taken_as_it_is(tmp_path):
    pairs = [(0.0, 1.0), (1.0, 2.0), (3.0, 4.5), (4.0, 6.0)]
    activity = [{"start_s": start, "end_s": end} for start, end in pairs]
    row = recording(tmp_path / "a.flac", np.zeros(6 * 44_100), 44_100, activity)
    (utterance,) = cut([row], tmp_path, BABBLE)
    assert utterance["slices"] == [
        {"start_sample": 0, "end_sample": 88_200},  # touching stretches are one
        {"start_sample": 132_300, "end_sample": 264_600},  # no sample is taken twice
    ]
    assert utterance["num_samples"] == 88_200 + 132_300
    assert utterance["utterance_id"] == "r_0000"


def test_long_speech_is_split_where_it_is_quietest(tmp_path):
    samples = np.concatenate([babble(8.0), 0.01 * babble(0.3), babble(8.0)])
    activity = [{"start_s": 0.0, "end_s": len(samples) / 16_000}]
    row = recording(tmp_path / "a.flac", samples, voice_activity=activity)
    first, second = cut([row], tmp_path, CutOptions(max_seconds=10.0))
    (cut_at,) = {first["slices"][0]["end_sample"], second["slices"][0]["start_sample"]}
    assert 8.0 < cut_at / 16_000 < 8.3
    assert second["slices"][-1]["end_sample"] == len(samples)


@given(st.integers(0, 1 << 32), st.integers(2, 3000), st.integers(5, 2000))
def test_the_quietest_spot_is_that_of_a_direct_convolution(seed, num_samples, rate_hz):
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal(num_samples) * rng.choice([0, 1e-4, 0.3], num_samples)
    samples = samples.astype(np.float32)
    size = max(1, min(num_samples // 2, rate_hz // 5))
    energy = np.convolve(samples.astype(np.float64) ** 2, np.ones(size), mode="valid")
    assert energy[_quietest(samples, rate_hz) - size // 2] <= energy.min() + 1e-12


@pytest.mark.parametrize("activity", [None, [{"start_s": 0.0, "end_s": 600.0}]])
def test_the_memory_does_not_grow_with_the_recording(tmp_path, activity):
    samples = np.tile(babble(2.0, 8_000), 300).astype(np.float32)  # unbroken speech
    row = recording(tmp_path / "long.flac", samples, 8_000, activity)
    tracemalloc.start()
    try:
        rows = list(cut([row], tmp_path, BABBLE))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(row["num_samples"] for row in rows) > 0.9 * len(samples)
    assert peak_bytes < samples.nbytes / 2


def test_silence_and_broken_audio_are_rejected_and_the_rest_goes_on(tmp_path):
    silent = recording(tmp_path / "silent.flac", np.zeros(32_000))
    broken = recording(tmp_path / "broken.flac", babble(2.0)) | {"recording_id": "b"}
    data = (tmp_path / "broken.flac").read_bytes()
    (tmp_path / "broken.flac").write_bytes(data[: len(data) // 2])
    good = recording(tmp_path / "good.flac", babble(2.0)) | {"recording_id": "g"}
    results = list(cut([silent, broken, good], tmp_path, BABBLE))
    assert [r.reason for r in results if isinstance(r, Reject)] == ["no_speech", "audio_truncated"]
    assert results[-1]["recording_id"] == "g"


def test_wrong_options_say_what_is_allowed():
    with pytest.raises(ValueError, match=r"aggressiveness\n.*less than or equal to 3"):
        CutOptions(aggressiveness=4)
    with pytest.raises(ValueError, match="max_seconds"):
        CutOptions(max_seconds=0.0)
