"""AuBERT: a text encoder and an audio encoder whose vectors of one token in one context agree.

The encoders are Hugging Face's, any text encoder and any HuBERT; this module adds what stands
on them: poolers over the span and over the segment, projections, the scorer, and the loss.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional
from transformers import (
    AutoModel,
    AutoTokenizer,
    HubertModel,
    PreTrainedModel,
    Wav2Vec2FeatureExtractor,
)

from aubert import files
from aubert.crossmodal.batch import AubertBatch, Segments, Texts
from aubert.crossmodal.contrast import CosineScorer, MlpScorer, contrast, may_contrast
from aubert.crossmodal.options import AubertOptions
from aubert.crossmodal.pooling import MlpProjection, Pooler, spans
from aubert.encoders.hubert import every_layer, features, load_encoder, projected
from aubert.encoders.pretrained import load_network, load_part
from aubert.learn.distributed import spread

TEXT_DIR, AUDIO_DIR = "text", "audio"
HEADS_FILE, JSON_FILE = "heads.safetensors", "aubert.json"


class Branch(nn.Module):
    """Pooler and projection over one encoder."""

    def __init__(self, width: int, options: AubertOptions):
        super().__init__()
        self.pooler = Pooler(options.pooling, width)
        if options.projection == "mlp":
            arguments = (self.pooler.out_width, options.projection_dim, options.dropout)
            self.projection: nn.Module = MlpProjection(*arguments)
        else:
            self.projection = nn.Linear(self.pooler.out_width, options.projection_dim)

    def forward(self, states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return self.projection(self.pooler(states, lengths))


class LayerSum(nn.Module):
    """The layers' states, each normalised, added with learnt weights (as ELMo and SUPERB do)."""

    def __init__(self, num_layers: int):
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(num_layers))

    def forward(self, layers: Sequence[torch.Tensor]) -> torch.Tensor:
        shares = self.weights.softmax(0)
        return sum(
            share * functional.layer_norm(states, states.shape[-1:])
            for share, states in zip(shares, layers, strict=True)
        )


class MlmHead(nn.Module):
    """BERT's prediction of masked tokens, over the text encoder's own embeddings."""

    def __init__(self, width: int, embedding_width: int, num_tokens: int):
        super().__init__()
        self.transform = nn.Linear(width, embedding_width)
        self.norm = nn.LayerNorm(embedding_width)
        self.bias = nn.Parameter(torch.zeros(num_tokens))

    def forward(self, states: torch.Tensor, embeddings: torch.Tensor) -> torch.Tensor:
        states = self.norm(functional.gelu(self.transform(states)))
        return functional.linear(states, embeddings, self.bias)


