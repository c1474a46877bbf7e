"""Sounds that hold no speech, made of random numbers: noise and music."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

RATE_HZ = 16_000
NOISE = {"white": 0.0, "pink": 0.5, "brown": 1.0}  # power of 1/f in the amplitude
KINDS = (*NOISE, "tones", "chords", "drums", "melody")


def sound(kind: str, num_samples: int, rng: np.random.Generator) -> np.ndarray:
    """float64 [num_samples] at 16 kHz, of no particular level. kind: one of KINDS."""
    if kind in NOISE:
        return _noise(NOISE[kind], num_samples, rng)
    return _music(_NOTES[kind], num_samples, rng)


def at_level(samples: np.ndarray, level_db: float) -> np.ndarray:
    """The samples with a root mean square of `level_db`, in dB of full scale."""
    return samples / np.sqrt(np.mean(samples**2)) * 10 ** (level_db / 20)


def _noise(power: float, num_samples: int, rng: np.random.Generator) -> np.ndarray:
    size = next_fast_len(num_samples, real=True)
    frequency_hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    spectrum = rfft(rng.standard_normal(size)) / np.maximum(frequency_hz, 20) ** power
    return irfft(spectrum, size)[:num_samples]


def _music(
    note: Callable[[np.ndarray, np.random.Generator], np.ndarray],
    num_samples: int,
    rng: np.random.Generator,
) -> np.ndarray:
    notes, filled = [], 0
    while filled < num_samples:
        clock = np.arange(int(RATE_HZ * rng.uniform(0.15, 0.6))) / RATE_HZ
        notes.append(note(clock, rng))
        filled += len(clock)
    return np.concatenate(notes)[:num_samples]


def _harmonics(frequency_hz: float, clock: np.ndarray, number: int) -> np.ndarray:
    return sum(np.sin(2 * np.pi * frequency_hz * k * clock) / k for k in range(1, number + 1))


def _tone(clock: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.sin(2 * np.pi * rng.uniform(100, 4000) * clock)


def _chord(clock: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A major chord that dies away, as of a plucked instrument."""
    root_hz = 110 * 2 ** (rng.integers(24) / 12)
    chord = sum(_harmonics(root_hz * ratio, clock, 6) for ratio in (1, 5 / 4, 3 / 2))
    return chord * np.exp(-3 * clock)


def _drum(clock: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A falling tone and noise, both dying away fast."""
    tone = np.sin(2 * np.pi * rng.uniform(50, 120) * clock * (1 + np.exp(-30 * clock)))
    noise = rng.uniform(0, 1) * rng.standard_normal(len(clock))
    return np.exp(-rng.uniform(8, 40) * clock) * (tone + noise)


def _held(clock: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A note with vibrato, the most like a voice."""
    vibrato = clock + 0.01 / (2 * np.pi * 5.5) * np.sin(2 * np.pi * 5.5 * clock)
    return _harmonics(196 * 2 ** (rng.integers(20) / 12), vibrato, 11) * np.minimum(1, clock / 0.03)


_NOTES = {"tones": _tone, "chords": _chord, "drums": _drum, "melody": _held}
