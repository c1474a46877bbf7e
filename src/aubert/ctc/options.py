"""How an encoder is fine-tuned for CTC. Light: no torch here."""

from __future__ import annotations

from typing import Literal

from aubert.learn.options import UtteranceTrainOptions
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
VERSION = 2


@options_class
class CtcTrainOptions(UtteranceTrainOptions):
    """Fine-tuning for CTC. The defaults are those of fairseq's HuBERT BASE on ten hours.

    max_seconds: longest utterance that is trained on, in seconds; a crop would have no transcript
    train_front_end: whether the front end is trained, for an encoder without pre-training
    freeze_encoder_steps: steps in which only the output layer is trained, so that its first
      gradients do not spoil the encoder
    mask_time_prob: share of frames that masked spans start from, as in transformers; spans
      overlap; 0: none
    mask_time_length: frames of a masked span
    mask_feature_prob: the same of the encoder's channels
    mask_feature_length: channels of a masked span
    final_dropout: before the output layer
    dropout: after attention, feed-forward and the positional convolution
    attention_dropout: on the attention weights
    activation_dropout: inside the feed-forward layers
    input_dropout: on the projected features
    layerdrop: probability that a layer is left out of a training step
    """

    lr: PositiveFloat = 2e-5
    schedule: Literal["linear", "cosine", "tri_stage", "constant"] = "tri_stage"
    steps: PositiveInt = 25_000
    warmup_steps: NaturalInt = 8_000
    weight_decay: NaturalFloat = 0.0
    epsilon: PositiveFloat = 1e-8
    batch_seconds: PositiveFloat = 200.0
    step_seconds: PositiveFloat = 200.0
    max_seconds: PositiveFloat = 30.0
    min_seconds: PositiveFloat = 0.1
    train_front_end: bool = False
    freeze_encoder_steps: NaturalInt = 10_000
    mask_time_prob: Share = 0.75
    mask_time_length: PositiveInt = 10
    mask_feature_prob: Share = 0.5
    mask_feature_length: PositiveInt = 64
    final_dropout: Share = 0.0
    dropout: Share = 0.0
    attention_dropout: Share = 0.0
    activation_dropout: Share = 0.1
    input_dropout: Share = 0.0
    layerdrop: Share = 0.1
    validation_share: ShareBelowOne = 0.05
