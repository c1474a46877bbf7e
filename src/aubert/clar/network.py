"""CLAR (Al-Tahan and Mohsenzadeh, 2021): an encoder of clips, its heads, and their losses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional
from torchaudio.functional import melscale_fbanks

from aubert import files
from aubert.clar.contrast import contrast_views
from aubert.clar.options import HOP_S, WINDOW_S, ClarOptions
from aubert.clar.resnet import ResNet18
from aubert.clar.views import Alterations, altered
from aubert.learn.distributed import spread

WEIGHTS_FILE, JSON_FILE, HUBERT_DIR = "model.safetensors", "clar.json", "hubert"
FLOOR = 1e-6  # of energies: below the noise of a 16-bit recording
UNLABELLED = -1


@dataclass(frozen=True)
class ClarBatch:
    """This process's share of the clips that are contrasted in one step, two views of each.

    rows: float32 [2 own, samples], views of a clip side by side, before they are altered
    how: what is done to each
    labels: int64 [own], UNLABELLED where there is none; clips, groups: int64 [own], numbers
    places: int64 [own], which ones of all `num_clips` clips of the step these are;
    num_labelled: of all
    """

    rows: torch.Tensor
    how: Alterations
    labels: torch.Tensor
    clips: torch.Tensor
    groups: torch.Tensor
    places: torch.Tensor
    num_clips: int
    num_labelled: int

    def to(self, device: torch.device) -> ClarBatch:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        moved = {name: v.to(device) for name, v in values.items() if not isinstance(v, int)}
        return ClarBatch(**{**values, **moved})


class Spectrogram(nn.Module):
    """[rows, samples] -> [rows, 3, bands, frames]: log magnitude, phase and log-mel energy.

    16 ms Hann windows every 8 ms, as many mel bands as bins. One transform, padded to four
    windows, gives both: every fourth bin is that of the window, and low mel bands are narrower
    than those. Magnitude and mel have zero mean and unit variance over each row, the phase lies
    in -1..1. Silence gives zeros.
    """

    PADDING = 4

    def __init__(self, sample_rate_hz: int):
        super().__init__()
        self.window = round(WINDOW_S * sample_rate_hz)
        self.hop = round(HOP_S * sample_rate_hz)
        self.num_bands = self.window // 2
        num_bins, highest_hz = self.PADDING * self.window // 2 + 1, sample_rate_hz / 2
        filters = melscale_fbanks(num_bins, 20.0, highest_hz, self.num_bands, sample_rate_hz)
        self.register_buffer("filters", filters)
        self.register_buffer("hann", torch.hann_window(self.window))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        spectrum = self._spectrum(rows)
        power = torch.view_as_real(spectrum).square().sum(-1)  # faster than abs
        every = slice(0, -1, self.PADDING)
        magnitude, mel = power[:, every], (power.mT @ self.filters).mT
        # Of zero the angle is 0 or pi, by the sign that a processor's transform gives to zeros.
        phase = (spectrum[:, every].angle() / torch.pi).where(magnitude > 0, 0)
        channels = [standardised((power + FLOOR).log()) for power in (magnitude, mel)]
        return torch.stack([channels[0], phase, channels[1]], 1)

    def log_mel(self, rows: torch.Tensor) -> torch.Tensor:
        """[rows, bands, frames], as they are."""
        power = torch.view_as_real(self._spectrum(rows)).square().sum(-1)
        return ((power.mT @ self.filters).mT + FLOOR).log()

    def _spectrum(self, rows: torch.Tensor) -> torch.Tensor:
        size = self.PADDING * self.window
        return torch.stft(
            rows, size, self.hop, self.window, self.hann, pad_mode="constant", return_complex=True
        )


def standardised(rows: torch.Tensor) -> torch.Tensor:
    """Each row with zero mean and unit variance over all its numbers; a constant one with zeros."""
    centred = rows - rows.flatten(1).mean(1).view(-1, *[1] * (rows.ndim - 1))
    variance = centred.square().flatten(1).mean(1).view(-1, *[1] * (rows.ndim - 1))
    return centred / (variance + 1e-6).sqrt()


class HubertEncoder(nn.Module):
    """The mean over time of a HuBERT's last layer; any Hugging Face speech encoder will do."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network
        self.num_features = network.config.hidden_size

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.network(standardised(rows)).last_hidden_state.mean(1)


