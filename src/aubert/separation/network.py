"""Deep clustering: a BLSTM that places the time-frequency bins of each speaker together.

J. R. Hershey, Z. Chen, J. Le Roux, S. Watanabe, "Deep clustering: discriminative embeddings
for segmentation and separation", ICASSP 2016 (arXiv 1508.04306).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from aubert.files import write_json
from aubert.separation.counting import SpeakerCounter, above_threshold
from aubert.separation.losses import affinity_loss, mask_loss, whitened_loss
from aubert.separation.options import DeepClusteringOptions

WINDOW, HOP = 256, 64  # 32 and 8 ms at 8 kHz
NUM_BINS = WINDOW // 2 + 1
MODEL_TYPE = "aubert_deep_clustering"
_RANGE_DB = 80.0  # of the levels that go in: what lies deeper is rounding and dither
CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"


@dataclass(frozen=True)
class MixtureBatch:
    """sources: float32 [batch, speakers, samples]; those that a mixture has not are silent."""

    sources: torch.Tensor

    def to(self, device: torch.device | str) -> MixtureBatch:
        return MixtureBatch(self.sources.to(device, non_blocking=True))


def spectra(samples: torch.Tensor) -> torch.Tensor:
    """Complex [..., frames, bins] of [..., samples]: sqrt-Hann windows, one more frame than
    there are whole hops."""
    rows = samples.reshape(-1, samples.shape[-1])
    found = torch.stft(
        rows, WINDOW, HOP, window=_window(rows), pad_mode="constant", return_complex=True
    )
    return found.mT.reshape(*samples.shape[:-1], -1, NUM_BINS)


def waveforms(spectrum: torch.Tensor, num_samples: int) -> torch.Tensor:
    """float32 [..., num_samples]: the inverse of `spectra`."""
    rows = spectrum.reshape(-1, *spectrum.shape[-2:]).mT
    found = torch.istft(rows, WINDOW, HOP, window=_window(rows.real), length=num_samples)
    return found.reshape(*spectrum.shape[:-2], num_samples)


def levels(spectrum: torch.Tensor) -> torch.Tensor:
    """float32, in dB relative to the loudest bin of each [..., frames, bins]; -inf for silence."""
    magnitude = spectrum.abs()
    loudest = magnitude.amax((-2, -1), keepdim=True)
    return 20 * torch.log10(magnitude / torch.where(loudest > 0, loudest, 1))


class DeepClustering(nn.Module):
    """Embeddings of unit length for every time-frequency bin; with options.mask_weight, a second
    head that predicts masks.

    counter: of speakers; None: not learned
    """

    def __init__(self, options: DeepClusteringOptions):
        super().__init__()
        self.options = options
        self.blstm = nn.LSTM(
            NUM_BINS,
            options.hidden_size,
            options.num_layers,
            batch_first=True,
            bidirectional=True,
            dropout=options.dropout if options.num_layers > 1 else 0.0,
        )
        self.embedding = nn.Linear(2 * options.hidden_size, NUM_BINS * options.embedding_dim)
        self.counter: SpeakerCounter | None = None
        self.masks = None
        if options.mask_weight:
            self.masks = nn.Linear(2 * options.hidden_size, NUM_BINS * options.mask_speakers)

    def forward(self, batch: MixtureBatch) -> tuple[torch.Tensor, int, Mapping[str, torch.Tensor]]:
        """(the loss summed over the mixtures that are not silent, their number, metrics)."""
        with torch.autocast(batch.sources.device.type, enabled=False):
            sources = spectra(batch.sources)
            mixture = sources.sum(1)
            counted = self.counted(mixture)
        frames = slice(None, None, self.options.frame_step)
        hidden = self._hidden(mixture)[:, frames]
        embeddings = self.embedding(hidden)
        masks = None if self.masks is None else self._masks(hidden)
        with torch.autocast(batch.sources.device.type, enabled=False):
            seen = (counted[:, frames], mixture[:, frames], sources[:, :, frames])
            return self._loss(*seen, embeddings.float(), masks)

    def embed(self, mixture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Embeddings [batch, frames, bins, dim] and, with a mask head, masks [batch, frames,
        bins, speakers] that sum to 1, of spectra [batch, frames, bins]."""
        hidden = self._hidden(mixture)
        embeddings = _unit(self.embedding(hidden).float().view(*mixture.shape, -1))
        return embeddings, None if self.masks is None else self._masks(hidden)

    def counted(self, mixture: torch.Tensor) -> torch.Tensor:
        """bool, like the spectra: bins that are loud enough to belong to anyone."""
        return levels(mixture) > -self.options.silence_db

    def count_speakers(self, embeddings: torch.Tensor) -> int:
        """How many speakers embeddings [bins, dim] of one mixture are of."""
        return (self.counter or above_threshold)(embeddings)

    def _hidden(self, mixture: torch.Tensor) -> torch.Tensor:
        features = levels(mixture).clamp_min(-_RANGE_DB) / (_RANGE_DB / 4) + 2
        return self.blstm(features)[0]

    def _masks(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.masks(hidden).float().view(*hidden.shape[:2], NUM_BINS, -1).softmax(-1)

    def _loss(self, counted, mixture, sources, embeddings, masks):
        """embeddings: [batch, frames, bins x dim], of any length."""
        options = self.options
        # Only what counts is normalised and multiplied: a third of speech, as a rule.
        places, weights = _places(counted.flatten(1))
        if options.weights == "magnitude":
            weights = weights * mixture.abs().flatten()[places]
        rows = embeddings.reshape(-1, options.embedding_dim)
        kept = _unit(rows.index_select(0, places.flatten()).view(*places.shape, -1))
        labels = sources.abs().argmax(1).flatten()[places]
        clustering = {"affinity": affinity_loss, "whitened": whitened_loss}[options.loss]
        losses = clustering(kept, labels, weights)
        metrics = {}
        if masks is not None:
            masked = mask_loss(masks, mixture, sources)
            metrics = {"clustering_loss": losses.sum(), "mask_loss": masked.sum()}
            losses = (1 - options.mask_weight) * losses + options.mask_weight * masked
        return losses.sum(), int(counted.flatten(1).any(1).sum()), metrics

    def save(self, directory: Path) -> None:
        """Writes config.json and model.safetensors."""
        content: dict = {"model_type": MODEL_TYPE, "options": asdict(self.options)}
        if self.counter is not None:
            content["counter"] = self.counter.as_json()
        write_json(directory / CONFIG_FILE, content)
        save_file(self.state_dict(), directory / WEIGHTS_FILE)

    @classmethod
    def load(cls, directory: str | Path) -> DeepClustering:
        """Reads what `save` wrote. Raises ValueError when the directory is no such model."""
        directory = Path(directory)
        try:
            content = json.loads((directory / CONFIG_FILE).read_text(encoding="utf-8"))
            if content["model_type"] != MODEL_TYPE:
                raise KeyError(f"model_type is {content['model_type']}")
            model = cls(DeepClusteringOptions(**content["options"]))
            model.load_state_dict(load_file(directory / WEIGHTS_FILE))
            if "counter" in content:
                model.counter = SpeakerCounter.from_json(content["counter"])
        except (
            OSError, KeyError, TypeError, json.JSONDecodeError, SafetensorError, RuntimeError
        ) as error:  # fmt: skip
            raise ValueError(
                f"{directory} holds no deep-clustering model ({error}); give a directory that "
                f"aubert separation train wrote"
            ) from None
        return model.eval()


def _unit(embeddings: torch.Tensor) -> torch.Tensor:
    return functional.normalize(embeddings, dim=-1, eps=1e-6)


def _places(counted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where bool [batch, bins] is true: positions in the flattened tensor, int64 [batch, most],
    filled up with the row's first, and float32 weights of the same shape, 0 for the filling."""
    num_kept = counted.sum(1)
    most = max(1, int(num_kept.max()))
    order = counted.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, :most]
    weights = (torch.arange(most, device=counted.device) < num_kept[:, None]).float()
    first = torch.arange(len(counted), device=counted.device)[:, None] * counted.shape[1]
    return order + first, weights


def _window(like: torch.Tensor) -> torch.Tensor:
    return torch.hann_window(WINDOW, device=like.device).sqrt()
