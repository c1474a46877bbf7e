"""CLAR's options: views, encoder, training and evaluation. Light: no torch here."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Interval, MultipleOf

from aubert.audio import SAMPLE_RATE_HZ
from aubert.learn.options import TrainOptions
from aubert.options import (
    NaturalFloat,
    NaturalInt,
    PositiveFloat,
    PositiveInt,
    Share,
    ShareBelowOne,
    options_class,
)

# Training costs hours, so an edit of its code does not start it again: raise this when other
# weights would come out, and the workflow does.
VERSION = 3

WINDOW_S, HOP_S = 0.016, 0.008  # of the spectrogram, the paper's
MIN_CLIP_SECONDS = 0.05  # shorter ones say nothing
Loss = Literal["contrastive", "joint", "supcon", "supervised"]


@options_class
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

    view_probability: Share = 0.5
    pitch_semitones: Annotated[float, Interval(ge=0, le=24)] = 15.0
    stretch_min: Annotated[float, Interval(ge=0.25, le=1)] = 0.5
    stretch_max: Annotated[float, Interval(ge=1, le=4)] = 1.5
    shift_share: Annotated[float, Interval(ge=0, le=0.5)] = 0.5
    fade_share: Annotated[float, Interval(ge=0, le=0.5)] = 0.5
    noise: bool = True
    noise_min_db: float = 0.0
    noise_max_db: float = 30.0
    mask_share: Annotated[float, Interval(ge=0, le=0.5)] = 0.125

    def __post_init__(self) -> None:
        if self.noise_min_db > self.noise_max_db:
            raise ValueError(
                f"noise_min_db ({self.noise_min_db:g}) is above noise_max_db "
                f"({self.noise_max_db:g}); exchange them"
            )


@options_class
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
    width: Annotated[int, Ge(8), MultipleOf(8)] = 64
    sample_rate_hz: Literal[8_000, 16_000] = SAMPLE_RATE_HZ
    clip_seconds: Annotated[float, Ge(0.1)] = 1.0
    head_dim: PositiveInt = 128
    loss: Loss = "contrastive"
    temperature: PositiveFloat = 0.5
    same_group: bool = False

    def __post_init__(self) -> None:
        if self.encoder == "hubert" and self.sample_rate_hz != SAMPLE_RATE_HZ:
            raise ValueError(
                f"sample_rate_hz is {self.sample_rate_hz}, but hubert wants {SAMPLE_RATE_HZ}"
            )


@options_class
class ClarTrainOptions(TrainOptions):
    """A training of CLAR.

    batch_clips: in one step, two views of each
    labelled_share: of a step's clips that have labels, with the joint loss; as far as there are
      so many, and all where all have; no effect on the other losses
    versions: of each clip, stretched and shifted in pitch, are made once and drawn from, as these
      cost more than a step of a small network; 0: new ones for every view
    step_seconds: no effect: a contrast is of one batch, which is a step
    batch_seconds: no effect
    max_seconds: no effect: clip_seconds of the model
    min_seconds: no effect
    """

    lr: PositiveFloat = 1e-3
    schedule: Literal["linear", "cosine", "tri_stage", "constant"] = "cosine"
    steps: PositiveInt = 20_000
    warmup_steps: NaturalInt = 500
    weight_decay: NaturalFloat = 1e-4
    beta2: ShareBelowOne = 0.999
    epsilon: PositiveFloat = 1e-8
    min_seconds: PositiveFloat = 0.05
    step_seconds: PositiveFloat = 1e-3
    batch_clips: PositiveInt = 256
    labelled_share: Annotated[float, Interval(gt=0, le=1)] = 0.5
    versions: NaturalInt = 0


SUPERVISED = "supervised"  # the arm that others are compared with


@options_class
class ReadOptions:
    """How frozen features are read.

    draws: of the labels, for each fold and budget below 100%
    regularisation: C of the logistic regression, over standardised features
    """

    draws: PositiveInt = 3
    regularisation: PositiveFloat = 0.1