class ClarModel(nn.Module):
    """An encoder [rows, samples] -> [rows, num_features], a head that is contrasted, and a
    classifier. Heads are only for training; what is learned from clips is the encoder.

    classes: names, whose places are the labels
    """

    def __init__(
        self, options: ClarOptions, classes: Sequence[str], hubert: nn.Module | None = None
    ):
        super().__init__()
        self.options, self.classes = options, tuple(classes)
        self.front_end: nn.Module = nn.Identity()
        if options.encoder == "hubert":
            assert hubert is not None
            self.network = HubertEncoder(hubert)
        elif options.encoder == "raw":
            self.network = ResNet18(1, 1, options.width, kernel=9)
        else:
            self.front_end = Spectrogram(options.sample_rate_hz)
            self.network = ResNet18(2, 3, options.width, kernel=3)
        width = self.network.num_features
        self.head = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Linear(width, options.head_dim)
        )
        self.classifier = nn.Linear(width, len(self.classes))

    @property
    def num_samples(self) -> int:
        """Of the rows that it was trained on."""
        return round(self.options.clip_seconds * self.options.sample_rate_hz)

    def encode(self, rows: torch.Tensor) -> torch.Tensor:
        """float32 [rows, num_features] of audio [rows, samples]."""
        with torch.no_grad(), torch.autocast(rows.device.type, enabled=False):
            inputs = self.front_end(rows.float())
            if self.options.encoder == "raw":
                inputs = standardised(inputs)[:, None]
        return self.network(inputs).float()

    def forward(self, batch: ClarBatch) -> tuple[torch.Tensor, int, dict[str, torch.Tensor]]:
        """(loss summed over the own clips, how many they are, metrics summed over them).

        contrastive: NT-Xent over all views; supcon: SupCon, unlabelled clips being right for
        themselves alone; supervised: cross-entropy, the mean of both views; joint: NT-Xent, and
        the sum of both views' cross-entropies over the labelled clips, as CLAR has it.
        """
        with torch.no_grad():
            rows = altered(batch.rows, batch.how)
        features = self.encode(rows)
        own, kind = len(batch.places), self.options.loss
        loss = features.new_zeros(())
        metrics: dict[str, torch.Tensor] = {}
        if kind != "supervised":
            found, hits = self._contrast(features, batch)
            loss = loss + found / 2
            metrics["contrast"], metrics["hits"] = found.detach() / 2, hits / 2
        if kind in ("supervised", "joint"):
            found, right = self._classify(features, batch)
            loss = loss + (found if kind == "joint" else found / 2)
            metrics["cross_entropy"], metrics["classified"] = found.detach() / 2, right / 2
        return loss, own, metrics

    def _contrast(self, features: torch.Tensor, batch: ClarBatch) -> tuple[torch.Tensor, ...]:
        vectors = self.head(features).float()
        keys = batch.clips
        if self.options.loss == "supcon":
            keys = torch.where(batch.labels == UNLABELLED, -2 - keys, batch.labels)
        groups = batch.groups if self.options.same_group else torch.zeros_like(batch.groups)
        pairs, keys, groups = (
            spread(each, batch.places, batch.num_clips)
            for each in (vectors.unflatten(0, (-1, 2)), keys, groups)
        )
        places = (2 * batch.places[:, None] + torch.arange(2, device=keys.device)).flatten()
        return contrast_views(
            vectors,
            pairs.flatten(0, 1),
            places,
            keys.repeat_interleave(2),
            groups.repeat_interleave(2),
            self.options.temperature,
        )

    def _classify(self, features: torch.Tensor, batch: ClarBatch) -> tuple[torch.Tensor, ...]:
        """The sum of both views' cross-entropies, each per labelled clip of the step, times its
        clips: a mean, whatever share of them is labelled; and how many were right."""
        labels = batch.labels.repeat_interleave(2)
        logits = self.classifier(features).float()
        scale = batch.num_clips / max(1, batch.num_labelled)
        loss = functional.cross_entropy(logits, labels, ignore_index=UNLABELLED, reduction="sum")
        right = (logits.detach().argmax(1) == labels).sum()
        return loss * scale, right * scale

    def save(self, directory: str | Path, about: Mapping | None = None) -> None:
        """Writes model.safetensors and clar.json; hubert/, for that encoder.

        about: more entries of the json
        """
        directory = Path(directory)
        if self.options.encoder == "hubert":
            self.network.network.save_pretrained(directory / HUBERT_DIR)
        with files.complete(directory / WEIGHTS_FILE) as part:
            save_file(self.state_dict(), part)
        content = {"options": asdict(self.options), "classes": self.classes, **(about or {})}
        files.write_json(directory / JSON_FILE, content)

    @classmethod
    def load(cls, directory: str | Path) -> ClarModel:
        """Reads what `save` wrote. Raises ValueError when the directory is no such model."""
        directory = Path(directory)
        content = read_json(directory)
        options = ClarOptions(**content["options"])
        hubert = load_hubert(directory / HUBERT_DIR) if options.encoder == "hubert" else None
        model = cls(options, content["classes"], hubert)
        model.load_state_dict(load_file(directory / WEIGHTS_FILE))
        return model.eval()


def read_json(directory: str | Path) -> dict:
    """The json of a CLAR model. Raises ValueError when the directory is no such model."""
    path = Path(directory) / JSON_FILE
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise ValueError(f"{directory} is not a CLAR model directory: {error}") from None


def load_hubert(directory: str | Path) -> nn.Module:
    """A Hugging Face speech encoder. Raises ValueError when the directory is none."""
    from transformers import AutoModel

    from aubert.encoders.pretrained import load_network

    return load_network(AutoModel, str(directory), "a speech encoder")
