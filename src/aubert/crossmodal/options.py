"""AuBERT's options: encoders, heads, training and evaluation. Light: no torch here."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge

from aubert.learn.options import TrainOptions
from aubert.options import (
    Device,
    NaturalFloat,
    NaturalInt,
    PositiveFloat,
    PositiveInt,
    Share,
    ShareBelowOne,
    options_class,
)

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@options_class
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

    vocab_size: Annotated[int, Ge(len(SPECIAL_TOKENS) + 1)] = 2000
    hidden_size: PositiveInt = 128
    num_layers: PositiveInt = 2
    num_heads: PositiveInt = 4
    intermediate_size: PositiveInt = 512
    max_tokens: Annotated[int, Ge(3)] = 256
    dropout: Share = 0.1
    seed: NaturalInt = 0

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} cannot be divided by num_heads {self.num_heads}"
            )


Pooling = Literal["mean", "max", "mean_max", "lstm", "attention"]


@options_class
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
    projection_dim: PositiveInt = 512
    scorer: Literal["mlp", "cosine"] = "cosine"
    scorer_hidden: PositiveInt = 512
    dropout: ShareBelowOne = 0.1
    reference_seconds: NaturalFloat = 0.0
    audio_layers: Literal["last", "all"] = "last"
    max_tokens: Annotated[int, Ge(3)] = 256
    mlm_weight: NaturalFloat = 0.0
    mlm_share: ShareBelowOne = 0.1


# Training costs hours, so an edit of its code does not start it again: raise this when other
# weights would come out, and the workflow does.
VERSION = 2

Negatives = Literal["same_token", "any", "mixed"]


@options_class
class AubertTrainOptions(TrainOptions):
    """The contrast, and how long the audio encoder waits.

    negatives: what a pair is contrasted with: same_token, the same n-gram by the same speaker in
      other contexts, so that its pronunciation tells nothing; any, whatever else is in the
      batch, which is drawn at random; mixed, both at once: up to four pairs of a token where there
      are as many, and many tokens, each pair against all others
    max_seconds: of a pair's audio; longer ones are left out
    min_seconds: likewise, shorter ones
    batch_pairs: in one contrast, as far as batch_seconds allows
    freeze_audio_steps: steps in which the audio encoder stays as it is, so that the heads' first
      gradients do not spoil it; its front end always stays
    """

    lr: PositiveFloat = 1e-4
    schedule: Literal["linear", "cosine", "tri_stage", "constant"] = "cosine"
    steps: PositiveInt = 100_000
    warmup_steps: NaturalInt = 4_000
    epsilon: PositiveFloat = 1e-8
    batch_seconds: PositiveFloat = 640.0
    step_seconds: PositiveFloat = 1.0  # one batch a step: a contrast is of one batch
    max_seconds: PositiveFloat = 5.0
    min_seconds: PositiveFloat = 0.05
    negatives: Negatives = "same_token"
    batch_pairs: Annotated[int, Ge(3)] = 128
    freeze_audio_steps: NaturalInt = 2_000

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_seconds < 3 * self.max_seconds:
            raise ValueError(
                f"batch_seconds is {self.batch_seconds:g}; it must hold three pairs of max_seconds "
                f"({self.max_seconds:g})"
            )


@options_class
class AubertEvaluateOptions:
    """What is searched for among what.

    k: utterances of one token by one speaker, of which one is right
    max_words: single words that a word is found among; of more, that many are drawn
    max_pairs: of a split, and of the training pairs that the baseline learns from; of more, that
      many are drawn
    device: auto takes a GPU where there is one
    """

    k: Annotated[int, Ge(2)] = 4
    max_words: PositiveInt = 2_000
    max_pairs: PositiveInt = 20_000
    device: Device = "auto"
