"""HuBERT: masked prediction of hidden units (Hsu et al., 2021) around Hugging Face's encoder.

The encoder is a transformers.HubertModel, so that what is trained here loads anywhere; this
module adds what pre-training needs: the mask, the heads, the loss.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional
from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

from aubert import files
from aubert.audio import SAMPLE_RATE_HZ
from aubert.encoders import WINDOW_SAMPLES
from aubert.encoders.hubert import features, load_encoder
from aubert.encoders.logmel import LogMelHubertConfig, LogMelHubertModel
from aubert.hubert.batch import HubertBatch
from aubert.hubert.options import HubertOptions

HEADS_FILE = "heads.safetensors"
HEADS_JSON = "heads.json"


@dataclass(frozen=True)
class Units:
    """One label set that is predicted: its name, and how many labels there are (K)."""

    name: str
    num_units: int


def hubert_config(options: HubertOptions) -> HubertConfig:
    """The Hugging Face configuration of the encoder."""
    shape = {
        "hidden_size": options.hidden_size,
        "num_hidden_layers": options.num_layers,
        "num_attention_heads": options.num_heads,
        "intermediate_size": options.intermediate_size,
        "num_conv_pos_embeddings": options.pos_conv_kernel,
        "num_conv_pos_embedding_groups": options.pos_conv_groups,
        "do_stable_layer_norm": options.pre_norm,
        "hidden_dropout": options.dropout,
        "attention_dropout": options.attention_dropout,
        "activation_dropout": options.activation_dropout,
        "feat_proj_dropout": options.input_dropout,
        "layerdrop": options.layerdrop,
    }
    if options.front_end == "logmel":
        return LogMelHubertConfig(
            conv_dim=(options.conv_channels,),
            conv_kernel=(WINDOW_SAMPLES,),
            conv_stride=(options.hop_samples,),
            **shape,
        )
    return HubertConfig(
        conv_dim=(options.conv_channels,) * 7,
        feat_extract_norm=options.conv_norm,
        conv_bias=options.conv_bias,
        **shape,
    )


def options_of(config: HubertConfig, normalise: bool, **changes) -> HubertOptions:
    """The options of an encoder's configuration: hubert_config gives it back.

    changes: of masking, heads and loss, and other dropouts. Raises ValueError for a shape that
    HubertOptions do not describe, and for another model than a HuBERT."""
    if config.model_type not in ("hubert", LogMelHubertConfig.model_type):
        raise ValueError(f"it is a {config.model_type} model, not a HuBERT")
    shape = {
        "hidden_size": config.hidden_size,
        "num_layers": config.num_hidden_layers,
        "num_heads": config.num_attention_heads,
        "intermediate_size": config.intermediate_size,
        "conv_channels": config.conv_dim[0],
        "pos_conv_kernel": config.num_conv_pos_embeddings,
        "pos_conv_groups": config.num_conv_pos_embedding_groups,
        "pre_norm": config.do_stable_layer_norm,
        "normalise": normalise,
        "dropout": config.hidden_dropout,
        "attention_dropout": config.attention_dropout,
        "activation_dropout": config.activation_dropout,
        "input_dropout": config.feat_proj_dropout,
        "layerdrop": config.layerdrop,
    }
    if isinstance(config, LogMelHubertConfig):
        (hop_samples,) = config.conv_stride
        shape |= {"front_end": "logmel", "frame_rate_hz": SAMPLE_RATE_HZ // hop_samples}
    else:
        shape |= {"conv_norm": config.feat_extract_norm, "conv_bias": config.conv_bias}
    options = HubertOptions(**{**shape, **changes})
    again = hubert_config(options)
    other = [name for name in _SHAPE if _value(again, name) != _value(config, name)]
    if other:
        raise ValueError(
            f"HubertOptions do not describe it: a {config.model_type} model whose "
            f"{', '.join(other)} is another"
        )
    return options


def _value(config: HubertConfig, name: str):
    value = getattr(config, name)
    return tuple(value) if isinstance(value, list) else value


# Of a HubertConfig, beside what HubertOptions name.
_SHAPE = "conv_dim conv_kernel conv_stride conv_pos_batch_norm feat_extract_activation hidden_act"
_SHAPE = _SHAPE.split()


def build_encoder(options: HubertOptions) -> HubertModel:
    """A new encoder; its weights come from torch's generator, with fairseq's distributions."""
    config = hubert_config(options)
    encoder = (LogMelHubertModel if options.front_end == "logmel" else HubertModel)(config)
    # Two of Hugging Face's differ: the projection of the features has a deviation of .02 at any
    # width, and the positional convolution, drawn as any other, three times fairseq's.
    encoder.feature_projection.projection.reset_parameters()
    position = encoder.encoder.pos_conv_embed.conv
    std = math.sqrt(4 / (options.pos_conv_kernel * options.hidden_size))
    position.weight = torch.randn_like(position.weight) * std
    return encoder


class UnitHeads(nn.Module):
    """One head per label set: a projection and K label embeddings, not shared between sets
    (fairseq's untie_final_proj).

    The logit of unit c for state o is cos(A o, e_c) / temperature (HuBERT, eq. 3), here as
    one product of normalised matrices: fairseq and torchaudio compute the K similarities of
    each frame from an expanded [K + 1, frames, final_dim] tensor.
    """

    def __init__(
        self, hidden_size: int, units: Sequence[Units], final_dim: int, temperature: float
    ):
        super().__init__()
        self.temperature = temperature
        self.projections = nn.ModuleList(nn.Linear(hidden_size, final_dim) for _ in units)
        self.embeddings = nn.ParameterList(torch.rand(one.num_units, final_dim) for one in units)

    def logits(self, states: torch.Tensor, index: int) -> torch.Tensor:
        """float32 [num_states, K] of states [num_states, hidden_size] for label set `index`."""
        projected = functional.normalize(self.projections[index](states).float(), dim=-1)
        embeddings = functional.normalize(self.embeddings[index].float(), dim=-1)
        with torch.autocast(states.device.type, enabled=False):  # / 0.1 magnifies its rounding
            return projected @ embeddings.T / self.temperature


class HubertForPretraining(nn.Module):
    """An encoder with one head per label set, and the loss of masked prediction."""

    def __init__(self, options: HubertOptions, units: Sequence[Units]):
        """units: in the order of HubertBatch.labels. Raises ValueError when there are none."""
        super().__init__()
        if not units:
            raise ValueError("no label set is given; masked prediction needs at least one")
        self.options = options
        self.units = tuple(units)
        self.encoder = build_encoder(options)
        self.heads = UnitHeads(options.hidden_size, units, options.final_dim, options.temperature)

    def forward(self, batch: HubertBatch) -> tuple[torch.Tensor, int, dict[str, torch.Tensor]]:
        """(loss summed over the counted frames, how many they are, metrics).

        The loss is alpha L_m + (1 - alpha) L_u (eq. 1 and 2) summed over label sets, plus
        feature_penalty x the mean square of the front end's features x num_targets, as
        fairseq scales it. Metrics are sums over the targets: divided by num_targets, they
        are means.
        """
        options = self.options
        num_samples = batch.num_samples if batch.padded else None
        extracted = features(self.encoder, batch.samples, num_samples)
        if options.feature_grad_scale != 1:
            extracted = _scale_gradient(extracted, options.feature_grad_scale)
        valid = None
        if batch.padded:
            lengths = (batch.num_samples - WINDOW_SAMPLES) // options.hop_samples + 1
            valid = torch.arange(extracted.shape[1], device=extracted.device) < lengths[:, None]
        num_targets = len(batch.counted)
        penalty = _mean_square(extracted, valid) * num_targets

        hidden = self.encoder.feature_projection(extracted)
        mask_embedding = self.encoder.masked_spec_embed.to(hidden.dtype)
        hidden = torch.where(batch.mask[..., None], mask_embedding, hidden)
        hidden = self.encoder.encoder(hidden, attention_mask=valid)[0]

        states = hidden.flatten(0, 1)[batch.counted]
        loss, metrics = self._unit_loss(states, batch)
        metrics["penalty"] = penalty.detach()
        return loss + options.feature_penalty * penalty, num_targets, metrics

    def compile(self, *arguments, **options) -> None:
        """Compiles each transformer layer for itself: they share one compilation, while
        layerdrop, the mask and the choice of frames would break or repeat that of the whole."""
        for layer in self.encoder.encoder.layers:
            layer.compile(*arguments, **options)

    def _unit_loss(
        self, states: torch.Tensor, batch: HubertBatch
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        alpha, num_masked = self.options.masked_weight, batch.num_masked
        loss = states.new_zeros((), dtype=torch.float32)
        metrics: dict[str, torch.Tensor] = {}
        # Every counted frame is in the denominator of a metric; a share of the masked ones is
        # scaled to it.
        scale = len(batch.counted) / num_masked
        for index, one in enumerate(self.units):
            logits = self.heads.logits(states, index)
            labels = batch.labels[index]
            nll = functional.cross_entropy(logits, labels, reduction="none")
            loss = loss + alpha * nll[:num_masked].sum() + (1 - alpha) * nll[num_masked:].sum()
            predicted, there = logits[:num_masked].detach().argmax(-1), labels[:num_masked]
            hits = predicted == there
            metrics[f"{one.name}.masked_accuracy"] = hits.sum() * scale
            covered = _coverage(predicted, there, one.num_units)
            metrics[f"{one.name}.coverage"] = covered * len(batch.counted)
            metrics[f"{one.name}.masked_nll"] = nll[:num_masked].detach().sum() * scale
        return loss, metrics

    def save(self, directory: str | Path) -> None:
        """Writes a Hugging Face model directory (a plain HubertModel for `waveform`) with
        heads.safetensors and heads.json beside the encoder's files."""
        directory = Path(directory)
        save_encoder(self.encoder, self.options, directory)
        with files.complete(directory / HEADS_FILE) as part:
            save_file(self.heads.state_dict(), part)
        content = {"options": asdict(self.options), "units": [vars(one) for one in self.units]}
        files.write_json(directory / HEADS_JSON, content)

    @classmethod
    def load(cls, directory: str | Path) -> HubertForPretraining:
        """Reads what `save` wrote. Raises ValueError when the directory has no heads."""
        directory = Path(directory)
        if not (directory / HEADS_JSON).is_file():
            raise ValueError(
                f"{directory} holds no {HEADS_JSON}: it is not a pre-training checkpoint of "
                f"aubert; load_encoder reads any HubertModel"
            )
        content = json.loads((directory / HEADS_JSON).read_text(encoding="utf-8"))
        units = [Units(**one) for one in content["units"]]
        model = cls(HubertOptions(**content["options"]), units)
        model.encoder = load_encoder(directory)
        model.heads.load_state_dict(load_file(directory / HEADS_FILE))
        return model


def save_encoder(encoder: HubertModel, options: HubertOptions, directory: str | Path) -> None:
    """Writes a Hugging Face model directory with its feature extractor."""
    encoder.save_pretrained(directory)
    Wav2Vec2FeatureExtractor(
        do_normalize=options.normalise, return_attention_mask=options.conv_norm == "layer"
    ).save_pretrained(directory)


def _scale_gradient(tensor: torch.Tensor, scale: float) -> torch.Tensor:
    """The same values, with gradients times `scale`."""
    return tensor * scale + tensor.detach() * (1 - scale)


def _coverage(predicted: torch.Tensor, labels: torch.Tensor, num_units: int) -> torch.Tensor:
    """Of the units among `labels` the share that is predicted anywhere: near 1 / num_units where
    all frames are given one unit. predicted, labels: int64 [num_frames]."""
    seen = labels.new_zeros((2, num_units), dtype=torch.bool)
    seen[0, predicted], seen[1, labels] = True, True
    return (seen[0] & seen[1]).sum() / seen[1].sum().clamp(min=1)


def _mean_square(values: torch.Tensor, valid: torch.Tensor | None) -> torch.Tensor:
    squares = values.float().square()
    if valid is None:
        return squares.mean()
    return (squares.mean(-1) * valid).sum() / valid.sum()
