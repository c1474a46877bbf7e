import itertools

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from aubert.corpus.cut import CutOptions, cut, stitch
from aubert.corpus.vad import VadOptions, voice_activity
from aubert.stage import Reject


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


def babble(seconds, rate_hz=16_000, seed=0):
    """Something that webrtcvad takes for speech: harmonics with a syllable rhythm."""
    clock = np.arange(int(seconds * rate_hz)) / rate_hz
    pitch = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * clock)) / rate_hz
    voiced = sum(np.sin(n * pitch) / n for n in range(1, 25))
    rhythm = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * clock)
    return 0.1 * voiced * rhythm + 1e-4 * np.random.default_rng(seed).standard_normal(len(clock))


def test_the_vad_finds_the_speech_between_pauses(tmp_path):
    silence = 1e-4 * np.random.default_rng(1).standard_normal(16_000)
    samples = np.concatenate([silence, babble(2.0), silence, babble(1.5), silence])
    found = voice_activity(samples.astype(np.float32), VadOptions())
    # webrtcvad takes up to 300 ms of a noisy start for speech until it knows the noise.
    found = [(start, end) for start, end in found if end > 0.5]
    assert len(found) == 2
    for (start, end), (true_start, true_end) in zip(found, [(1, 3), (4, 5.5)], strict=True):
        assert true_start - 0.3 < start <= true_start + 0.03
        assert true_end - 0.03 <= end < true_end + 0.4


def test_the_first_piece_of_a_chapter_is_kept(tmp_path):
    samples = np.concatenate([babble(1.0), np.zeros(16_000), babble(1.0)])
    rows = list(cut([recording(tmp_path / "a.flac", samples)], tmp_path, CutOptions()))
    assert rows[0]["slices"][0]["start_sample"] < 1_600


def test_voice_activity_of_the_json_is_taken_as_it_is(tmp_path):
    pairs = [(0.0, 1.0), (1.0, 2.0), (3.0, 4.5), (4.0, 6.0)]
    activity = [{"start_s": start, "end_s": end} for start, end in pairs]
    row = recording(tmp_path / "a.flac", np.zeros(6 * 44_100), 44_100, activity)
    (utterance,) = cut([row], tmp_path, CutOptions())
    assert utterance["slices"] == [
        {"start_sample": 0, "end_sample": 88_200},  # touching stretches are one
        {"start_sample": 132_300, "end_sample": 264_600},  # nothing is heard twice
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


def test_silence_and_broken_audio_are_rejected_and_the_rest_goes_on(tmp_path):
    silent = recording(tmp_path / "silent.flac", np.zeros(32_000))
    broken = recording(tmp_path / "broken.flac", babble(2.0)) | {"recording_id": "b"}
    data = (tmp_path / "broken.flac").read_bytes()
    (tmp_path / "broken.flac").write_bytes(data[: len(data) // 2])
    good = recording(tmp_path / "good.flac", babble(2.0)) | {"recording_id": "g"}
    results = list(cut([silent, broken, good], tmp_path, CutOptions()))
    assert [r.reason for r in results if isinstance(r, Reject)] == ["no_speech", "audio_truncated"]
    assert results[-1]["recording_id"] == "g"


def test_wrong_options_say_what_is_allowed():
    with pytest.raises(ValueError, match=r"aggressiveness\n.*less than or equal to 3"):
        CutOptions(aggressiveness=4)
    with pytest.raises(ValueError, match="max_seconds"):
        CutOptions(max_seconds=0.0)
