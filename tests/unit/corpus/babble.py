"""Sound that voice activity detectors take for speech, and one that they should not."""

import numpy as np


def babble(seconds: float, rate_hz: int = 16_000, seed: int = 0) -> np.ndarray:
    """Harmonics with a syllable rhythm: speech for webrtcvad. float64 [seconds x rate_hz]."""
    clock = np.arange(int(seconds * rate_hz)) / rate_hz
    pitch = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * clock)) / rate_hz
    voiced = sum(np.sin(n * pitch) / n for n in range(1, 25))
    rhythm = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * clock)
    return 0.1 * voiced * rhythm + 1e-4 * np.random.default_rng(seed).standard_normal(len(clock))


def chords(seconds: float, rate_hz: int = 16_000) -> np.ndarray:
    """Chords of harmonic notes, twice a second, that die away. float64 [seconds x rate_hz]."""
    clock = np.arange(int(seconds * rate_hz)) / rate_hz
    beat = clock % 0.5
    root = 110 * 2 ** ((np.floor(clock / 0.5) * 5 % 24) / 12)
    notes = sum(
        np.sin(2 * np.pi * root * ratio * k * beat) / k
        for ratio in (1, 1.26, 1.5)
        for k in range(1, 7)
    )
    return 0.1 * notes * np.exp(-4 * beat)
