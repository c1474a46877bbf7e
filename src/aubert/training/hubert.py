"""HuBERT pre-training as a task of the loop: utterances with label sets, masked prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import torch

from aubert.models.hubert import HubertForPretraining, Units
from aubert.models.hubert_batch import HubertBatch, hubert_batch
from aubert.models.hubert_options import HubertOptions
from aubert.models.masking import labels_of_frames
from aubert.training.data import Piece


class LabelSet(Protocol):
    """The labels of a corpus under one codebook. Picklable.

    name: unlike the other sets', for the metrics
    num_units: K
    rate_hz: labels per second
    """

    name: str
    num_units: int
    rate_hz: float

    def labels(self, utterance_id: str) -> np.ndarray:
        """int [num_labels], of the whole utterance."""
        ...


class Utterances(Protocol):
    """As training.data.VirtualUtterances."""

    ids: Sequence[str]
    num_samples: np.ndarray

    def read(self, piece: Piece) -> np.ndarray: ...


class HubertExamples:
    """Crops of utterances with the labels of their place, of each label set."""

    def __init__(
        self, utterances: Utterances, label_sets: Sequence[LabelSet], options: HubertOptions
    ):
        self.num_samples = utterances.num_samples
        self._utterances = utterances
        self._label_sets = label_sets
        self._options = options

    def batch(self, pieces: Sequence[Piece], rng: np.random.Generator) -> HubertBatch:
        """Raises ValueError when the labels of an utterance do not fit its audio."""
        samples = [self._utterances.read(piece) for piece in pieces]
        labels = [self._labels(piece, len(row)) for piece, row in zip(pieces, samples, strict=True)]
        return hubert_batch(samples, labels, self._options, rng)

    def _labels(self, piece: Piece, num_samples: int) -> list[np.ndarray]:
        options = self._options
        first_frame, rest = divmod(piece.start, options.hop_samples)
        assert rest == 0, f"a crop begins between frames, at sample {piece.start}"
        num_frames = options.num_frames(num_samples)
        utterance_id = self._utterances.ids[piece.index]
        found = []
        for one in self._label_sets:
            labels = one.labels(utterance_id)
            try:
                aligned = labels_of_frames(
                    labels, one.rate_hz, options.frame_rate_hz, num_frames, first_frame
                )
            except ValueError as error:
                raise ValueError(f"{utterance_id}, label set {one.name}: {error}") from None
            found.append(aligned)
        return found


class HubertTask:
    """Masked prediction of every label set."""

    def __init__(self, options: HubertOptions, label_sets: Sequence[LabelSet], seed: int):
        """seed: of the initial weights."""
        torch.manual_seed(seed)
        units = [Units(one.name, one.num_units) for one in label_sets]
        self.model = HubertForPretraining(options, units)

    def start_step(self, step: int) -> None:
        pass

    def loss(self, batch: HubertBatch) -> tuple[torch.Tensor, int, Mapping[str, torch.Tensor]]:
        return self.model(batch)
