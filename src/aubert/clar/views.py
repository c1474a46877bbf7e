"""Views of a clip: CLAR's six alterations of the waveform, batched, never in place.

Stretch and pitch change a clip's length, so they are made clip by clip (`stretched`), before
clips are brought to one length; the others (`altered`) take all rows at once, on any device.
Everything random is drawn ahead, by `draw_stretch` and `draw_alterations`, from one generator:
the same seed gives the same views on CPU and GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import torch
from torchaudio.functional import phase_vocoder

from aubert.clar.options import ViewOptions

VOCODER_WINDOW_S, VOCODER_HOP_S = 0.032, 0.008
# Exponents of the spectrum's amplitude: white, pink (power 1 / f), brown (power 1 / f^2).
NOISE_SLOPES = (0.0, -0.5, -1.0)
NUM_FADES = 3  # linear, logarithmic, exponential


def draw_stretch(rng: np.random.Generator, options: ViewOptions) -> tuple[float, float]:
    """(speed, semitones) of one view; (1, 0): as it is."""
    speed, semitones = 1.0, 0.0
    if rng.random() < options.view_probability:
        speed = rng.uniform(options.stretch_min, options.stretch_max)
    if rng.random() < options.view_probability:
        semitones = rng.uniform(-options.pitch_semitones, options.pitch_semitones)
    return float(speed), float(semitones)


def stretched(
    samples: torch.Tensor, speed: float, semitones: float, sample_rate_hz: int
) -> torch.Tensor:
    """`samples` [n] at another speed, and shifted in pitch: [round(n / speed)], a new tensor.

    One pass of a phase vocoder changes the length by pitch / speed and keeps the pitch; what
    comes out is resampled by the pitch. Formants move with it, as with any such shift.
    """
    ratio = 2.0 ** (semitones / 12)
    wanted = max(1, round(len(samples) / speed))
    if speed == ratio == 1:
        return samples.clone()
    longer = max(1, round(wanted * ratio))
    if speed != ratio:
        samples = _vocoded(samples, longer, sample_rate_hz)
    return _resampled(samples, wanted)


def _vocoded(samples: torch.Tensor, wanted: int, sample_rate_hz: int) -> torch.Tensor:
    """`samples` [n] over `wanted` samples of time, at their pitch."""
    window, hop = (round(s * sample_rate_hz) for s in (VOCODER_WINDOW_S, VOCODER_HOP_S))
    hann, advance = _vocoder_constants(window, hop, samples.device)
    # Constant, as clips may be shorter than a window.
    spectrum = torch.stft(
        samples, window, hop, window=hann, pad_mode="constant", return_complex=True
    )
    spectrum = phase_vocoder(spectrum, len(samples) / wanted, advance)
    return torch.istft(spectrum, window, hop, window=hann, length=wanted)


@lru_cache(maxsize=8)
def _vocoder_constants(window: int, hop: int, device: torch.device):
    advance = torch.linspace(0, torch.pi * hop, window // 2 + 1, device=device)[:, None]
    return torch.hann_window(window, device=device), advance


def _resampled(samples: torch.Tensor, wanted: int) -> torch.Tensor:
    """The same sound in `wanted` samples, without aliases: its spectrum, cut or padded."""
    if wanted == len(samples):
        return samples.clone()
    spectrum = torch.fft.rfft(samples)[: wanted // 2 + 1]
    return torch.fft.irfft(spectrum, wanted) * (wanted / len(samples))


@dataclass(frozen=True)
class Alterations:
    """What is done to each row; all tensors [rows], but noise [rows, samples].

    shift: samples that the row is rolled by
    fade_in, fade_out: samples; fade_shape: 0 linear, 1 logarithmic, 2 exponential
    noise: white, to be given `slope`; snr_db: of row to noise, infinite where there is none
    mask_start, mask_length: samples
    """

    shift: torch.Tensor
    fade_in: torch.Tensor
    fade_out: torch.Tensor
    fade_shape: torch.Tensor
    noise: torch.Tensor
    slope: torch.Tensor
    snr_db: torch.Tensor
    mask_start: torch.Tensor
    mask_length: torch.Tensor

    def of(self, rows: torch.Tensor) -> Alterations:
        """Those of some of the rows."""
        return self._each(lambda tensor: tensor[rows])

    def to(self, device: torch.device) -> Alterations:
        return self._each(lambda tensor: tensor.to(device))

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Alterations:
        return Alterations(
            **{field.name: change(getattr(self, field.name)) for field in fields(self)}
        )


def draw_alterations(
    rng: np.random.Generator, num_rows: int, num_samples: int, options: ViewOptions
) -> Alterations:
    """What becomes of each of `num_rows` rows of `num_samples`."""

    def lengths(low: float, high: float, happens: np.ndarray) -> np.ndarray:
        """Samples; `low` and `high` are shares of the row."""
        return (rng.uniform(low, high, num_rows) * num_samples * happens).astype(np.int64)

    shifted, faded, noisy, masked = rng.random((4, num_rows)) < options.view_probability
    share = options.shift_share
    mask_length = lengths(0, options.mask_share, masked)
    snr_db = rng.uniform(options.noise_min_db, options.noise_max_db, num_rows)
    values = {
        "shift": lengths(-share, share, shifted),
        "fade_in": lengths(0, options.fade_share, faded),
        "fade_out": lengths(0, options.fade_share, faded),
        "fade_shape": rng.integers(0, NUM_FADES, num_rows),
        "noise": rng.standard_normal((num_rows, num_samples), np.float32),
        "slope": rng.choice(np.float32(NOISE_SLOPES), num_rows),
        "snr_db": np.where(noisy & options.noise, snr_db, np.inf).astype(np.float32),
        "mask_start": (rng.random(num_rows) * (num_samples - mask_length + 1)).astype(np.int64),
        "mask_length": mask_length,
    }
    return Alterations(**{name: torch.from_numpy(value) for name, value in values.items()})


def altered(rows: torch.Tensor, how: Alterations) -> torch.Tensor:
    """`rows` [rows, samples], rolled, faded, with noise, masked: a new tensor."""
    steps = torch.arange(rows.shape[1], device=rows.device)
    out = rows.gather(1, (steps - how.shift[:, None]) % rows.shape[1])
    out = out * _fade(steps, how.fade_in, how.fade_shape)
    out = out * _fade(steps.flip(0), how.fade_out, how.fade_shape)
    out = out + coloured_noise(out, how.noise, how.slope, how.snr_db)
    behind = steps - how.mask_start[:, None]
    return out.masked_fill_((behind >= 0) & (behind < how.mask_length[:, None]), 0.0)


def _fade(steps: torch.Tensor, length: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
    """The gain [rows, samples] of a fade in over `length` samples, 1 behind it."""
    done = (steps / length[:, None].clamp(min=1)).clamp(max=1)
    gains = torch.stack([done, (0.1 + done).log10() + 1, 2 ** (done - 1) * done])
    gain = gains[shape, torch.arange(len(shape), device=shape.device)].clamp(0, 1)
    return gain.masked_fill_(steps >= length[:, None], 1.0)


def coloured_noise(
    rows: torch.Tensor, white: torch.Tensor, slope: torch.Tensor, snr_db: torch.Tensor
) -> torch.Tensor:
    """Noise [rows, samples] of which each row has `snr_db` less energy than that of `rows`.

    white: of unit variance; slope: of the amplitude over frequency, in powers of it. Silence
    gets no noise.
    """
    spectrum = torch.fft.rfft(white)
    frequency = torch.arange(spectrum.shape[1], device=rows.device).clamp(min=1)
    noise = torch.fft.irfft(spectrum * frequency ** slope[:, None], rows.shape[1])
    noise = noise - noise.mean(1, keepdim=True)
    energy = noise.square().sum(1).clamp(min=torch.finfo(noise.dtype).tiny)
    gain = (rows.square().sum(1) / energy).sqrt() * 10 ** (-snr_db / 20)
    return noise * gain[:, None]


def placed(
    clips: list[torch.Tensor], num_samples: int, rng: np.random.Generator | None
) -> torch.Tensor:
    """[clips, num_samples]: short clips in the middle of silence, of long ones a part: a random
    one, or the middle where rng is None."""
    out = clips[0].new_zeros(len(clips), num_samples)
    for row, clip in zip(out, clips, strict=True):
        over = len(clip) - num_samples
        if over <= 0:
            row[-over // 2 : -over // 2 + len(clip)] = clip
        else:
            start = over // 2 if rng is None else int(rng.integers(over + 1))
            row.copy_(clip[start : start + num_samples])
    return out
