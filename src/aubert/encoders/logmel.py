"""HuBERT over log-mel bands: the front end that a small budget can train.

As in MelHuBERT (Lin et al., 2023), the seven convolutions over the waveform are replaced by
log-mel energies and strided convolutions; everything behind is Hugging Face's HubertModel.
"""

from __future__ import annotations

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCTC,
    HubertConfig,
    HubertForCTC,
    HubertModel,
)

from aubert.encoders import WINDOW_SAMPLES
from aubert.encoders.mel import MEL_HOP_SAMPLES, NUM_MELS, log_mel, window_and_filters


class LogMelHubertConfig(HubertConfig):
    """conv_kernel is (400,) and conv_stride (hop,): the frame grid of the whole front end, from
    which Hugging Face computes lengths; conv_dim is (channels,)."""

    model_type = "hubert_logmel"


class LogMelFrontEnd(nn.Module):
    """Waveform [batch, samples] -> features [batch, channels, (samples - 400) // hop + 1].

    80 log-mel bands (25 ms Hann window, every 10 ms, not centred), each normalised over the
    row's own frames; then convolutions of kernel 3 and stride 2, GELU behind each. They are
    padded by one, so that frame t is centred where the window at t x hop is: equal to the
    waveform front end's grid.
    """

    def __init__(self, channels: int, hop_samples: int):
        super().__init__()
        num_convs = (hop_samples // MEL_HOP_SAMPLES).bit_length() - 1
        assert MEL_HOP_SAMPLES << num_convs == hop_samples
        with torch.device("cpu"):  # from_pretrained builds on the meta device
            window, filters = window_and_filters()
        # Stored with the weights: from_pretrained does not fill what the file lacks.
        self.register_buffer("filters", filters)
        self.register_buffer("window", window)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(NUM_MELS if i == 0 else channels, channels, 3, stride=2, padding=1)
            for i in range(num_convs)
        )
        self.gradient_checkpointing = False
        self.row_samples: torch.Tensor | None = None  # of the batch that LogMelHubertModel runs

    def forward(
        self, samples: torch.Tensor, num_samples: torch.Tensor | None = None
    ) -> torch.Tensor:
        """num_samples: int64 [batch], the length of each row (None: all of it); what lies
        behind it does not change the row's features."""
        if num_samples is None:
            num_samples = self.row_samples
        if num_samples is None:
            num_samples = samples.new_full((len(samples),), samples.shape[1], dtype=torch.int64)
        lengths = (num_samples - WINDOW_SAMPLES) // MEL_HOP_SAMPLES + 1
        with torch.no_grad(), torch.autocast(samples.device.type, enabled=False):
            features = log_mel(samples.float(), self.window, self.filters).transpose(1, 2)
            features = _normalised(features, _inside(features, lengths))
        for convolution in self.convolutions:
            features = nn.functional.gelu(convolution(features))
            lengths = (lengths - 1) // 2 + 1
            features = features * _inside(features, lengths)
        return features

    def _freeze_parameters(self) -> None:  # as Hugging Face's freeze_feature_encoder calls it
        self.requires_grad_(False)


def _inside(features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    steps = torch.arange(features.shape[2], device=features.device)
    return (steps < lengths[:, None])[:, None]


def _normalised(features: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """Each band of each row with zero mean and unit variance inside, zero outside."""
    count = inside.sum(-1, keepdim=True)
    centred = (features - (features * inside).sum(-1, keepdim=True) / count) * inside
    variance = centred.square().sum(-1, keepdim=True) / count
    return centred / (variance + 1e-3).sqrt()


class LogMelHubertModel(HubertModel):
    """transformers.HubertModel with a LogMelFrontEnd as its feature_extractor.

    Saved and loaded like any Hugging Face model; AutoModel knows it once this module is
    imported. In a padded batch, give attention_mask: a row then has the features that it has
    alone.
    """

    config_class = LogMelHubertConfig
    config: LogMelHubertConfig

    def __init__(self, config: LogMelHubertConfig):
        super().__init__(config)
        self.feature_extractor = LogMelFrontEnd(config.conv_dim[0], config.conv_stride[0])
        self.post_init()

    def forward(self, input_values, attention_mask=None, **arguments):
        # transformers' forward hands the front end the samples alone.
        if attention_mask is not None:
            self.feature_extractor.row_samples = attention_mask.sum(-1)
        try:
            return super().forward(input_values, attention_mask=attention_mask, **arguments)
        finally:
            self.feature_extractor.row_samples = None


class LogMelHubertForCTC(HubertForCTC):
    """transformers.HubertForCTC over a LogMelHubertModel; AutoModelForCTC knows it."""

    config_class = LogMelHubertConfig
    config: LogMelHubertConfig

    def __init__(self, config: LogMelHubertConfig):
        super().__init__(config)
        self.hubert = LogMelHubertModel(config)
        self.post_init()


AutoConfig.register(LogMelHubertConfig.model_type, LogMelHubertConfig, exist_ok=True)
AutoModel.register(LogMelHubertConfig, LogMelHubertModel, exist_ok=True)
AutoModelForCTC.register(LogMelHubertConfig, LogMelHubertForCTC, exist_ok=True)
