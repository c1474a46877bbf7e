"""How AuBERT is trained. Light: no torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aubert.learn.options import TrainOptions

# Training costs hours, so an edit of its code does not start it again: raise this when other
# weights would come out, and the workflow does.
VERSION = 2

Negatives = Literal["same_token", "any", "mixed"]


@dataclass(frozen=True, kw_only=True)
class AubertTrainOptions(TrainOptions):
    """The contrast, and how long the audio encoder waits.

    negatives: what a pair is contrasted with: same_token, the same n-gram by the same speaker in
      other contexts, so that its pronunciation tells nothing; any, whatever else is in the
      batch, which is drawn at random; mixed, both at once: up to four pairs of a token where there
      are as many, and many tokens, each pair against all others
    max_seconds: of a pair's audio; longer ones are left out
    min_seconds: likewise, shorter ones
    batch_pairs: in one contrast, as far as batch_seconds allows
    freeze_audio_steps: steps in which the audio encoder stays as it is, so that the heads' first
      gradients do not spoil it; its front end always stays
    """

    lr: float = 1e-4
    schedule: Literal["linear", "cosine", "tri_stage", "constant"] = "cosine"
    steps: int = 100_000
    warmup_steps: int = 4_000
    epsilon: float = 1e-8
    batch_seconds: float = 640.0
    step_seconds: float = 1.0  # one batch a step: a contrast is of one batch
    max_seconds: float = 5.0
    min_seconds: float = 0.05
    negatives: Negatives = "same_token"
    batch_pairs: int = 128
    freeze_audio_steps: int = 2_000

    def __post_init__(self) -> None:
        super().__post_init__()
        # Three of a token cannot be dealt into parts of two.
        if self.batch_pairs < 3:
            raise ValueError(f"batch_pairs is {self.batch_pairs}; it must be at least 3")
        if self.batch_seconds < 3 * self.max_seconds:
            raise ValueError(
                f"batch_seconds is {self.batch_seconds:g}; it must hold three pairs of max_seconds "
                f"({self.max_seconds:g})"
            )
