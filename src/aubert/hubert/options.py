"""The shape of a HuBERT, its masking and its loss. Light: no torch here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from aubert.audio import SAMPLE_RATE_HZ
from aubert.encoders import WINDOW_SAMPLES
from aubert.learn.options import UtteranceTrainOptions
from aubert.options import NaturalFloat, PositiveFloat, PositiveInt, Share, options_class

# Training costs days, so an edit of code does not train again: raise this when the weights
# would come out different, and the workflow does.
VERSION = 4


@options_class
class HubertOptions:
    """HuBERT's shape, masking and loss; the defaults are the paper's BASE.

    front_end: waveform is the paper's seven convolutions and saves as a plain Hugging Face
      HubertModel; logmel is 80 log-mel bands and strided convolutions, which a small budget can
      train
    frame_rate_hz: frames per second; waveform has 50, logmel 25 or 50
    hidden_size: width of the transformer; a multiple of num_heads and pos_conv_groups
    num_layers: layers of the transformer
    num_heads: attention heads per layer
    intermediate_size: width of the feed-forward layers
    conv_channels: channels of every convolution of the front end
    conv_norm: group normalises the first convolution only (BASE), layer each one (LARGE); no
      effect on logmel
    conv_bias: whether the convolutions have a bias; the paper's have none; no effect on logmel
    pre_norm: whether layer normalisation comes before attention and feed-forward (LARGE) or after
      them (BASE)
    normalise: whether the audio is brought to zero mean and unit variance (LARGE); no effect on
      logmel, which normalises each band
    pos_conv_kernel: frames that the positional convolution covers
    pos_conv_groups: groups of the positional convolution
    dropout: after attention, feed-forward and the positional convolution
    attention_dropout: on the attention weights
    activation_dropout: inside the feed-forward layers
    input_dropout: on the projected features
    layerdrop: probability that a layer is left out of a training step
    final_dim: width in which frames are compared with label embeddings
    temperature: divisor of the cosine similarities
    mask_fraction: the paper's mask probability: fraction x frames / span spans are started; they
      overlap, and 1 - exp(-fraction) of the frames are masked: 55% at 0.8
    mask_span: frames of a span; 10 are 200 ms at 50 Hz
    masked_weight: the paper's alpha: masked frames weigh alpha, the others 1 - alpha
    feature_grad_scale: factor on the front end's gradients; below 1 keeps it from collapsing
    feature_penalty: weight of the mean square of the front end's output, per target
    """

    front_end: Literal["waveform", "logmel"] = "waveform"
    frame_rate_hz: Literal[25, 50] = 50
    hidden_size: PositiveInt = 768
    num_layers: PositiveInt = 12
    num_heads: PositiveInt = 12
    intermediate_size: PositiveInt = 3072
    conv_channels: PositiveInt = 512
    conv_norm: Literal["group", "layer"] = "group"
    conv_bias: bool = False
    pre_norm: bool = False
    normalise: bool = False
    pos_conv_kernel: PositiveInt = 128
    pos_conv_groups: PositiveInt = 16
    dropout: Share = 0.1
    attention_dropout: Share = 0.1
    activation_dropout: Share = 0.0
    input_dropout: Share = 0.1
    layerdrop: Share = 0.05
    final_dim: PositiveInt = 256
    temperature: PositiveFloat = 0.1
    mask_fraction: PositiveFloat = 0.8
    mask_span: PositiveInt = 10
    masked_weight: Share = 1.0
    feature_grad_scale: NaturalFloat = 0.1
    feature_penalty: NaturalFloat = 10.0

    def __post_init__(self) -> None:
        if self.front_end == "waveform" and self.frame_rate_hz != 50:
            raise ValueError(
                f"frame_rate_hz is {self.frame_rate_hz}; a waveform front end has 50: set it, or "
                f"let front_end be logmel"
            )
        for divisor in ("num_heads", "pos_conv_groups"):
            if self.hidden_size % getattr(self, divisor):
                raise ValueError(
                    f"hidden_size {self.hidden_size} cannot be divided by {divisor} "
                    f"{getattr(self, divisor)}"
                )

    @classmethod
    def base(cls, **changes: Any) -> HubertOptions:
        """The paper's BASE (95 M weights)."""
        return cls(**changes)

    @classmethod
    def large(cls, **changes: Any) -> HubertOptions:
        """The paper's LARGE (317 M weights), as fairseq's hubert_large_librivox trains it."""
        values: dict[str, Any] = {
            "hidden_size": 1024,
            "num_layers": 24,
            "num_heads": 16,
            "intermediate_size": 4096,
            "conv_norm": "layer",
            "pre_norm": True,
            "normalise": True,
            "dropout": 0.0,
            "attention_dropout": 0.0,
            "input_dropout": 0.0,
            "layerdrop": 0.0,
            "final_dim": 768,
            "feature_grad_scale": 1.0,
        }
        return cls(**(values | changes))

    @property
    def hop_samples(self) -> int:
        """Samples from one frame to the next."""
        return SAMPLE_RATE_HZ // self.frame_rate_hz

    def num_frames(self, num_samples: int) -> int:
        """(N - 400) // hop + 1, of either front end; 0 for audio shorter than a window."""
        return max(0, (num_samples - WINDOW_SAMPLES) // self.hop_samples + 1)


@options_class
class HubertTrainOptions(UtteranceTrainOptions):
    """Pre-training. The defaults are those of BASE's first iteration.

    mix_share: share of the utterances into which another voice of the batch, or noise, is mixed,
      in half of their length at most; WavLM has 0.2
    noise_share: share of these that get noise, between white and brown, 5 dB above to 20 dB below
      the speech; WavLM has recorded noise; no effect without mix_share
    """

    mix_share: Share = 0.0
    noise_share: Share = 0.0

    @classmethod
    def how(cls, fields: Mapping[str, Any]) -> frozenset[str]:
        """Without batch_seconds, where a batch's voices are mixed."""
        return super().how(fields) - ({"batch_seconds"} if fields["mix_share"] else set())
