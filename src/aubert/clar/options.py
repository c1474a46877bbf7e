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
MIN_CLIP_SECONDS = 0.05  # shorter ones hold no sound of a word
Loss = Literal["contrastive", "joint", "supcon", "supervised"]


@options_class
class ViewOptions:
    """How a clip is augmented, on the waveform; the defaults are the paper's ranges.

    view_probability: probability of each augmentation in each view
    pitch_semitones: largest shift of the pitch, up or down, formants with it; 0: none
    stretch_min: slowest speed, the pitch kept; 1 together with stretch_max 1: no stretching
    stretch_max: fastest speed
    shift_share: largest roll, either way, as a share of the clip; 0: none
    fade_share: longest fade in, and fade out, as a share of the clip, linear, logarithmic or
      exponential; 0: none
    noise: whether white, pink or brown noise is added
    noise_min_db: lowest signal-to-noise ratio, in dB
    noise_max_db: highest signal-to-noise ratio, in dB
    mask_share: longest silenced stretch, at a random place, as a share of the clip; 0: none
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
    """The encoder and its loss; the defaults are the paper's.

    encoder: time_frequency is a ResNet-18 over log-STFT, phase and log-mel; raw one over the
      waveform; hubert a HuBERT that is trained on, the mean of its last layer over time
    width: channels of the first of the ResNet's four stages, each twice as wide as the one before;
      no effect on hubert
    sample_rate_hz: rate that clips are resampled to; hubert needs 16000
    clip_seconds: length of an input, in seconds; shorter clips are padded with silence, longer
      ones are cropped
    head_dim: width of the vectors that are contrasted
    loss: contrastive is NT-Xent without labels; joint is CLAR's, which adds cross-entropy on the
      labelled clips; supcon and supervised (cross-entropy) use labelled clips alone
    temperature: divisor of the cosines
    same_group: whether negatives are of the same group only (the same speaker), so that the voice
      does not help; the paper takes all
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

    batch_clips: clips of a step, two views of each
    labelled_share: share of a step's clips that have labels, with the joint loss, as far as there
      are as many; no effect on the other losses
    versions: stretched and pitch-shifted versions of each clip that are made once and drawn from,
      since these cost more than a step of a small network; 0: new ones for every view
    step_seconds: no effect: a step is one batch
    batch_seconds: no effect
    max_seconds: no effect: clip_seconds of the model holds
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
    """How frozen features are read by a linear classifier.

    draws: draws of the labels for each fold and each budget below 100%
    regularisation: C of the logistic regression, over standardised features
    """

    draws: PositiveInt = 3
    regularisation: PositiveFloat = 0.1
