"""Hidden states of a layer of any Hugging Face speech encoder.

Layers count as fairseq's output_layer does: layer L is what comes out of the L-th
transformer layer, `hidden_states[L]`; layer 0 is what goes into the first one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from aubert.transcribe.network import NetworkOptions, WaveformNetwork, from_pretrained


@dataclass(frozen=True, kw_only=True)
class EncoderOptions(NetworkOptions):
    """How an encoder is run.

    layer: 1 is the first transformer layer, 0 its input; 6 is what HuBERT's second iteration
      learned from
    """

    layer: int = 6


class Encoder(WaveformNetwork):
    """An encoder, read off at one layer.

    `run` yields (utterance_id, float32 [num_frames, hidden size]), in overlapping windows
    where the audio is long, with exactly the frames of one pass.

    hash: of its class and weights, all layers: says what a codebook was learned from
    """

    def __init__(self, network, feature_extractor, options: EncoderOptions, name: str):
        """network: as AutoModel gives it, in evaluation mode; it is cut off above the layer."""
        num_layers = network.config.num_hidden_layers
        if not 0 <= options.layer <= num_layers:
            raise ValueError(
                f"layer is {options.layer}, but {name} has {num_layers} layers; choose one from "
                f"0 (the input of the first) to {num_layers}"
            )
        self.layer = options.layer
        self.hash = _hash(network)
        # One layer more than is read: some encoders normalise what their last layer puts out.
        network.encoder.layers = network.encoder.layers[: options.layer + 1]
        super().__init__(network, feature_extractor, options, name, network.config.hidden_size)
        self.rate_hz = self.sample_rate_hz / self.stride_samples

    @classmethod
    def load(cls, model: str, options: EncoderOptions) -> Encoder:
        """model: a directory or a Hugging Face id; pickled weights are never read. Raises
        ValueError when it is no such checkpoint or lacks the layer."""
        from transformers import AutoFeatureExtractor, AutoModel

        try:
            network = from_pretrained(AutoModel, model, use_safetensors=True)
            extractor = from_pretrained(AutoFeatureExtractor, model)
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{model} is not a speech encoder in Hugging Face's layout, or cannot be fetched "
                f"({str(error).splitlines()[0]})"
            ) from error
        return cls(network.eval(), extractor, options, model)

    def _outputs(self, inputs):
        outputs = self._network(**inputs, output_hidden_states=True)
        return outputs.hidden_states[self.layer].float()


def _hash(network) -> str:
    import torch

    digest = hashlib.blake2b(digest_size=8)
    digest.update(type(network).__name__.encode())
    for name, weights in sorted(network.state_dict().items()):
        digest.update(f"{name} {tuple(weights.shape)} {weights.dtype}".encode())
        digest.update(weights.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
