"""A text encoder that needs no download: WordPiece learned from the books, and a small BERT."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import BertConfig, BertModel, BertTokenizer

from aubert.files import complete_directory

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


def learn_tokenizer(texts: Iterable[str], options: SmallBertOptions) -> BertTokenizer:
    """BERT's uncased tokenizer with a vocabulary learned from the texts.

    The same texts give the same vocabulary, in whatever order they come. Every letter of the
    texts is in it, and pieces that occur twice as long as there is room.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    texts = sorted(texts)
    learner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    learner.normalizer = normalizers.BertNormalizer(lowercase=True)
    learner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    letters = sorted({letter for text in texts for letter in _letters(learner, text)})
    # The library numbers letters in the order of a hash map, another one in each process, and
    # breaks ties between pieces by number; as special tokens they have theirs from the start.
    alphabet = [*letters, *(f"##{letter}" for letter in letters)]
    trainer = trainers.WordPieceTrainer(
        vocab_size=options.vocab_size,
        min_frequency=2,
        special_tokens=[*SPECIAL_TOKENS, *alphabet],
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    vocabulary = sorted(learner.get_vocab().items(), key=lambda item: item[1])
    return BertTokenizer(vocab=dict(vocabulary), model_max_length=options.max_tokens)


def _letters(learner, text: str) -> set[str]:
    normalised = learner.normalizer.normalize_str(text)
    return {letter for letter in normalised if not letter.isspace()}


def save_small_bert(
    directory: str | Path, texts: Iterable[str], options: SmallBertOptions
) -> BertTokenizer:
    """Writes a Hugging Face directory of the tokenizer and a BERT of random weights.

    The directory appears when it is whole. Returns the tokenizer."""
    tokenizer = learn_tokenizer(texts, options)
    torch.manual_seed(options.seed)
    encoder = BertModel(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=options.hidden_size,
            num_hidden_layers=options.num_layers,
            num_attention_heads=options.num_heads,
            intermediate_size=options.intermediate_size,
            max_position_embeddings=options.max_tokens,
            hidden_dropout_prob=options.dropout,
            attention_probs_dropout_prob=options.dropout,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    with complete_directory(directory) as part:
        encoder.save_pretrained(part)
        tokenizer.save_pretrained(part)
    return tokenizer
