"""A text encoder that needs no download: WordPiece learned from the books, and a small BERT."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from transformers import BertConfig, BertModel, BertTokenizer

from aubert.crossmodal.options import SPECIAL_TOKENS, SmallBertOptions
from aubert.files import complete_directory


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
