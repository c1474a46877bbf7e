"""How deep clustering is trained. Light: no torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aubert.learn.options import TrainOptions
from aubert.separation.options import MixOptions


@dataclass(frozen=True, kw_only=True)
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

    lr: float = 1e-3
    schedule: Literal["linear", "cosine", "tri_stage", "constant"] = "cosine"
    steps: int = 100_000
    warmup_steps: int = 1_000
    batch_seconds: float = 102.4
    step_seconds: float = 102.4
    min_seconds: float = 0.8
    max_seconds: float = 3.2
    weight_decay: float = 0.0
    beta2: float = 0.999
    epsilon: float = 1e-8
    short_share: float = 0.5
    max_speed: float = 1.0

    def __post_init__(self) -> None:
        TrainOptions.__post_init__(self)
        MixOptions.__post_init__(self)
        if not 0 <= self.short_share <= 1:
            raise ValueError(f"short_share is {self.short_share:g}; it must lie in 0..1")
        if not 1 <= self.max_speed <= 2:
            raise ValueError(f"max_speed is {self.max_speed:g}; it must lie in 1..2")
