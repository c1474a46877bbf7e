"""Deep clustering's options: mixtures, network, training, separation. Light: no torch here."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Interval

from aubert.learn.options import TrainOptions
from aubert.options import (
    Device,
    NaturalFloat,
    NaturalInt,
    PositiveFloat,
    PositiveInt,
    Share,
    ShareBelowOne,
    options_class,
)

SAMPLE_RATE_HZ = 8_000  # of mixtures and of what they are taken apart into, as in WSJ0-2mix


@options_class
class MixOptions:
    """How voices are mixed.

    max_speakers: most speakers of a mixture; it has 2 or more, each number with equal probability
    gain_db: largest difference of a voice's level from the mean level, in dB
    """

    max_speakers: Annotated[int, Ge(2)] = 2
    gain_db: NaturalFloat = 2.5


@options_class
class ListOptions(MixOptions):
    """The fixed list of mixtures that figures are measured on.

    num_mixtures: mixtures of seen and of unseen speakers, for each number of speakers
    seconds: length of a mixture, in seconds
    unseen_share: share of each collection's speakers that no training uses: those of held_out, then
      others, chosen by hash
    held_out_share: share of each other speaker's clips that no training uses: those of held-out
      books, then others, chosen by hash
    seed: of the draws
    """

    num_mixtures: PositiveInt = 100
    seconds: Annotated[float, Ge(0.1)] = 4.0
    unseen_share: ShareBelowOne = 0.2
    held_out_share: ShareBelowOne = 0.15
    seed: NaturalInt = 0


@options_class
class SeparateOptions:
    """How a mixture is separated.

    num_speakers: number of voices; 0: estimated
    masks: hard gives each bin to one voice; soft gives each voice a share by the distance from its
      centroid; head takes the mask head's (of a model with one, without num_speakers)
    sharpness: factor on the squared distances of soft masks
    window_seconds: window that is clustered alone, in seconds, neighbours overlapping by half; 0:
      the whole mixture. For long recordings, where memory is short or voices change
    seed: of k-means
    device: auto takes a GPU where there is one
    """

    num_speakers: NaturalInt = 2
    masks: Literal["hard", "soft", "head"] = "soft"
    sharpness: PositiveFloat = 5.0
    window_seconds: NaturalFloat = 0.0
    seed: NaturalInt = 0
    device: Device = "auto"

    def __post_init__(self) -> None:
        if 0 < self.window_seconds < 0.5:
            raise ValueError(
                f"window_seconds is {self.window_seconds:g}; half a second is the least that "
                f"identifies a voice: give 0 for the whole mixture, or 0.5 or more"
            )


# Training costs hours, so an edit of code does not train again: raise this when the weights
# would come out different, and the workflow does.
VERSION = 1


@options_class
class DeepClusteringOptions:
    """Deep clustering (Hershey et al. 2016); the defaults are the size of the paper's network.

    hidden_size: units of each direction of each BLSTM layer
    num_layers: BLSTM layers
    dropout: between the BLSTM layers
    embedding_dim: width of a time-frequency bin's embedding; the paper tried 5 to 60: 5 fails, 20
      to 60 are alike
    silence_db: level below the mixture's loudest bin, in dB, from which bins are neither trained on
      nor clustered
    loss: affinity is |VV' - YY'|^2; whitened compares the subspaces of V and Y, so that large and
      small clusters weigh the same (Le Roux et al. 2018: whitened k-means)
    weights: weights of the bins: equal, or magnitude: their share of the mixture's magnitudes
    frame_step: distance of the frames in the loss, in frames; all go through the BLSTM. Neighbours
      overlap by three quarters: 4 teaches almost what 1 does, in half the time
    mask_weight: weight of a second head that predicts masks (Chimera, Luo et al. 2017) in the loss;
      0: no head
    mask_speakers: voices that the mask head separates; no effect without one
    """

    hidden_size: PositiveInt = 600
    num_layers: PositiveInt = 2
    dropout: ShareBelowOne = 0.3
    embedding_dim: Annotated[int, Ge(2)] = 40
    silence_db: PositiveFloat = 40.0
    loss: Literal["affinity", "whitened"] = "affinity"
    weights: Literal["equal", "magnitude"] = "equal"
    frame_step: PositiveInt = 1
    mask_weight: ShareBelowOne = 0.0
    mask_speakers: Annotated[int, Ge(2)] = 2


@options_class
class SeparationTrainOptions(TrainOptions, MixOptions):
    """A training on mixtures that are made as it goes; each is used once.

    min_seconds: length of the first mixtures, in seconds; 0.8 are the paper's 100 frames
    max_seconds: length of the last mixtures, in seconds; 3.2 are the paper's 400 frames
    short_share: share of the steps that have the short mixtures
    batch_seconds: mixtures of one pass through the network, in seconds
    step_seconds: mixtures of one update of the weights, in seconds
    epsilon: AdamW's term for stability; the loss is a mean over pairs of bins with small gradients
    max_speed: largest change of a voice's playing speed, as a factor either way, which makes more
      voices of few; 1: none
    draw_by: collections: each collection of voices is as probable as another, large or small;
      speakers: each speaker is, of whichever collection
    """

    lr: PositiveFloat = 1e-3
    schedule: Literal["linear", "cosine", "tri_stage", "constant"] = "cosine"
    steps: PositiveInt = 100_000
    warmup_steps: NaturalInt = 1_000
    batch_seconds: PositiveFloat = 102.4
    step_seconds: PositiveFloat = 102.4
    min_seconds: PositiveFloat = 0.8
    max_seconds: PositiveFloat = 3.2
    weight_decay: NaturalFloat = 0.0
    beta2: ShareBelowOne = 0.999
    epsilon: PositiveFloat = 1e-8
    short_share: Share = 0.5
    max_speed: Annotated[float, Interval(ge=1, le=2)] = 1.0
    draw_by: Literal["collections", "speakers"] = "collections"

    @classmethod
    def later(cls) -> frozenset[str]:
        """None: short_share is of all steps."""
        return frozenset()
