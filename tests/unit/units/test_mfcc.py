"""MFCC against torchaudio's Kaldi compliance code, as fairseq calls it."""

import numpy as np
import pytest
import torch
import torchaudio

from aubert.audio import decode
from aubert.units import mfcc as module
from aubert.units.mfcc import mfcc, num_frames


def reference(samples):
    static = torchaudio.compliance.kaldi.mfcc(torch.from_numpy(samples)[None], use_energy=False)
    first = torchaudio.functional.compute_deltas(static.T)
    second = torchaudio.functional.compute_deltas(first)
    return torch.cat([static.T, first, second]).T.numpy()


def noise(num_samples, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(num_samples)).astype(np.float32)


def speech(num_samples):
    """A buzz with a gliding pitch, syllables, pauses of digital silence, and an offset."""
    time = np.arange(num_samples) / 16_000
    phase = np.cumsum(2 * np.pi * (120 + 30 * np.sin(2 * np.pi * 0.7 * time)) / 16_000)
    buzz = sum(np.sin(k * phase) / k for k in range(1, 30))
    syllables = np.clip(np.sin(2 * np.pi * 3 * time), 0, None)
    return (0.2 * buzz * syllables * (time % 2 < 1.5) + 0.01).astype(np.float32)


@pytest.mark.parametrize("num_samples", [400, 559, 560, 719, 720, 721, 1600, 16_000, 190_800])
@pytest.mark.parametrize("make", [noise, speech])
def test_equals_kaldi(make, num_samples):
    samples = make(num_samples)
    features = mfcc(samples)
    assert features.dtype == np.float32
    assert features.shape == ((num_samples - 400) // 160 + 1, 39)
    np.testing.assert_allclose(features, reference(samples), atol=1e-3)


def test_equals_kaldi_on_real_speech(real):
    """Quiet passages between words are where float32's rounding shows."""
    paths = sorted((real / "librispeech_speakers").rglob("*.flac"))[::6]
    assert paths
    for path in paths:
        samples = decode(path)
        np.testing.assert_allclose(mfcc(samples), reference(samples), atol=1e-3)


def test_shorter_than_a_window_has_no_frame():
    assert mfcc(noise(399)).shape == (0, 39)
    assert mfcc(noise(0)).shape == (0, 39)
    assert [num_frames(n) for n in (0, 399, 400, 559, 560)] == [0, 0, 1, 1, 2]


def test_long_audio_in_blocks_is_as_in_one_piece(monkeypatch):
    samples = speech(400_000)
    in_blocks = mfcc(samples)
    monkeypatch.setattr(module, "_BLOCK_FRAMES", 10**6)
    np.testing.assert_allclose(in_blocks, mfcc(samples), atol=1e-4)


def test_mean_normalised_features_have_no_mean():
    features = mfcc(speech(80_000), normalise_mean=True)
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-4)
    plain = mfcc(speech(80_000))
    np.testing.assert_allclose(features, plain - plain.mean(axis=0), atol=1e-4)
