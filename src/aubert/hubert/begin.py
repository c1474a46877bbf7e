"""Weights that a training of HuBERT begins with: a published encoder's, or another run's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from transformers import HubertModel, Wav2Vec2FeatureExtractor

from aubert.encoders.hubert import load_encoder
from aubert.encoders.pretrained import load_part
from aubert.hubert.network import options_of
from aubert.hubert.options import HubertOptions
from aubert.options import default_of

# Of HubertOptions what an encoder's weights decide; the rest is of the training.
SHAPE = (
    "front_end frame_rate_hz hidden_size num_layers num_heads intermediate_size conv_channels "
    "conv_norm conv_bias pre_norm normalise pos_conv_kernel pos_conv_groups"
).split()


def begun_with(name: str | Path, wanted: HubertOptions) -> tuple[HubertOptions, HubertModel]:
    """The options of a training that goes on from an encoder, and the encoder.

    name: a model directory or a Hugging Face id of a HuBERT; its heads are left out. wanted: its
    SHAPE is the encoder's where it is the default. Raises ValueError where it is another, where
    the encoder is no HuBERT that HubertOptions describe, and where it lacks weights.
    """
    encoder = load_encoder(name)
    extractor = load_part(Wav2Vec2FeatureExtractor, str(name), "a speech encoder")
    try:
        found = options_of(encoder.config, extractor.do_normalize)
    except ValueError as error:
        raise ValueError(f"{name} cannot be trained on: {error}") from None
    shape = {field: getattr(found, field) for field in SHAPE}
    other = [
        f"{field} is {getattr(wanted, field)} (of {name}: {value})"
        for field, value in shape.items()
        if getattr(wanted, field) not in (default_of(HubertOptions, field), value)
    ]
    if other:
        raise ValueError(f"{'; '.join(other)}: leave these out, the weights decide them")
    return replace(wanted, **shape), encoder
