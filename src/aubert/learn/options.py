"""How a model is trained. Light: no torch here."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, Literal

from aubert.learn.data import DataOptions
from aubert.learn.schedules import ScheduleOptions
from aubert.options import (
    Device,
    NaturalFloat,
    NaturalInt,
    PositiveFloat,
    PositiveInt,
    ShareBelowOne,
    options_class,
)

_RESTARTS = ("never", "changed", "always")
LOG = "train.jsonl"  # of a trained model: the loop's metrics, beside the weights they led to


@options_class
class TrainOptions(ScheduleOptions, DataOptions):
    """A training. The defaults are those of HuBERT BASE's first iteration.

    steps: updates of the weights
    clip_norm: largest norm of the gradient; 0: no clipping
    weight_decay: of AdamW
    beta1: decay of AdamW's mean of gradients
    beta2: decay of AdamW's mean of squared gradients
    epsilon: AdamW's term for stability
    max_skipped: steps in a row with a non-finite gradient that end the training
    precision: auto is bfloat16 on a GPU (weights stay float32), else float32
    device: auto takes a GPU where there is one
    compile: whether torch.compile is used; it pays with many steps and few shapes
    num_workers: processes per training process that prepare batches ahead; 0: none
    log_every: steps between lines of train.jsonl
    checkpoint_every: steps between checkpoints; a multiple of log_every
    validate_every: steps between validations; a multiple of log_every; no effect for a task
      without validation
    keep: number of checkpoints that stay
    keep_every: steps between models that stay beside the trained one, in <model>/steps/; 0: none
    """

    steps: PositiveInt = 250_000
    warmup_steps: NaturalInt = 32_000
    clip_norm: NaturalFloat = 10.0
    weight_decay: NaturalFloat = 0.01
    beta1: ShareBelowOne = 0.9
    beta2: ShareBelowOne = 0.98
    epsilon: PositiveFloat = 1e-6
    max_skipped: PositiveInt = 100
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    device: Device = "auto"
    compile: bool = False
    num_workers: NaturalInt = 0
    log_every: PositiveInt = 100
    checkpoint_every: PositiveInt = 1000
    validate_every: PositiveInt = 1000
    keep: PositiveInt = 2
    keep_every: NaturalInt = 0

    def __post_init__(self) -> None:
        DataOptions.__post_init__(self)
        for name in ("checkpoint_every", "validate_every"):
            if getattr(self, name) % self.log_every:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; it must be a multiple of log_every, "
                    f"which is {self.log_every}"
                )

    @classmethod
    def how(cls, fields: Mapping[str, Any]) -> frozenset[str]:
        """Of a training's fields those that change no weights: where and how it runs, and what it
        writes of itself."""
        return _HOW

    @classmethod
    def later(cls) -> frozenset[str]:
        """Fields of which those of the steps that are left may be others than those of the steps
        that are done."""
        return frozenset({"steps"})


_HOW = frozenset(
    "device compile num_workers log_every checkpoint_every validate_every keep keep_every "
    "max_skipped".split()
)


@options_class
class UtteranceTrainOptions(TrainOptions):
    """A training in which a batch is no more than what fits into memory at once.

    validation_share: share of the utterances, chosen by hash, that is held out to choose the best
      validated weights; 0: all are trained on, and the last weights are taken
    patience: validations in a row without a smaller loss that end the training; 0: it does all
      its steps; no effect without validation
    """

    validation_share: ShareBelowOne = 0.0
    patience: NaturalInt = 0

    @classmethod
    def how(cls, fields: Mapping[str, Any]) -> frozenset[str]:
        """With batch_seconds, unless it makes a step longer than step_seconds; without what says
        which weights are the best."""
        fits = fields["batch_seconds"] <= fields["step_seconds"]
        names = super().how(fields) | ({"batch_seconds"} if fits else set())
        return names - ({"validate_every"} if fields["validation_share"] else set())

    @classmethod
    def later(cls) -> frozenset[str]:
        return super().later() | {"validate_every", "patience"}


def part(options: TrainOptions, how: bool) -> dict[str, Any]:
    """Of a training's fields those that change no weights, or all others."""
    names = options.how(vars(options))
    return {name: value for name, value in vars(options).items() if (name in names) == how}


def add_restart(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--restart",
        nargs="?",
        const="always",
        default="never",
        choices=_RESTARTS,
        help="whether it begins anew where a killed one has checkpoints: changed does where "
        "settings differ that change the result, which never refuses; without a value: always",
    )
