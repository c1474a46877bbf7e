"""A HuBERT encoder, of either front end: loaded, and run up to a layer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import HubertModel

from aubert.encoders.group_norm import group_norm_of_rows
from aubert.encoders.logmel import LogMelFrontEnd, LogMelHubertConfig, LogMelHubertModel


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


def normalised(row: np.ndarray) -> np.ndarray:
    """As Hugging Face's feature extractor (do_normalize) does it."""
    return (row - row.mean()) / np.sqrt(row.var() + 1e-7)


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
