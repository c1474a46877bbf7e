"""Learning rates as functions of the step. Light: no torch here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

FIRST_FACTOR = 0.01  # where tri-stage's warm-up begins, as in fairseq
LAST_FACTOR = 0.05  # where tri-stage's decay ends, as in fairseq's fine-tuning recipes


@dataclass(frozen=True, kw_only=True)
class ScheduleOptions:
    """How the learning rate goes over a training.

    lr: the highest learning rate
    schedule: behind the warm-up, linear falls to 0 (pre-training), cosine falls to 0 later and
      faster, tri_stage holds and then falls exponentially to 0.05 (fine-tuning), constant stays
    warmup_steps: in which the rate rises from 0 (tri_stage: from 0.01 of it)
    hold_steps: at the highest rate before the fall; no effect unless schedule is tri_stage
    """

    lr: float = 5e-4
    schedule: Literal["linear", "cosine", "tri_stage", "constant"] = "linear"
    warmup_steps: int = 0
    hold_steps: int = 0

    def __post_init__(self) -> None:
        if self.lr <= 0:
            raise ValueError(f"lr is {self.lr:g}; it must be above 0")
        if self.warmup_steps < 0 or self.hold_steps < 0:
            raise ValueError("warmup_steps and hold_steps must not be negative")


def learning_rate(options: ScheduleOptions, step: int, steps: int) -> float:
    """The rate of step `step`, from 1, of `steps`."""
    warmup = options.warmup_steps
    if step <= warmup:
        first = FIRST_FACTOR if options.schedule == "tri_stage" else 0.0
        return options.lr * (first + (1 - first) * step / warmup)
    if options.schedule == "tri_stage":
        warmup += options.hold_steps
    # The first step behind is at the top, the last one still learns something.
    done = max(0, step - 1 - warmup) / max(1, steps - warmup)
    factor = {
        "linear": 1 - done,
        "cosine": (1 + math.cos(math.pi * done)) / 2,
        "tri_stage": LAST_FACTOR**done,
        "constant": 1.0,
    }[options.schedule]
    return options.lr * factor
