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

    max_speakers: of a mixture; there are two at least, every number is as probable
    gain_db: each voice's loudness lies at most so far from the others' mean
    """

    max_speakers: Annotated[int, Ge(2)] = 2
    gain_db: NaturalFloat = 2.5


@options_class
class ListOptions(MixOptions):
    """The fixed list of mixtures that figures are measured on.

    num_mixtures: for seen and for unseen speakers and for each number of speakers
    seconds: of a mixture
    unseen_share: of each collection's speakers, chosen by hash, whom no training hears
    held_out_share: of each other speaker's clips, chosen by hash, that no training hears
    seed: of the drawing
    """

    num_mixtures: PositiveInt = 100
    seconds: Annotated[float, Ge(0.1)] = 4.0
    unseen_share: ShareBelowOne = 0.2
    held_out_share: ShareBelowOne = 0.15
    seed: NaturalInt = 0


@options_class
class SeparateOptions:
    """How a mixture is taken apart.

    num_speakers: how many voices there are; 0: estimated
    masks: hard gives each bin to one voice, soft to each its share by the distance from the
      voice's centroid, head takes the mask head's (a model with one, and no num_speakers)
    sharpness: of soft masks: what squared distances are multiplied by
    window_seconds: 0: one clustering of the whole mixture; else one for each window, the voices
      of neighbouring windows joined where they overlap by half: for recordings so long that
      memory is short, or voices change
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

    hidden_size: of each direction of each BLSTM layer
    num_layers: BLSTM layers
    dropout: between the BLSTM layers
    embedding_dim: of a time-frequency bin; the paper tried 5 to 60: 5 fails, 20 to 60 are alike
    silence_db: bins so far below the loudest of the mixture are not learned from and not clustered
    loss: affinity is |VV' - YY'|^2; whitened compares the subspaces of V and Y, so that large
      clusters weigh no more than small ones (Le Roux et al. 2018: whitened k-means)
    weights: of the bins that are left: equal, or magnitude, their share of the mixture's sum of
      magnitudes
    frame_step: the loss looks at each so manieth frame, all of which the BLSTM goes through;
      neighbours overlap by three quarters, so that 4 teaches almost what 1 does, in half the time
    mask_weight: above 0, a second head predicts masks outright (Chimera, Luo et al. 2017), and
      its loss weighs so much of the sum
    mask_speakers: that the mask head tells apart; no effect without one
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
    """A training on mixtures that are made as it goes: none is heard twice.

    min_seconds: of the mixtures that it begins with; 0.8 are the paper's 100 frames
    max_seconds: of the mixtures that it ends with; 3.2 are 400 frames
    short_share: of the steps, that are made with the short ones
    batch_seconds: of mixtures in one pass through the network
    step_seconds: of mixtures between two updates of the weights
    epsilon: of AdamW; the loss is a mean over pairs of bins, and its gradients are small
    max_speed: each voice is played at a rate between 1 / max_speed and max_speed, which makes
      other voices of few; 1 for as they are
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
