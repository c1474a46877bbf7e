"""The shape of an AuBERT's heads and loss. Light: no torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Pooling = Literal["mean", "max", "mean_max", "lstm", "attention"]


@dataclass(frozen=True, kw_only=True)
class AubertOptions:
    """What stands on the two encoders.

    pooling: of the span's tokens, and of the segment's frames, to one vector; mean_max joins
      both, as AuBERT does
    projection: linear, or mlp: linear, GELU, linear with a residual, layer normalisation
    projection_dim: width of the vectors that are compared
    scorer: mlp over every joined [text; audio] pair, as AuBERT's paper draws it, or cosine with a
      learnt temperature, as its code has it
    scorer_hidden: width of the mlp's hidden layer; no effect on cosine
    dropout: in the projection; no effect on linear
    reference_seconds: of other speech of the recording, the same for all of its pairs, that the
      front end normalises over together with the segment, so that it stays heard whether a word is
      higher or louder than usual; 0, as AuBERT has it: over the segment alone
    audio_layers: last, as AuBERT has it; or all, which are added with learnt weights: networks that
      know letters keep pitch and duration in their lower layers
    max_tokens: of the text around a span, special tokens counted
    mlm_weight: of the masked-language-model loss beside the contrast; 0: none
    mlm_share: of the tokens around the span that are masked for it; AuBERT's 0.1
    """

    pooling: Pooling = "mean_max"
    projection: Literal["linear", "mlp"] = "mlp"
    projection_dim: int = 512
    scorer: Literal["mlp", "cosine"] = "cosine"
    scorer_hidden: int = 512
    dropout: float = 0.1
    reference_seconds: float = 0.0
    audio_layers: Literal["last", "all"] = "last"
    max_tokens: int = 256
    mlm_weight: float = 0.0
    mlm_share: float = 0.1

    def __post_init__(self) -> None:
        for name in ("projection_dim", "scorer_hidden"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.max_tokens < 3:
            raise ValueError(
                f"max_tokens is {self.max_tokens}; it must be at least 3: a span and its two edges"
            )
        for name in ("dropout", "mlm_share"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name):g}; it must be 0 or more, below 1"
                )
        for name in ("reference_seconds", "mlm_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name):g}; it must not be negative")
