"""Log-mel energies: what HuBERT's log-mel front end and random-projection targets are made of."""

from __future__ import annotations

from aubert.audio import SAMPLE_RATE_HZ
from aubert.encoders import WINDOW_SAMPLES

NUM_MELS = 80
MEL_HOP_SAMPLES = 160  # 10 ms
MEL_RATE_HZ = SAMPLE_RATE_HZ / MEL_HOP_SAMPLES
FLOOR = 1e-5  # of the mel energies: below the noise of a 16-bit recording


def window_and_filters():
    """A Hann window [400] and the mel bands of its spectrum, [257, 80]: 20 to 7,600 Hz."""
    import torch
    from torchaudio.functional import melscale_fbanks

    filters = melscale_fbanks(257, 20.0, 7600.0, NUM_MELS, SAMPLE_RATE_HZ)
    return torch.hann_window(WINDOW_SAMPLES), filters


def log_mel(samples, window, filters):
    """Samples [..., num_samples] at 16 kHz -> [..., num_frames, 80] of every whole window of 25 ms,
    one every 10 ms. window, filters: of window_and_filters, on the samples' device."""
    import torch

    frames = samples.unfold(-1, WINDOW_SAMPLES, MEL_HOP_SAMPLES) * window
    power = torch.fft.rfft(frames, n=512).abs().square()
    return (power @ filters + FLOOR).log()
