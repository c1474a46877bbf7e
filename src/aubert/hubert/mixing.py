"""Utterance mixing: another voice, or noise, in a stretch of what the encoder takes in.

WavLM (Chen et al. 2022, "Utterance Mixing Training"): the labels stay those of the utterance, so
the encoder learns whose speech to follow. Lengths, places and levels are drawn as its published
training code draws them, but that a row is never mixed with itself; its noise is recorded, this
one's is made.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Level of the utterance above what is mixed in, in dB.
VOICE_DB = (-5.0, 5.0)
NOISE_DB = (-5.0, 20.0)
_MOST_SLOPE = 2.0  # of the noise's power by frequency: from white, 0, to brown


def mixed(
    rows: Sequence[np.ndarray], mix_share: float, noise_share: float, rng: np.random.Generator
) -> list[np.ndarray]:
    """The rows, float32 [num_samples] in [-1, 1], some with a stretch of at most half their length
    in which something else sounds.

    mix_share: probability of a row to get some; noise_share: of noise then, else it is another row.
    A row without another gets noise. With a mix_share of 0 nothing is drawn from `rng`.
    """
    if not mix_share:
        return list(rows)
    return [
        _with_another(rows, place, noise_share, rng) if rng.random() < mix_share else row
        for place, row in enumerate(rows)
    ]


def _with_another(
    rows: Sequence[np.ndarray], place: int, noise_share: float, rng: np.random.Generator
) -> np.ndarray:
    row = rows[place]
    if rng.random() < noise_share or len(rows) == 1:
        other, above_db = _noise(len(row), rng), rng.uniform(*NOISE_DB)
    else:
        other = rows[(place + rng.integers(1, len(rows))) % len(rows)]
        above_db = rng.uniform(*VOICE_DB)
    power, other_power = (float(np.mean(np.square(one))) for one in (row, other))
    if not other_power:
        return row
    length = int(rng.integers(0, min(len(row) // 2, len(other)) + 1))
    start, first = (int(rng.integers(0, len(one) - length + 1)) for one in (row, other))
    gain = np.float32(np.sqrt(power / other_power * 10 ** (-above_db / 10)))
    result = row.copy()
    result[start : start + length] += gain * other[first : first + length]
    return result


def _noise(num_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Between white and brown."""
    spectrum = np.fft.rfft(rng.standard_normal(num_samples))
    frequency = np.maximum(np.arange(len(spectrum)), 1)
    spectrum *= frequency ** (-rng.uniform(0, _MOST_SLOPE) / 2)
    return np.fft.irfft(spectrum, num_samples).astype(np.float32)
