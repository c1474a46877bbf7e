"""Letters by connectionist temporal classification (Graves et al., 2006) over an encoder.

The network is transformers' own (HubertForCTC, Wav2Vec2ForCTC, ...), so that what is trained here
loads anywhere.
"""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import (
    AutoModelForCTC,
    HubertModel,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
)

from aubert.encoders.hubert import features, projected
from aubert.encoders.norms import positions_of_rows
from aubert.transcribe.ctc import LANGUAGE_KEY

BLANK, DELIMITER = "<pad>", "|"


def tokens_of(letters: str) -> tuple[str, ...]:
    """The vocabulary of letters, in small letters: the blank is 0."""
    return (BLANK, DELIMITER, "'", *letters)


TOKENS = tokens_of(string.ascii_lowercase)


def spell(text: str, tokens: Sequence[str] = TOKENS) -> np.ndarray:
    """int64 [num_letters]: the tokens of spoken words, the delimiter between them."""
    index = {token: number for number, token in enumerate(tokens)}
    return np.array([index[c] for c in text.replace(" ", DELIMITER)], np.int64)


def frames_needed(letters: Sequence[int]) -> int:
    """The frames that a CTC path of the letters has at least: a blank parts equal ones."""
    return len(letters) + sum(a == b for a, b in pairwise(letters))


@dataclass(frozen=True)
class CtcBatch:
    """samples: float32 [batch, samples], zero behind each row's end
    num_samples: int64 [batch]
    letters: int64 [total], of all rows
    num_letters: int64 [batch]
    masked_frames: bool [batch, frames], the frames that the encoder does not see; None: all seen
    masked_channels: bool [batch, hidden_size], the same of channels
    padded: whether rows differ in length
    """

    samples: torch.Tensor
    num_samples: torch.Tensor
    letters: torch.Tensor
    num_letters: torch.Tensor
    masked_frames: torch.Tensor | None
    masked_channels: torch.Tensor | None
    padded: bool

    def to(self, device: torch.device | str) -> CtcBatch:
        moved = {
            name: value.to(device, non_blocking=True)
            for name, value in vars(self).items()
            if isinstance(value, torch.Tensor)
        }
        return replace(self, **moved)


class CtcNetwork(nn.Module):
    """A network for CTC and its loss."""

    def __init__(
        self,
        encoder: HubertModel,
        extractor: Wav2Vec2FeatureExtractor,
        *,
        tokens: Sequence[str] = TOKENS,
        language: str = "en",
        final_dropout: float = 0.0,
        **dropouts: float,
    ):
        """encoder: its weights are copied. extractor: prepares the audio; it is saved with
        the network. tokens: of `tokens_of`. language: BCP 47, of the speech. dropouts: entries of
        the encoder's configuration that are replaced. The output layer's weights come from torch's
        generator."""
        super().__init__()
        config = deepcopy(encoder.config)
        config.update(
            {
                "vocab_size": len(tokens),
                "pad_token_id": tokens.index(BLANK),
                "bos_token_id": None,
                "eos_token_id": None,
                "final_dropout": final_dropout,
                **dropouts,
            }
        )
        if language != "en":
            config.update({LANGUAGE_KEY: language})
        self.tokens = tuple(tokens)
        self.network = AutoModelForCTC.from_config(config)
        self.encoder.load_state_dict(encoder.state_dict())
        positions_of_rows(self.encoder)
        self.extractor = extractor

    @property
    def encoder(self) -> HubertModel:
        """The network below the output layer."""
        return self.network.base_model

    def forward(self, batch: CtcBatch) -> tuple[torch.Tensor, int, dict[str, torch.Tensor]]:
        """(loss summed over the rows, how many letters they have, no metrics)."""
        return self.loss(*self.log_probs(batch), batch), len(batch.letters), {}

    def loss(
        self, log_probs: torch.Tensor, num_frames: torch.Tensor, batch: CtcBatch
    ) -> torch.Tensor:
        """The negative log-probability of the letters, summed over the rows; infinite where a
        row has fewer than `frames_needed`."""
        return functional.ctc_loss(
            log_probs.transpose(0, 1),
            batch.letters,
            num_frames,
            batch.num_letters,
            blank=self.tokens.index(BLANK),
            reduction="sum",
        )

    def log_probs(self, batch: CtcBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """(float32 [batch, frames, len(tokens)], int64 [batch] frames of the rows). A row's
        frames do not depend on the other rows."""
        encoder = self.encoder
        num_samples = batch.num_samples if batch.padded else None
        hidden = projected(encoder, features(encoder, batch.samples, num_samples))
        num_frames = self.network._get_feat_extract_output_lengths(batch.num_samples)
        valid = None
        if batch.padded:
            valid = torch.arange(hidden.shape[1], device=hidden.device) < num_frames[:, None]
        if batch.masked_frames is not None:
            mask_embedding = encoder.masked_spec_embed.to(hidden.dtype)
            hidden = torch.where(batch.masked_frames[..., None], mask_embedding, hidden)
        if batch.masked_channels is not None:
            hidden = hidden.masked_fill(batch.masked_channels[:, None], 0)
        states = encoder.encoder(hidden, attention_mask=valid)[0]
        logits = self.network.lm_head(self.network.dropout(states))
        return logits.float().log_softmax(-1), num_frames

    def compile(self, *arguments, **options) -> None:
        """Compiles each transformer layer for itself, as HubertForPretraining does."""
        for layer in self.encoder.encoder.layers:
            layer.compile(*arguments, **options)

    def save(self, directory: str | Path) -> None:
        """Writes a Hugging Face directory: AutoModelForCTC, AutoTokenizer and
        AutoFeatureExtractor read it (after importing aubert.encoders.logmel where the front end
        is one)."""
        self.network.save_pretrained(directory)
        self.extractor.save_pretrained(directory)
        _tokenizer(self.tokens).save_pretrained(directory)


def _tokenizer(tokens: Sequence[str]) -> Wav2Vec2CTCTokenizer:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.json"
        path.write_text(
            json.dumps({token: number for number, token in enumerate(tokens)}), encoding="utf-8"
        )
        # It would add tokens that the network has no column for.
        return Wav2Vec2CTCTokenizer(
            path, bos_token=None, eos_token=None, unk_token=BLANK, pad_token=BLANK
        )
