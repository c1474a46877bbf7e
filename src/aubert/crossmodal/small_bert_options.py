"""The size of a small BERT. Light: no torch here."""

from __future__ import annotations

from dataclasses import dataclass

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True, kw_only=True)
class SmallBertOptions:
    """The size of the encoder; bert-base-uncased has 30522 tokens, 12 layers of 768.

    vocab_size: most tokens that are learned, special ones counted
    hidden_size: width
    num_layers: of the transformer
    num_heads: of attention, per layer
    intermediate_size: width of the feed-forward layers
    max_tokens: longest text
    dropout: everywhere
    seed: of the weights
    """

    vocab_size: int = 2000
    hidden_size: int = 128
    num_layers: int = 2
    num_heads: int = 4
    intermediate_size: int = 512
    max_tokens: int = 256
    dropout: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} cannot be divided by num_heads {self.num_heads}"
            )
        if self.vocab_size <= len(SPECIAL_TOKENS):
            raise ValueError(f"vocab_size is {self.vocab_size}; the special tokens alone are 5")
