"""AuBERT's section of the config."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from aubert.crossmodal.options import (
    AubertEvaluateOptions,
    AubertOptions,
    AubertTrainOptions,
    SmallBertOptions,
)
from aubert.crossmodal.pairs import PairsOptions
from aubert.options import distinct, options_class


@options_class
class AubertSection:
    """AuBERT: text and audio encoders of words in context, trained by contrast.

    scorers: networks that are trained: cosine with a learnt temperature, as in AuBERT's code; mlp
      over every joined [text; audio], as its paper draws it. The first one's figures are
      aubert.<figure>
    audio_encoder: hubert is the run's last iteration, ctc its CTC network (ctc.use); else a
      directory or a Hugging Face id
    text_encoder: small is a BERT of `small_bert`, whose WordPiece is learned from the books; else
      a directory or a Hugging Face id
    small_bert: size of the small BERT; no effect with another text_encoder
    pairs: which n-grams become pairs
    model: heads on the two encoders
    train: the contrast
    evaluate: retrieval tests
    """

    scorers: Annotated[list[Literal["mlp", "cosine"]], distinct] = field(
        default_factory=lambda: ["cosine"]
    )
    audio_encoder: str = "hubert"
    text_encoder: str = "bert-base-uncased"
    small_bert: SmallBertOptions = SmallBertOptions()
    pairs: PairsOptions = PairsOptions()
    model: AubertOptions = AubertOptions()
    train: AubertTrainOptions = AubertTrainOptions()
    evaluate: AubertEvaluateOptions = AubertEvaluateOptions()
