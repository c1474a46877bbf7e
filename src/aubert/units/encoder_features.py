"""Hidden states of a layer of any Hugging Face speech encoder.

Layers count as fairseq's output_layer does: layer L is what comes out of the L-th
transformer layer, `hidden_states[L]`; layer 0 is what goes into the first one. Of a pre-norm model
(LARGE) the last layer is read before the norm that ends the encoder.
"""

from __future__ import annotations

import hashlib

import numpy as np

from aubert.encoders.network import (
    POOL_BATCHES,
    NetworkOptions,
    WaveformNetwork,
)
from aubert.encoders.pretrained import load_network, load_part
from aubert.options import NaturalInt, options_class
from aubert.units.shards import FeatureKind

# Features cost GPU time, so an edit of this code does not make units again: raise this when
# they would come out different, and the workflow does.
VERSION = 2


@options_class
class EncoderOptions(NetworkOptions):
    """How an encoder is run.

    layer: transformer layer, from 1 (0 is the first layer's input); 6 is what HuBERT's second
      iteration uses; null: all, in one pass
    """

    layer: NaturalInt | None = 6


class Encoder(WaveformNetwork):
    """An encoder, read off at one layer, or at all.

    `run` yields (utterance_id, float32 [num_frames, hidden size]), in overlapping windows
    where the audio is long, with exactly the frames of one pass. With all layers, they stand
    side by side in the columns; `by_layer` takes them apart.

    layers: that are read, from 0
    hash: of its class and weights, all layers: identifies what a codebook was learned from
    kind: of its features
    """

    def __init__(self, network, feature_extractor, options: EncoderOptions, name: str):
        """network: as AutoModel gives it, in evaluation mode; it is cut off above the layer."""
        num_layers = network.config.num_hidden_layers
        if options.layer is not None and not 0 <= options.layer <= num_layers:
            raise ValueError(
                f"layer is {options.layer}, but {name} has {num_layers} layers; choose one from "
                f"0 (the input of the first) to {num_layers}"
            )
        self.layers = range(num_layers + 1) if options.layer is None else (options.layer,)
        self.hash = _hash(network)
        # One layer more than is read: some encoders normalise what their last layer puts out.
        network.encoder.layers = network.encoder.layers[: self.layers[-1] + 1]
        num_columns = len(self.layers) * network.config.hidden_size
        super().__init__(network, feature_extractor, options, name, num_columns)
        self.pool_batches = max(1, POOL_BATCHES // len(self.layers))
        self.rate_hz = self.sample_rate_hz / self.stride_samples
        self.kind = FeatureKind("hidden", self.rate_hz, options.layer, self.hash)

    @property
    def settings(self) -> dict[str, float | str]:
        """What the features depend on a little, beside their kind."""
        return {
            "window_seconds": self._options.window_seconds,
            "overlap_seconds": self._options.overlap_seconds,
            "precision": "bfloat16" if self._bfloat16 else "float32",
        }

    @classmethod
    def load(cls, model: str, options: EncoderOptions) -> Encoder:
        """model: a directory or a Hugging Face id. Raises ValueError when it is no such checkpoint,
        and lacks weights or the layer."""
        from transformers import AutoFeatureExtractor, AutoModel

        what = "a speech encoder"
        network = load_network(AutoModel, model, what)
        return cls(network, load_part(AutoFeatureExtractor, model, what), options, model)

    def by_layer(self, features: np.ndarray) -> np.ndarray:
        """[num_frames, num_columns] as `run` yields them -> [layers, num_frames, hidden size]."""
        shape = (len(features), len(self.layers), self.num_columns // len(self.layers))
        return features.reshape(shape).transpose(1, 0, 2)

    def _outputs(self, inputs):
        import torch

        states = self._network(**inputs, output_hidden_states=True).hidden_states
        return torch.cat([states[layer].float() for layer in self.layers], dim=2)


def _hash(network) -> str:
    import torch

    digest = hashlib.blake2b(digest_size=8)
    digest.update(type(network).__name__.encode())
    for name, weights in sorted(network.state_dict().items()):
        digest.update(f"{name} {tuple(weights.shape)} {weights.dtype}".encode())
        digest.update(weights.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
