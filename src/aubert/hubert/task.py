"""HuBERT pre-training: utterances with label sets, masked prediction, and the stage of both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from aubert import tables
from aubert.audio import SAMPLE_RATE_HZ
from aubert.files import complete_directory
from aubert.hubert.batch import HubertBatch, hubert_batch
from aubert.hubert.frame_labels import labels_of_frames
from aubert.hubert.network import HubertForPretraining, Units, build_encoder, save_encoder
from aubert.hubert.options import VERSION, HubertOptions
from aubert.learn.data import Piece, VirtualUtterances
from aubert.learn.options import TrainOptions
from aubert.learn.run import LOG, train_model
from aubert.units.labels import Labels


class HubertExamples:
    """Crops of utterances with the labels of their place, of each label set."""

    def __init__(
        self, utterances: VirtualUtterances, label_sets: Sequence[Labels], options: HubertOptions
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
        utterance_id = self._utterances.ids[piece.index].as_py()
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

    def __init__(self, options: HubertOptions, label_sets: Sequence[Labels], seed: int):
        """seed: of the initial weights."""
        torch.manual_seed(seed)
        units = [Units(one.name, one.num_units) for one in label_sets]
        self.model = HubertForPretraining(options, units)

    def start_step(self, step: int) -> None:
        pass

    def loss(self, batch: HubertBatch) -> tuple[torch.Tensor, int, Mapping[str, torch.Tensor]]:
        return self.model(batch)


def init_hubert(out: Path, options: HubertOptions, seed: int) -> str:
    """Writes an encoder of the weights that a training with `seed` begins with: what every
    trained one has to be better than."""
    torch.manual_seed(seed)
    encoder = build_encoder(options)
    with complete_directory(out) as part:
        save_encoder(encoder, options, part)
    return f"hubert: {encoder.num_parameters():,} untrained weights in {out}"


def train_hubert(
    out: Path,
    results: Path,
    corpus_root: Path,
    label_sets: Sequence[Labels],
    model: HubertOptions,
    options: TrainOptions,
) -> str:
    """Trains on every utterance below `results` that has labels of every set; writes a model
    directory with heads and train.jsonl, and returns a summary line.

    Goes on where a killed training of the same configuration was. Raises ValueError when no
    utterance has labels of every set.
    """
    utterances, num_unlabelled = _utterances(results, corpus_root, label_sets)
    task = HubertTask(model, label_sets, options.seed)
    config = {
        "version": VERSION,
        "model": asdict(model),
        "label_sets": {one.name: one.hash for one in label_sets},
        "utterances": _hash(utterances),
    }
    examples = HubertExamples(utterances, label_sets, model)
    trained = train_model(out, task, examples, options, config=config, save=task.model.save)
    seconds = utterances.num_samples / SAMPLE_RATE_HZ
    used = seconds[seconds >= options.min_seconds]
    return (
        f"hubert: {trained.steps} steps ({trained.skipped} skipped) over {used.sum() / 60:.1f} "
        f"minutes in {len(used)} utterances ({num_unlabelled} without labels and "
        f"{len(seconds) - len(used)} below min_seconds left out); masked accuracy "
        f"{_masked_accuracy(out / LOG)}"
    )


def _utterances(
    results: Path, corpus_root: Path, label_sets: Sequence[Labels]
) -> tuple[VirtualUtterances, int]:
    """The utterances that every set has labels of, and how many others there are."""
    recordings = {row["recording_id"]: row for row in tables.all_rows(results, "recordings")}
    num_rows = 0

    def labelled() -> Iterator[dict]:
        nonlocal num_rows
        for row in tables.all_rows(results, "utterances"):
            num_rows += 1
            if all(row["utterance_id"] in one for one in label_sets):
                yield row

    utterances = VirtualUtterances(recordings, labelled(), corpus_root)
    if not len(utterances.ids):
        names = ", ".join(one.name for one in label_sets)
        raise ValueError(f"no utterance below {results} has labels of {names}; label them")
    return utterances.in_order_of_ids(), num_rows - len(utterances.ids)


def _hash(utterances: VirtualUtterances) -> str:
    digest = hashlib.blake2b("\n".join(utterances.ids.to_pylist()).encode(), digest_size=8)
    digest.update(np.ascontiguousarray(utterances.num_samples, "<i8"))
    return digest.hexdigest()


def _masked_accuracy(log: Path) -> str:
    """Of each label set, in the last lines of the log."""
    *_, last = (json.loads(line) for line in log.read_text().splitlines())
    found = {name: value for name, value in last.items() if name.endswith(".masked_accuracy")}
    return ", ".join(f"{value:.3f} ({name.split('.')[0]})" for name, value in found.items())
