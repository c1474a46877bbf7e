"""Recordings as MP3."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from mutagen.mp3 import MP3, BitrateMode

from aubert.export.mp3 import write_mp3


def tones(rate_hz: int) -> np.ndarray:
    """Two seconds of hiss, then two of a quiet tone: what a variable bit rate follows."""
    hiss = np.random.default_rng(0).standard_normal(2 * rate_hz) * 0.1
    tone = np.sin(np.arange(2 * rate_hz) * 440 * 2 * np.pi / rate_hz) * 0.1
    return np.concatenate([hiss, tone]).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 24000, 44100, 48000, 96000])
def test_the_bit_rate_is_constant(tmp_path, rate_hz):
    samples = tones(rate_hz)
    soundfile.write(tmp_path / "a.flac", np.stack([samples, samples], axis=1), rate_hz)
    write_mp3(tmp_path / "a.flac", tmp_path / "a.mp3")
    info = MP3(tmp_path / "a.mp3").info
    assert (info.bitrate_mode, info.channels) == (BitrateMode.CBR, 1)
    assert info.bitrate == pytest.approx(64_000, abs=10)
    decoded, found_hz = soundfile.read(tmp_path / "a.mp3")
    assert found_hz == (24_000 if rate_hz == 96_000 else rate_hz)
    assert len(decoded) / found_hz == pytest.approx(4, abs=0.001)
    # The tone begins where it did.
    after = decoded[round(2.01 * found_hz) : round(2.5 * found_hz)]
    assert np.abs(np.diff(np.sign(after))).sum() / 2 == pytest.approx(0.49 * 880, abs=3)


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_an_mp3_is_copied_where_its_bit_rate_is_constant(tmp_path, mode):
    source, target = tmp_path / "a.mp3", tmp_path / "b.mp3"
    soundfile.write(source, tones(22_050), 22_050, bitrate_mode=mode, compression_level=0.5)
    write_mp3(source, target)
    assert (source.read_bytes() == target.read_bytes()) == (mode == "CONSTANT")
    assert MP3(target).info.bitrate_mode == BitrateMode.CBR


def test_the_inputs_that_failed(faults, tmp_path):
    for path in (*faults.glob("K1-*/in/*/*.mp3"), *faults.glob("K2-*/in/*/*.mp3")):
        write_mp3(path, tmp_path / "a.mp3")
        info = MP3(tmp_path / "a.mp3").info
        assert info.bitrate_mode == BitrateMode.CBR
