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
from aubert.models.group_norm import group_norm_of_rows
from aubert.models.hubert_batch import HubertBatch
from aubert.models.hubert_options import WINDOW_SAMPLES, HubertOptions
from aubert.models.logmel import LogMelFrontEnd, LogMelHubertConfig, LogMelHubertModel

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


def build_encoder(options: HubertOptions) -> HubertModel:
    """A new encoder; its weights come from torch's generator."""
    config = hubert_config(options)
    encoder = (LogMelHubertModel if options.front_end == "logmel" else HubertModel)(config)
    # Hugging Face scales the positional convolution as any other, three times too large
    # beside fairseq's and torchaudio's.
    position = encoder.encoder.pos_conv_embed.conv
    std = math.sqrt(4 / (options.pos_conv_kernel * options.hidden_size))
    position.weight = torch.randn_like(position.weight) * std
    return encoder


def features(
    encoder: HubertModel, samples: torch.Tensor, num_samples: torch.Tensor | None = None
) -> torch.Tensor:
    """The front end's features [batch, frames, channels] of samples [batch, samples].

    num_samples: int64 [batch], the rows' lengths; None: no row is padded. Other than in
    transformers, fairseq and torchaudio, padding does not change a row's features: the group
    norm of BASE's first convolution takes its mean over the row's own frames.
    """
    front_end = encoder.feature_extractor
    if isinstance(front_end, LogMelFrontEnd):
        return front_end(samples, num_samples).transpose(1, 2)
    hidden = samples[:, None]
    for layer in front_end.conv_layers:
        norm = getattr(layer, "layer_norm", None)
        if num_samples is not None and isinstance(norm, nn.GroupNorm):
            (kernel,), (stride,) = layer.conv.kernel_size, layer.conv.stride
            lengths = ((num_samples - kernel) // stride + 1).tolist()
            hidden = layer.activation(group_norm_of_rows(norm, layer.conv(hidden), lengths))
        else:
            hidden = layer(hidden)
    return hidden.transpose(1, 2)


def encode(
    encoder: HubertModel,
    samples: torch.Tensor,
    num_samples: torch.Tensor | None = None,
    layer: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Layer `layer` of each row (0: what the first layer takes, None: the last), as
    transformers numbers `hidden_states` and fairseq output_layer; and the rows' frame counts.

    Returns ([batch, frames, hidden_size], int64 [batch]). A row's frames do not depend on
    the other rows. Raises ValueError for an unknown layer.
    """
    num_layers = encoder.config.num_hidden_layers
    if layer is not None and not 0 <= layer <= num_layers:
        raise ValueError(f"layer is {layer}; this model has layers 0 to {num_layers}")
    hidden = encoder.feature_projection(features(encoder, samples, num_samples))
    if num_samples is None:
        frames = torch.full((len(samples),), hidden.shape[1], device=samples.device)
        valid = None
    else:
        frames = encoder._get_feat_extract_output_lengths(num_samples)
        valid = torch.arange(hidden.shape[1], device=hidden.device) < frames[:, None]
    if layer in (None, num_layers):
        return encoder.encoder(hidden, attention_mask=valid)[0], frames
    return _input_of_layer(encoder.encoder, layer, hidden, valid), frames


def _input_of_layer(
    transformer: nn.Module, layer: int, hidden: torch.Tensor, valid: torch.Tensor | None
) -> torch.Tensor:
    """Runs no layer behind it; transformers' own recorder runs, and keeps, all of them."""
    kept: list[torch.Tensor] = []

    def keep(_module, arguments):
        kept.append(arguments[0])

    every_layer = transformer.layers
    handle = every_layer[layer].register_forward_pre_hook(keep)
    transformer.layers = every_layer[: layer + 1]
    try:
        transformer(hidden, attention_mask=valid)
    finally:
        transformer.layers = every_layer
        handle.remove()
    return kept[0]


def every_layer(
    encoder: HubertModel, hidden: torch.Tensor, valid: torch.Tensor | None
) -> list[torch.Tensor]:
    """What each transformer layer takes, and the last one's output: [batch, frames, hidden_size]
    each. hidden: of the feature projection; valid: bool [batch, frames]. A layer that layerdrop
    leaves out takes what the next one does."""
    transformer = encoder.encoder
    taken: dict[int, torch.Tensor] = {}

    def keep(index: int):
        return lambda _module, arguments: taken.__setitem__(index, arguments[0])

    handles = [
        layer.register_forward_pre_hook(keep(index))
        for index, layer in enumerate(transformer.layers)
    ]
    try:
        states = [transformer(hidden, attention_mask=valid)[0]]
    finally:
        for handle in handles:
            handle.remove()
    for index in reversed(range(len(transformer.layers))):
        states.insert(0, taken.get(index, states[0]))
    return states


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
        for projection in self.projections:
            nn.init.normal_(projection.weight, std=0.02)
            nn.init.zeros_(projection.bias)
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
            hits = logits[:num_masked].detach().argmax(-1) == labels[:num_masked]
            metrics[f"{one.name}.masked_accuracy"] = hits.sum() * scale
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


def load_encoder(directory: str | Path) -> HubertModel:
    """The encoder of a model directory, of either front end, from safetensors only.

    Raises ValueError when it is none."""
    path = Path(directory) / "config.json"
    try:
        kind = json.loads(path.read_text(encoding="utf-8")).get("model_type")
    except (OSError, json.JSONDecodeError) as error:
        raise ValueError(f"{directory} is not a model directory: {error}") from None
    classes = {"hubert": HubertModel, LogMelHubertConfig.model_type: LogMelHubertModel}
    if kind not in classes:
        raise ValueError(f"{path} describes a {kind} model, not a HuBERT")
    return classes[kind].from_pretrained(
        directory, local_files_only=True, use_safetensors=True, dtype=torch.float32
    )


def _scale_gradient(tensor: torch.Tensor, scale: float) -> torch.Tensor:
    """The same values, with gradients times `scale`."""
    return tensor * scale + tensor.detach() * (1 - scale)


def _mean_square(values: torch.Tensor, valid: torch.Tensor | None) -> torch.Tensor:
    squares = values.float().square()
    if valid is None:
        return squares.mean()
    return (squares.mean(-1) * valid).sum() / valid.sum()
