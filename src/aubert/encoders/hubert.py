"""An encoder of HuBERT's form, of either front end: loaded, and run up to a layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import AutoConfig, AutoModel, HubertModel

from aubert.encoders.logmel import LogMelFrontEnd, LogMelHubertConfig
from aubert.encoders.norms import group_norm_of_rows, positions_of_rows
from aubert.encoders.pretrained import from_pretrained, load_network

# Convolutions over the waveform, a projection, and a transformer behind a positional convolution.
KINDS = ("hubert", LogMelHubertConfig.model_type, "wav2vec2", "wavlm", "data2vec-audio")


def load_encoder(name: str | Path) -> HubertModel:
    """The encoder of a model directory or a Hugging Face id, of one of KINDS; heads of the
    checkpoint are left out.

    Raises ValueError when it is none, or lacks weights."""
    name = str(name)
    try:
        config = from_pretrained(AutoConfig, name)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{name} is not a model directory, nor on the Hub: {reason}") from None
    if config.model_type not in KINDS:
        raise ValueError(
            f"{name} is a {config.model_type} model; what is asked for is one of {', '.join(KINDS)}"
        )
    if getattr(config, "add_adapter", False):
        raise ValueError(f"{name} has an adapter behind its encoder (add_adapter); it is not run")
    if not (config.mask_time_prob or config.mask_feature_prob):
        config.mask_time_prob = 0.05  # transformers' default: else there is no mask embedding
    encoder = load_network(AutoModel, name, "a speech encoder", config=config)
    positions_of_rows(encoder)
    return encoder


NORMALISED_EPSILON = 1e-5


def normalised(row: np.ndarray) -> np.ndarray:
    """The waveform with zero mean and unit variance, for models that take it so.

    As fairseq's layer_norm does it, which they were trained with. Hugging Face's feature extractor
    adds 1e-7 to the variance where fairseq adds 1e-5: other numbers where audio is low."""
    return (row - row.mean()) / np.sqrt(row.var() + NORMALISED_EPSILON)


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


def projected(encoder: HubertModel, extracted: torch.Tensor) -> torch.Tensor:
    """What the transformer takes [batch, frames, hidden_size], of the front end's features. (The
    classes of wav2vec 2.0 and its kin give the normalised features beside it.)"""
    found = encoder.feature_projection(extracted)
    return found[0] if isinstance(found, tuple) else found


def encode(
    encoder: HubertModel, samples: torch.Tensor, num_samples: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """What each row's transformer puts out [batch, frames, hidden_size], and the rows' frame
    counts, int64 [batch]. num_samples: as of `features`. A row's frames do not depend on the other
    rows.
    """
    hidden = projected(encoder, features(encoder, samples, num_samples))
    if num_samples is None:
        frames = torch.full((len(samples),), hidden.shape[1], device=samples.device)
        valid = None
    else:
        frames = encoder._get_feat_extract_output_lengths(num_samples)
        valid = torch.arange(hidden.shape[1], device=hidden.device) < frames[:, None]
    return encoder.encoder(hidden, attention_mask=valid)[0], frames


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
