"""Speech is distinguished from what is none, by either detector, whatever the blocks."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from babble import babble, chords

from aubert import audio
from aubert.corpus import vad
from aubert.corpus.vad import VadOptions, smoothed, voice_activity

DETECTORS = ["webrtcvad", "silero"]


def seconds_of(intervals):
    return sum(end - start for start, end in intervals)


def test_webrtcvad_finds_the_speech_between_pauses():
    silence = 1e-4 * np.random.default_rng(1).standard_normal(16_000)
    samples = np.concatenate([silence, babble(2.0), silence, babble(1.5), silence])
    found = voice_activity([samples.astype(np.float32)], VadOptions(detector="webrtcvad"))
    # webrtcvad takes up to 300 ms of a noisy start for speech until it knows the noise.
    found = [(start, end) for start, end in found if end > 0.5]
    assert len(found) == 2
    for (start, end), (true_start, true_end) in zip(found, [(1, 3), (4, 5.5)], strict=True):
        assert true_start - 0.3 < start <= true_start + 0.03
        assert true_end - 0.03 <= end < true_end + 0.4


def test_silero_finds_the_speech_of_a_reading(real):
    """Beside the endpoints that its publishers give."""
    for line in (real / "vad" / "refs.jsonl").read_text().splitlines():
        reference = json.loads(line)
        if reference["id"] == "librivox-ss01-joined":
            break
    found = voice_activity(
        audio.blocks(real / "vad" / reference["audio"]), VadOptions(detector="silero")
    )
    truth = [(start, end) for start, end, _ in reference["segments"]]
    assert len(found) == len(truth)
    for (start, end), (true_start, true_end) in zip(found, truth, strict=True):
        assert true_start - 0.4 < start < true_start and true_end < end < true_end + 0.4


def test_music_is_speech_to_webrtcvad_alone():
    music = chords(20.0).astype(np.float32)
    found = {name: voice_activity([music], VadOptions(detector=name)) for name in DETECTORS}
    assert seconds_of(found["webrtcvad"]) > 10
    assert found["silero"] == []


@pytest.mark.parametrize("detector", DETECTORS)
def test_blocks_of_any_size_give_the_same(real, detector):
    samples = audio.decode(real / "words" / "ss01-0870.flac")
    options = VadOptions(detector=detector)
    whole = voice_activity([samples], options)
    assert whole
    for size in (1, 479, 511, 4096):
        blocks = [samples[start : start + size] for start in range(0, len(samples), size)]
        assert voice_activity(blocks, options) == whole
    assert voice_activity([], options) == []
    assert voice_activity([np.zeros(0, np.float32), samples[:0]], options) == []


@pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning")
def test_silero_is_what_its_own_package_computes(real):
    from silero_vad import load_silero_vad

    samples = audio.decode(real / "vad" / "librivox-ss01-joined.flac")[:-100]
    theirs = load_silero_vad(sequence=True).audio_forward(samples)
    ours = vad.silero_probabilities([samples])
    assert len(samples) % 512  # no whole frame at the end
    assert len(ours) > 512 and ours.max() > 0.9  # more than one run of the network
    assert np.array_equal(ours, theirs)


def test_silero_needs_no_torch_and_tells_no_one(real, tmp_path):
    program = (
        "import sys; from aubert import audio; from aubert.corpus.vad import *;"
        "found = voice_activity(audio.blocks(sys.argv[1]), VadOptions(detector='silero'));"
        "print(len(found), 'torch' in sys.modules, 'silero_vad' in sys.modules)"
    )
    # Where any of these is set, onnxruntime's telemetry is off anyhow.
    quiet = ("CI", "ORT_", "TF_BUILD", "GITHUB_", "JENKINS")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(quiet)}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", program, str(real / "words" / "ss01-0870.flac")],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert done.stdout.split() == ["1", "False", "False"]
    assert list(tmp_path.rglob("*")) == []  # no id of the device, no events


@pytest.mark.parametrize(("detector", "frame_s"), [("webrtcvad", 0.03), ("silero", 0.032)])
def test_short_silence_is_filled_and_short_speech_dropped(detector, frame_s):
    flags = "..SSSS" + 7 * "." + "SSSS" + 8 * "." + "SS" + 20 * "." + "SSS."
    decisions = np.array([flag == "S" for flag in flags])
    smoothing = {"min_silence_ms": 240, "min_speech_ms": 90, "padding_ms": 0}
    options = VadOptions(detector=detector, **smoothing)
    found = smoothed(decisions, len(flags) * frame_s, options)
    # Of 8 frames the silence lasts 240 ms or 256: it stays. Speech of 2 frames is no word.
    expected = [(2, 17), (47, 50)]
    assert np.allclose(found, np.array(expected) * frame_s)


def test_padding_stays_within_the_recording_and_joins():
    smoothing = {"min_silence_ms": 0, "min_speech_ms": 0, "padding_ms": 90}
    options = VadOptions(detector="webrtcvad", **smoothing)
    decisions = np.zeros(40, bool)
    decisions[[0, 1, 5, 6, 38, 39]] = True
    found = smoothed(decisions, 1.2, options)
    assert np.allclose(found, [(0, 0.3), (1.05, 1.2)])


def test_wrong_options_say_what_is_allowed():
    for wrong in ({"detector": "energy"}, {"threshold": 1.5}, {"aggressiveness": 4}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            VadOptions(**wrong)
