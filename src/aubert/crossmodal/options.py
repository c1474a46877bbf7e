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
    """The size of the small BERT; bert-base-uncased has 30522 tokens and 12 layers of 768.

    vocab_size: largest number of tokens that is learned, special tokens included
    hidden_size: width; a multiple of num_heads
    num_layers: layers of the transformer
    num_heads: attention heads per layer
    intermediate_size: width of the feed-forward layers
    max_tokens: tokens of the longest text
    dropout: on embeddings, attention and feed-forward layers
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
    """The heads on the two encoders.

    pooling: how a span's tokens, and a segment's frames, become one vector; mean_max joins mean and
      maximum, as AuBERT does
    projection: linear; or mlp: linear, GELU, linear with a residual, layer normalisation
    projection_dim: width of the vectors that are compared
    scorer: mlp over every joined [text; audio], as AuBERT's paper draws it; cosine with a learnt
      temperature, as its code has it
    scorer_hidden: width of the mlp scorer's hidden layer; no effect on cosine
    dropout: in the projection; no effect on linear
    reference_seconds: other speech of the recording, the same for all of its pairs, with which a
      segment is normalised together, in seconds: relative pitch and loudness stay; 0, as in
      AuBERT: the segment alone
    audio_context_seconds: audio on each side of a segment, as far as the recording goes, that the
      audio encoder attends to, in seconds; what is pooled is the segment alone; 0, as in AuBERT's
      scripts: it gets the segment alone
    audio_layers: last, as in AuBERT; all adds every layer with learnt weights: networks that know
      letters keep pitch and duration in their lower layers
    max_tokens: tokens of a text, special tokens included
    mlm_weight: weight of the masked-language-model loss beside the contrast; 0: none
    mlm_share: share of the tokens around the span that is masked for it; AuBERT's 0.1
    """

    pooling: Pooling = "mean_max"
    projection: Literal["linear", "mlp"] = "mlp"
    projection_dim: PositiveInt = 512
    scorer: Literal["mlp", "cosine"] = "cosine"
    scorer_hidden: PositiveInt = 512
    dropout: ShareBelowOne = 0.1
    reference_seconds: NaturalFloat = 0.0
    audio_context_seconds: NaturalFloat = 0.0
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
    """The contrast of text and audio.

    negatives: what a pair is contrasted with: same_token is the same n-gram by the same speaker in
      other contexts; any is whatever else is in the batch; mixed is both: up to four pairs of a
      token, and many tokens
    max_seconds: longest audio of a pair, in seconds
    min_seconds: shortest audio of a pair, in seconds
    batch_pairs: pairs of one contrast, as far as batch_seconds allows
    freeze_audio_steps: steps in which the audio encoder is frozen, so that the first gradients of
      the heads do not spoil it; its front end is always frozen
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


def check_room(model: AubertOptions, train: AubertTrainOptions) -> None:
    """Raises ValueError where a contrast cannot hold three pairs with the audio around them."""
    longest = train.max_seconds + 2 * model.audio_context_seconds
    if train.batch_seconds < 3 * longest:
        raise ValueError(
            f"batch_seconds is {train.batch_seconds:g}; it must hold three pairs of max_seconds "
            f"({train.max_seconds:g}) with audio_context_seconds "
            f"({model.audio_context_seconds:g}) on each side: raise it to {3 * longest:g}"
        )


@options_class
class AubertEvaluateOptions:
    """The retrieval tests.

    k: utterances of one token by one speaker, of which one is right
    max_words: single words among which a word is searched; of more, so many are drawn
    max_pairs: pairs of a split, and training pairs of the baseline; of more, so many are drawn
    device: auto takes a GPU where there is one
    """

    k: Annotated[int, Ge(2)] = 4
    max_words: PositiveInt = 2_000
    max_pairs: PositiveInt = 20_000
    device: Device = "auto"
