"""39-d MFCC as Kaldi computes them, fast.

The same numbers as torchaudio.compliance.kaldi.mfcc(use_energy=False) with
torchaudio.functional.compute_deltas twice, which is what fairseq's dump_mfcc_feature
does: 25 ms povey windows every 10 ms, 23 mel bands from 20 Hz, 13 cepstra with lifter 22,
no dither, only whole windows, no mean normalisation. torchaudio.transforms.MFCC gives
other numbers: codebooks of the two cannot be exchanged.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from aubert.audio import SAMPLE_RATE_HZ

WINDOW_SAMPLES = 400
HOP_SAMPLES = 160
RATE_HZ = SAMPLE_RATE_HZ / HOP_SAMPLES
NUM_CEPSTRA = 13
DIM = 3 * NUM_CEPSTRA

_FFT = 512
_NUM_MELS = 23
_LOW_HZ = 20.0
_PREEMPHASIS = 0.97
_LIFTER = 22
# Frames at a time: their spectra stay in the cache, and memory does not grow with the audio.
# Every utterance is cut alone and from its start, so its bytes do not depend on its neighbours.
_BLOCK_FRAMES = 1024


def num_frames(num_samples: int) -> int:
    """Frames of an utterance at 16 kHz; 0 for one shorter than a window."""
    return max(0, (num_samples - WINDOW_SAMPLES) // HOP_SAMPLES + 1)


def mfcc(samples: np.ndarray, normalise_mean: bool = False) -> np.ndarray:
    """MFCC with first and second differences: float32 [num_frames, 39], static first.

    samples: mono float at 16 kHz in [-1, 1]; any length. Beside the result, memory for
    1,024 frames is needed. normalise_mean: subtract the utterance's mean, which takes
    the recording's channel out; fairseq's features have it in.
    """
    import torch

    with torch.inference_mode():
        wave = torch.from_numpy(np.ascontiguousarray(samples, np.float32))
        features = torch.empty(num_frames(len(wave)), DIM)
        if not len(features):
            return features.numpy()
        static, first, second = features.split(NUM_CEPSTRA, dim=1)
        windows = wave.unfold(0, WINDOW_SAMPLES, HOP_SAMPLES)
        for start in range(0, len(windows), _BLOCK_FRAMES):
            block = slice(start, start + _BLOCK_FRAMES)
            static[block] = _cepstra(windows[block])
        first[:] = _differences(static)
        second[:] = _differences(first)
        if normalise_mean:
            features -= features.mean(dim=0)
        return features.numpy()


def _cepstra(windows):
    """[n, 400] samples -> [n, 13] cepstra."""
    import torch

    window, mels, cosines = _constants()
    centred = windows - windows.mean(dim=1, keepdim=True)
    # Operation for operation as torchaudio, its float32 window included: what is rounded off
    # here is as loud as the weakest bands, and another rounding moves cepstra by 0.005.
    emphasised = centred[:, 1:] - _PREEMPHASIS * centred[:, :-1]
    # The first sample, which Kaldi emphasises against itself, is zeroed by the window.
    framed = torch.zeros(len(windows), _FFT)
    torch.mul(emphasised, window[1:], out=framed[:, 1:WINDOW_SAMPLES])
    spectrum = torch.view_as_real(torch.fft.rfft(framed)).square_()
    power = spectrum[..., 0] + spectrum[..., 1]
    return (power @ mels).clamp_min_(torch.finfo(torch.float32).eps).log_() @ cosines


def _differences(features):
    """Regression over two frames on each side, the edges repeated (HTK book, eq. 5.16)."""
    import torch

    edge = torch.cat([features[:1]] * 2 + [features] + [features[-1:]] * 2)
    near, far = edge[3:-1] - edge[1:-3], edge[4:] - edge[:-4]
    return (near + 2 * far) / 10


@cache
def _constants():
    """The window [400], the mel bands [257, 23] and the liftered cosines [23, 13]."""
    import torch

    window = torch.hann_window(WINDOW_SAMPLES, periodic=False).pow(0.85)
    bins = _mel(torch.arange(_FFT // 2 + 1, dtype=torch.float64) * SAMPLE_RATE_HZ / _FFT)
    low, high = _mel(torch.tensor([_LOW_HZ, SAMPLE_RATE_HZ / 2], dtype=torch.float64))
    edges = torch.linspace(float(low), float(high), _NUM_MELS + 2, dtype=torch.float64)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins[:, None] - left) / (centre - left)
    falling = (right - bins[:, None]) / (right - centre)
    mels = torch.minimum(rising, falling).clamp_min(0)
    mels[-1] = 0  # Kaldi's bands end before the Nyquist bin

    order = torch.arange(NUM_CEPSTRA, dtype=torch.float64)
    band = torch.arange(_NUM_MELS, dtype=torch.float64)[:, None] + 0.5
    cosines = torch.cos(torch.pi / _NUM_MELS * band * order) * (2 / _NUM_MELS) ** 0.5
    cosines[:, 0] = (1 / _NUM_MELS) ** 0.5
    cosines *= 1 + _LIFTER / 2 * torch.sin(torch.pi * order / _LIFTER)
    return window, mels.float(), cosines.float()


def _mel(hz):
    return 1127 * (1 + hz / 700).log()
