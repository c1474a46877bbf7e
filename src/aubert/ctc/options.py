"""How an encoder is fine-tuned for CTC. Light: no torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aubert.learn.options import TrainOptions

# Training costs hours, so an edit of its code does not start it again: raise this when other
# weights would come out, and the workflow does.
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class CtcTrainOptions(TrainOptions):
    """Fine-tuning for CTC. The defaults are those of fairseq's HuBERT BASE on ten hours.

    max_seconds: longer utterances are left out: a crop has no transcript
    train_front_end: for an encoder that nobody pre-trained; a pre-trained front end stays as
      it is
    freeze_encoder_steps: steps in which only the output layer learns, so that its first
      gradients do not spoil the encoder
    mask_time_prob: as in transformers: of the frames, in spans that may overlap; 0 for none
    mask_time_length: frames in a span
    mask_feature_prob: the same of the encoder's channels
    mask_feature_length: channels in a span
    final_dropout: before the output layer
    dropout: behind attention, feed-forward and the positional convolution
    attention_dropout: on the attention weights
    activation_dropout: inside the feed-forward layers
    input_dropout: on the projected features
    layerdrop: how probable it is that a layer is left out of a training step
    validation_share: of the utterances, chosen by hash; held out to choose the best weights
      among those that were validated; 0: all are learned from, and the last weights are taken
    """

    lr: float = 2e-5
    schedule: Literal["linear", "cosine", "tri_stage", "constant"] = "tri_stage"
    steps: int = 25_000
    warmup_steps: int = 8_000
    weight_decay: float = 0.0
    epsilon: float = 1e-8
    batch_seconds: float = 200.0
    step_seconds: float = 200.0
    max_seconds: float = 30.0
    min_seconds: float = 0.1
    train_front_end: bool = False
    freeze_encoder_steps: int = 10_000
    mask_time_prob: float = 0.75
    mask_time_length: int = 10
    mask_feature_prob: float = 0.5
    mask_feature_length: int = 64
    final_dropout: float = 0.0
    dropout: float = 0.0
    attention_dropout: float = 0.0
    activation_dropout: float = 0.1
    input_dropout: float = 0.0
    layerdrop: float = 0.1
    validation_share: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.validation_share < 1:
            raise ValueError(
                f"validation_share is {self.validation_share:g}; it must be at least 0 and below 1"
            )
        for name in ("mask_time_prob", "mask_feature_prob"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name):g}; it must lie in 0..1")
        for name in ("mask_time_length", "mask_feature_length"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
