"""How CLAR is trained. Light: no torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aubert.learn.options import TrainOptions


@dataclass(frozen=True, kw_only=True)
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

    lr: float = 1e-3
    schedule: Literal["linear", "cosine", "tri_stage", "constant"] = "cosine"
    steps: int = 20_000
    warmup_steps: int = 500
    weight_decay: float = 1e-4
    beta2: float = 0.999
    epsilon: float = 1e-8
    min_seconds: float = 0.05
    step_seconds: float = 1e-3
    batch_clips: int = 256
    labelled_share: float = 0.5
    versions: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_clips < 1:
            raise ValueError(f"batch_clips is {self.batch_clips}; it must be at least 1")
        if not 0 < self.labelled_share <= 1:
            raise ValueError(
                f"labelled_share is {self.labelled_share:g}; it must be above 0, at most 1"
            )
        if self.versions < 0:
            raise ValueError(f"versions is {self.versions}; it must not be negative")
