"""Learning rates as functions of the step. Light: no torch here."""

from __future__ import annotations

import math
from typing import Literal

from aubert.options import NaturalInt, PositiveFloat, options_class

FIRST_FACTOR = 0.01  # where tri-stage's warm-up begins, as in fairseq
LAST_FACTOR = 0.05  # where tri-stage's decay ends, as in fairseq's fine-tuning recipes


@options_class
class ScheduleOptions:
    """The learning rate over a training.

    lr: highest learning rate
    schedule: course after the warm-up: linear falls to 0 (pre-training); cosine falls to 0;
      tri_stage holds, then falls exponentially to 0.05 of lr (fine-tuning); constant stays
    warmup_steps: steps in which the rate rises from 0 (tri_stage: from 0.01 of lr)
    hold_steps: steps at lr before the fall; no effect unless schedule is tri_stage
    """

    lr: PositiveFloat = 5e-4
    schedule: Literal["linear", "cosine", "tri_stage", "constant"] = "linear"
    warmup_steps: NaturalInt = 0
    hold_steps: NaturalInt = 0


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
