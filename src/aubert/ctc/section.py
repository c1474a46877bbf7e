"""The section `ctc` of the config."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from aubert.ctc.options import CtcTrainOptions
from aubert.options import distinct, options_class

Init = Literal["hubert", "scratch"]

# What differs from ctc.train by default: initial weights have nothing that a freeze protects.
OWN_TRAINING = {"hubert": {}, "scratch": {"freeze_encoder_steps": 0, "train_front_end": True}}


@options_class
class CtcSection:
    """Fine-tuning on corpus.labelled with CTC.

    inits: encoders that are fine-tuned and measured: hubert is the last iteration, scratch an
      encoder with initial weights, as a control
    use: the one of them that `model: trained` means in transcribe.ctc and words.ctc
    vocabulary: letters that are learned: letters are those of corpus.language; transcripts those of
      corpus.labelled.train; else the path of a vocab.json, or of a file with a letter on each line.
      Utterances with other letters are left out
    train: training of both
    hubert: training from the last iteration; ctc.train holds for what it leaves out
    scratch: training from initial weights; ctc.train holds for what it leaves out, but that
      nothing is frozen and the front end is trained
    """

    inits: Annotated[list[Init], distinct] = field(default_factory=lambda: ["hubert"])
    use: Init = "hubert"
    vocabulary: str = "letters"
    train: CtcTrainOptions = CtcTrainOptions()
    hubert: CtcTrainOptions = CtcTrainOptions()
    scratch: CtcTrainOptions = CtcTrainOptions(**OWN_TRAINING["scratch"])
