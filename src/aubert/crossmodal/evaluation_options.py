"""How a trained AuBERT is measured. Light: no torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class AubertEvaluateOptions:
    """What is searched for among what.

    k: utterances of one token by one speaker, of which one is right
    max_words: single words that a word is found among; of more, that many are drawn
    max_pairs: of a split, and of the training pairs that the baseline learns from; of more, that
      many are drawn
    device: auto takes a GPU where there is one
    """

    k: int = 4
    max_words: int = 2_000
    max_pairs: int = 20_000
    device: Literal["auto", "cpu", "cuda"] = "auto"
