"""The views, the encoder and the losses of CLAR. Light: no torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aubert.audio import SAMPLE_RATE_HZ

# Training costs hours, so an edit of its code does not start it again: raise this when other
# weights would come out, and the workflow does.
VERSION = 3

WINDOW_S, HOP_S = 0.016, 0.008  # of the spectrogram, the paper's
MIN_CLIP_SECONDS = 0.05  # shorter ones say nothing
Loss = Literal["contrastive", "joint", "supcon", "supervised"]


@dataclass(frozen=True, kw_only=True)
class ViewOptions:
    """How a clip is altered, on the waveform; the defaults are the paper's ranges.

    view_probability: of each alteration, in each view
    pitch_semitones: that the pitch is shifted by, up or down, formants with it; 0: never
    stretch_min: the slowest speed, the pitch kept; 1 with stretch_max 1: never
    stretch_max: the fastest speed
    shift_share: of the clip that it is rolled by, either way; 0: never
    fade_share: of the clip that a fade in takes, and a fade out; linear, logarithmic or
      exponential; 0: never
    noise: white, pink or brown noise, or never
    noise_min_db: the lowest ratio of signal to noise
    noise_max_db: the highest
    mask_share: of the clip that is silenced, at a random place; 0: never
    """

    view_probability: float = 0.5
    pitch_semitones: float = 15.0
    stretch_min: float = 0.5
    stretch_max: float = 1.5
    shift_share: float = 0.5
    fade_share: float = 0.5
    noise: bool = True
    noise_min_db: float = 0.0
    noise_max_db: float = 30.0
    mask_share: float = 0.125

    def __post_init__(self) -> None:
        if not 0 <= self.view_probability <= 1:
            raise ValueError(f"view_probability is {self.view_probability:g}; it must lie in 0..1")
        if not 0 <= self.pitch_semitones <= 24:
            raise ValueError(
                f"pitch_semitones is {self.pitch_semitones:g}; it must lie in 0..24, two octaves"
            )
        if not 0.25 <= self.stretch_min <= 1 <= self.stretch_max <= 4:
            raise ValueError(
                f"stretch_min ({self.stretch_min:g}) must lie in 0.25..1 and stretch_max "
                f"({self.stretch_max:g}) in 1..4"
            )
        for name in ("shift_share", "fade_share", "mask_share"):
            if not 0 <= getattr(self, name) <= 0.5:
                raise ValueError(f"{name} is {getattr(self, name):g}; it must lie in 0..0.5")
        if self.noise_min_db > self.noise_max_db:
            raise ValueError(
                f"noise_min_db ({self.noise_min_db:g}) is above noise_max_db "
                f"({self.noise_max_db:g}); exchange them"
            )


@dataclass(frozen=True, kw_only=True)
class ClarOptions:
    """The encoder, and what it is trained by; the defaults are the paper's.

    encoder: time_frequency is ResNet-18 over log-STFT, phase and log-mel, raw over the waveform,
      hubert a HuBERT that goes on learning, its last layer's mean over time
    width: of the first of the ResNet's four stages, each twice as wide as the one before;
      smaller ones have 8 or 16; no effect on hubert
    sample_rate_hz: that clips are resampled to; hubert wants 16000
    clip_seconds: shorter clips stand in silence, of longer ones a part is taken
    head_dim: of the vectors that are contrasted
    loss: contrastive is NT-Xent, of no labels; joint is CLAR's, with cross-entropy on the labelled
      clips; supcon and supervised, cross-entropy, learn from labelled clips alone
    temperature: that the cosines are divided by
    same_group: clips are contrasted with those of their own group only (a speaker's with the same
      speaker's), so that the voice does not help to tell them apart; the paper does not
    """

    encoder: Literal["time_frequency", "raw", "hubert"] = "time_frequency"
    width: int = 64
    sample_rate_hz: int = SAMPLE_RATE_HZ
    clip_seconds: float = 1.0
    head_dim: int = 128
    loss: Loss = "contrastive"
    temperature: float = 0.5
    same_group: bool = False

    def __post_init__(self) -> None:
        if self.width < 8 or self.width % 8:
            raise ValueError(f"width is {self.width}; it must be a multiple of 8")
        if self.sample_rate_hz not in (8_000, 16_000):
            raise ValueError(f"sample_rate_hz is {self.sample_rate_hz}; it must be 8000 or 16000")
        if self.encoder == "hubert" and self.sample_rate_hz != SAMPLE_RATE_HZ:
            raise ValueError(
                f"sample_rate_hz is {self.sample_rate_hz}, but hubert wants {SAMPLE_RATE_HZ}"
            )
        if self.clip_seconds < 0.1:
            raise ValueError(f"clip_seconds is {self.clip_seconds:g}; it must be at least 0.1")
        if self.head_dim < 1:
            raise ValueError(f"head_dim is {self.head_dim}; it must be at least 1")
        if self.temperature <= 0:
            raise ValueError(f"temperature is {self.temperature:g}; it must be above 0")