class AubertModel(nn.Module):
    """Both encoders and the heads; `tokenizer` and `extractor` are what their input takes."""

    def __init__(
        self,
        text_encoder: PreTrainedModel,
        tokenizer,
        audio_encoder: HubertModel,
        extractor: Wav2Vec2FeatureExtractor,
        options: AubertOptions,
    ):
        """The heads' weights come from torch's generator. Raises ValueError when the text
        encoder takes fewer than max_tokens, or has no mask token and mlm_weight wants one."""
        super().__init__()
        if options.max_tokens > tokenizer.model_max_length:
            raise ValueError(
                f"max_tokens is {options.max_tokens}; the text encoder takes "
                f"{tokenizer.model_max_length} at most"
            )
        if options.mlm_weight and tokenizer.mask_token_id is None:
            raise ValueError("the tokenizer has no mask token: set mlm_weight to 0")
        self.options = options
        self.tokenizer, self.extractor = tokenizer, extractor
        self.text_encoder, self.audio_encoder = text_encoder, audio_encoder
        # The front end stays as it was pre-trained; it would collapse under this loss.
        self.audio_encoder.feature_extractor.requires_grad_(False)
        self.heads = nn.ModuleDict(
            {
                "text": Branch(text_encoder.config.hidden_size, options),
                "audio": Branch(audio_encoder.config.hidden_size, options),
                "scorer": CosineScorer()
                if options.scorer == "cosine"
                else MlpScorer(options.projection_dim, options.scorer_hidden),
            }
        )
        if options.audio_layers == "all":
            self.heads["layers"] = LayerSum(audio_encoder.config.num_hidden_layers + 1)
        if options.mlm_weight:
            num_tokens, embedding_width = text_encoder.get_input_embeddings().weight.shape
            width = text_encoder.config.hidden_size
            self.heads["mlm"] = MlmHead(width, embedding_width, num_tokens)

    @classmethod
    def from_encoders(cls, text: str | Path, audio: str | Path, options: AubertOptions):
        """text, audio: model directories or Hugging Face ids. Raises ValueError when they are no
        such models."""
        text, audio, what = str(text), str(audio), "a text encoder"
        return cls(
            load_network(AutoModel, text, what),
            load_part(AutoTokenizer, text, what),
            load_encoder(audio),
            load_part(Wav2Vec2FeatureExtractor, audio, "a speech encoder"),
            options,
        )

    def freeze_audio(self, frozen: bool) -> None:
        """Whether training leaves the audio encoder as it is. Its front end always stays."""
        for name, weight in self.audio_encoder.named_parameters():
            if not name.startswith("feature_extractor."):
                weight.requires_grad_(not frozen)

    def text_states(self, batch: Texts) -> torch.Tensor:
        """The text encoder's last layer [rows, tokens, width]."""
        steps = torch.arange(batch.ids.shape[1], device=batch.ids.device)
        mask = (steps < batch.num_tokens[:, None]).long()
        return self.text_encoder(input_ids=batch.ids, attention_mask=mask).last_hidden_state

    @property
    def hop_samples(self) -> int:
        """Samples from one frame of the audio encoder to the next."""
        return math.prod(self.audio_encoder.config.conv_stride)

    def audio_states(self, batch: Segments) -> tuple[torch.Tensor, torch.Tensor]:
        """The audio encoder's last layer over the segments [rows, frames, width], and their
        frame counts. A segment that is shorter than a frame has one. Where options want it, the
        encoder attends to the audio around a segment, too."""
        encoder = self.audio_encoder
        trains = any(weight.requires_grad for weight in encoder.parameters())
        with torch.set_grad_enabled(trains and torch.is_grad_enabled()):
            extracted = features(encoder, batch.samples, batch.num_samples)
            frames = encoder._get_feat_extract_output_lengths
            starts = batch.context_starts // self.hop_samples
            left = frames(batch.num_samples) - starts
            lengths = torch.minimum(frames(batch.context_lengths), left).clamp(min=1)
            inside = spans(extracted, starts, lengths)
            valid = torch.arange(inside.shape[1], device=inside.device) < lengths[:, None]
            hidden = projected(encoder, inside)
            if self.options.audio_layers == "last":
                states = encoder.encoder(hidden, attention_mask=valid)[0]
            else:
                layers = every_layer(encoder, hidden, valid)
        if self.options.audio_layers == "all":
            states = self.heads["layers"](layers)
        if not self.options.audio_context_seconds:
            return states, lengths
        before = (batch.segment_starts - batch.context_starts) // self.hop_samples
        own = torch.minimum(frames(batch.segment_lengths), lengths - before).clamp(min=1)
        return spans(states, before, own), own

    def embed_text(self, batch: Texts) -> torch.Tensor:
        """[rows, projection_dim] of the spans in their contexts."""
        return self._embed_spans(self.text_states(batch), batch)

    def embed_audio(self, batch: Segments) -> torch.Tensor:
        """[rows, projection_dim] of the segments."""
        return self.heads["audio"](*self.audio_states(batch))

    def score(self, text: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
        """float32 [texts, audios] of embeddings: the higher, the better they agree."""
        return self.heads["scorer"](text, audio)

    def _embed_spans(self, states: torch.Tensor, batch: Texts) -> torch.Tensor:
        inside = spans(states, batch.span_starts, batch.span_lengths)
        return self.heads["text"](inside, batch.span_lengths)

    def forward(self, batch: AubertBatch) -> tuple[torch.Tensor, int, dict[str, torch.Tensor]]:
        """(loss summed over the own pairs that are contrasted with another, how many they are,
        metrics summed over them).

        The masked-language-model loss is a mean over the masked tokens of this process, scaled
        to the targets as the contrast is.
        """
        own = len(batch.places)
        states = self.text_states(batch)
        whole = [
            spread(rows[:own], batch.places, batch.num_pairs)
            for rows in (
                self._embed_spans(states, batch), self.embed_audio(batch),
                batch.groups, batch.texts,
            )
        ]  # fmt: skip
        text, audio, groups, texts = whole
        allowed = may_contrast(groups, texts, batch.places, batch.same_group)
        found = contrast(self.heads["scorer"], text, audio, batch.places, allowed)
        loss, num_targets = found.loss, found.num_targets
        metrics = {
            "contrast": found.loss.detach(),
            "text_to_audio": found.text_to_audio_hits,
            "audio_to_text": found.audio_to_text_hits,
        }
        if "mlm" in self.heads and len(batch.masked):
            nll = self._mlm_loss(states, batch)
            loss = loss + self.options.mlm_weight * nll * num_targets
            metrics["mlm"] = nll.detach() * num_targets
        return loss, num_targets, metrics

    def _mlm_loss(self, states: torch.Tensor, batch: AubertBatch) -> torch.Tensor:
        embeddings = self.text_encoder.get_input_embeddings().weight
        logits = self.heads["mlm"](states.flatten(0, 1)[batch.masked], embeddings)
        return functional.cross_entropy(logits.float(), batch.masked_ids)

    def save(self, directory: str | Path) -> None:
        """Writes text/ and audio/, Hugging Face model directories with what their input takes,
        heads.safetensors and aubert.json."""
        directory = Path(directory)
        self.text_encoder.save_pretrained(directory / TEXT_DIR)
        self.tokenizer.save_pretrained(directory / TEXT_DIR)
        self.audio_encoder.save_pretrained(directory / AUDIO_DIR)
        self.extractor.save_pretrained(directory / AUDIO_DIR)
        with files.complete(directory / HEADS_FILE) as part:
            save_file(self.heads.state_dict(), part)
        files.write_json(directory / JSON_FILE, {"options": asdict(self.options)})

    @classmethod
    def load(cls, directory: str | Path) -> AubertModel:
        """Reads what `save` wrote. Raises ValueError when the directory is no such model."""
        directory = Path(directory)
        content = _read_json(directory)
        options = AubertOptions(**content["options"])
        model = cls.from_encoders(directory / TEXT_DIR, directory / AUDIO_DIR, options)
        model.heads.load_state_dict(load_file(directory / HEADS_FILE))
        return model.eval()


def _read_json(directory: Path) -> Mapping:
    path = directory / JSON_FILE
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise ValueError(f"{directory} is not an AuBERT model directory: {error}") from None
