"""HuBERT pre-training: utterances with label sets, masked prediction, and the stage of both."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from transformers import HubertModel

from aubert.audio import SAMPLE_RATE_HZ
from aubert.files import complete_directory
from aubert.hubert.batch import HubertBatch, hubert_batch
from aubert.hubert.begin import begun_with
from aubert.hubert.frame_labels import labels_of_frames
from aubert.hubert.mixing import mixed
from aubert.hubert.network import HubertForPretraining, Units, build_encoder, save_encoder
from aubert.hubert.options import VERSION, HubertOptions, HubertTrainOptions
from aubert.learn.card import Card
from aubert.learn.checkpoints import hash_of_weights
from aubert.learn.data import EpochPlan, Piece
from aubert.learn.loop import Trained
from aubert.learn.run import LOG, train_model
from aubert.learn.utterances import Located, VirtualUtterances
from aubert.learn.validation import check_held_out, is_held_out
from aubert.units.labels import LabelPlace, Labels


class HubertWork(NamedTuple):
    """A crop: where its audio is, and the labels of its utterance under each label set."""

    utterance_id: str
    audio: Located
    labels: list[LabelPlace]


class HubertReader:
    """Makes batches. Goes to the workers: it holds no corpus."""

    def __init__(
        self,
        label_sets: Sequence[Labels],
        options: HubertOptions,
        mix_share: float = 0.0,
        noise_share: float = 0.0,
    ):
        """mix_share, noise_share: as of `mixed`"""
        self._sets = [(one.name, one.rate_hz) for one in label_sets]
        self._options = options
        self._shares = mix_share, noise_share

    def batch(self, work: Sequence[HubertWork], rng: np.random.Generator) -> HubertBatch:
        """Raises AudioError, and ValueError when the labels of an utterance do not fit its
        audio."""
        samples = [crop.audio.read() for crop in work]
        labels = [self._labels(crop, len(row)) for crop, row in zip(work, samples, strict=True)]
        return hubert_batch(mixed(samples, *self._shares, rng), labels, self._options, rng)

    def _labels(self, crop: HubertWork, num_samples: int) -> list[np.ndarray]:
        options = self._options
        first_frame, rest = divmod(crop.audio.start, options.hop_samples)
        assert rest == 0, f"a crop begins between frames, at sample {crop.audio.start}"
        num_frames = options.num_frames(num_samples)
        found = []
        for (name, rate_hz), place in zip(self._sets, crop.labels, strict=True):
            try:
                aligned = labels_of_frames(
                    place.read(), rate_hz, options.frame_rate_hz, num_frames, first_frame
                )
            except ValueError as error:
                raise ValueError(f"{crop.utterance_id}, label set {name}: {error}") from None
            found.append(aligned)
        return found


class HubertExamples:
    """Crops of utterances with the labels of their place, of each label set. Utterances that a set
    has no labels of are left out.

    num_unlabelled: how many these are
    """

    def __init__(
        self,
        utterances: VirtualUtterances,
        label_sets: Sequence[Labels],
        options: HubertOptions,
        mix_share: float = 0.0,
        noise_share: float = 0.0,
    ):
        """Raises ValueError when no utterance has labels of every set."""
        places = np.stack([one.places(utterances.ids) for one in label_sets])
        labelled = np.flatnonzero((places >= 0).all(axis=0))
        if not len(labelled):
            names = ", ".join(one.name for one in label_sets)
            raise ValueError(f"no utterance has labels of {names}; label them")
        self.num_unlabelled = len(utterances.ids) - len(labelled)
        self.utterances = utterances.take(labelled)
        self.num_samples = self.utterances.num_samples
        self.reader = HubertReader(label_sets, options, mix_share, noise_share)
        self._label_sets, self._places = label_sets, places[:, labelled]

    def work(self, pieces: Sequence[Piece]) -> list[HubertWork]:
        return [
            HubertWork(
                self.utterances.ids[piece.index].as_py(),
                self.utterances.located(piece),
                [
                    one.place(int(places[piece.index]))
                    for one, places in zip(self._label_sets, self._places, strict=True)
                ],
            )
            for piece in pieces
        ]


class HubertTask:
    """Masked prediction of every label set."""

    def __init__(
        self,
        options: HubertOptions,
        label_sets: Sequence[Labels],
        seed: int,
        encoder: HubertModel | None = None,
    ):
        """seed: of the initial weights. encoder: whose weights are taken instead of initial ones,
        but for the heads."""
        torch.manual_seed(seed)
        units = [Units(one.name, one.num_units) for one in label_sets]
        self.model = HubertForPretraining(options, units)
        if encoder is not None:
            self.model.encoder.load_state_dict(encoder.state_dict())

    def start_step(self, step: int) -> None:
        pass

    def loss(self, batch: HubertBatch) -> tuple[torch.Tensor, int, Mapping[str, torch.Tensor]]:
        return self.model(batch)

    def validate(self, examples: HubertExamples, options: HubertTrainOptions) -> dict[str, float]:
        """The loss per target and the metrics of all `examples`, with the same crops and masks
        each time."""
        device = next(self.model.parameters()).device
        sums: Counter[str] = Counter()
        total = 0
        for micro in EpochPlan(examples.num_samples, 0, options):
            rng = np.random.default_rng([options.seed, micro.position])
            batch = examples.reader.batch(examples.work(micro.pieces), rng).to(device)
            loss, num_targets, metrics = self.model(batch)
            total += num_targets
            sums.update({"loss": loss.item(), **{k: float(v) for k, v in metrics.items()}})
        return {name: value / total for name, value in sums.items()}


def init_hubert(out: Path, options: HubertOptions, seed: int, init_from: str | None = None) -> str:
    """Writes an encoder of the weights that a training with `seed` begins with, or with
    `init_from` (begun_with): what every trained one has to be better than."""
    kind = "untrained" if init_from is None else f"{init_from}'s"
    if init_from is None:
        torch.manual_seed(seed)
        encoder = build_encoder(options)
    else:
        options, encoder = begun_with(init_from, options)
    with complete_directory(out) as part:
        save_encoder(encoder, options, part)
    return f"hubert: {encoder.num_parameters():,} {kind} weights in {out}"


def train_hubert(
    out: Path,
    utterances: VirtualUtterances,
    label_sets: Sequence[Labels],
    model: HubertOptions,
    options: HubertTrainOptions,
    *,
    init_from: str | None = None,
    restart: str = "never",
) -> str:
    """Trains on every utterance that has labels of every set; writes a model directory with heads
    and train.jsonl, and returns a summary line.

    init_from: an encoder whose weights it begins with (begun_with); None: initial ones. restart: as
    of train_model, by which a killed one goes on. Raises ValueError when no utterance has labels of
    every set, or none is held out though options.validation_share is not 0.
    """
    encoder = None
    if init_from is not None:
        model, encoder = begun_with(init_from, model)
    utterances, share = utterances.in_order_of_ids(), options.validation_share
    held_out = np.array([is_held_out(each, share) for each in utterances.ids.to_pylist()], bool)
    check_held_out(share, held_out.sum(), len(held_out))
    examples = HubertExamples(
        utterances.take(np.flatnonzero(~held_out)),
        label_sets,
        model,
        options.mix_share,
        options.noise_share,
    )
    validation = None
    if share:
        validation = HubertExamples(utterances.take(np.flatnonzero(held_out)), label_sets, model)
    task = HubertTask(model, label_sets, options.seed, encoder)
    config = {
        "version": VERSION,
        "model": asdict(model),
        "label_sets": {one.name: one.hash for one in label_sets},
        "utterances": _hash(examples.utterances),
        **({} if encoder is None else {"init_from": hash_of_weights(encoder)}),
        **({} if validation is None else {"validated_with": _hash(validation.utterances)}),
    }
    seconds = examples.num_samples / SAMPLE_RATE_HZ
    used = seconds[seconds >= options.min_seconds]
    trained = train_model(
        out,
        task,
        examples,
        options,
        config=config,
        save=task.model.save,
        card=_card(model, options, f"{used.sum() / 60:.1f} minutes in {len(used):,} utterances"),
        validate=None if validation is None else partial(task.validate, validation, options),
        restart=restart,
    )
    return (
        f"hubert: {trained.steps} steps ({trained.skipped} skipped) over {used.sum() / 60:.1f} "
        f"minutes in {len(used)} utterances ({examples.num_unlabelled} without labels and "
        f"{len(seconds) - len(used)} below min_seconds left out); masked accuracy "
        f"{_masked_accuracy(out / LOG)}{_validated(trained)}"
    )


def _card(model: HubertOptions, options: HubertTrainOptions, data: str) -> Card:
    return Card(
        title="HuBERT",
        what=f"An encoder of speech that learned to predict the hidden units of masked frames "
        f"(Hsu et al. 2021): {SAMPLE_RATE_HZ:,} Hz goes in, {model.frame_rate_hz} frames a second "
        f"of {model.hidden_size} numbers come out of each of {model.num_layers} layers.",
        data=f"{data}, without transcripts",
        usage="aubert encode *.flac --model MODEL --layer 1 -o features\n"
        "aubert ctc train recogniser --init MODEL --labelled LIBRISPEECH_FOLDER",
        limits="It knows the language, voices and rooms of that speech; which layer serves a task "
        "is to be measured.",
        options=(model, options),
    )


def _hash(utterances: VirtualUtterances) -> str:
    digest = hashlib.blake2b("\n".join(utterances.ids.to_pylist()).encode(), digest_size=8)
    digest.update(np.ascontiguousarray(utterances.num_samples, "<i8"))
    return digest.hexdigest()


def _validated(trained: Trained) -> str:
    if trained.validation is None:
        return ""
    return f"; validation loss {trained.validation['loss']:.3f} at step {trained.best_step}"


def _masked_accuracy(log: Path) -> str:
    """Of each label set, in the last line of the log that is of training."""
    lines = (json.loads(line) for line in log.read_text().splitlines())
    *_, last = (line for line in lines if "lr" in line)
    found = {name: value for name, value in last.items() if name.endswith(".masked_accuracy")}
    return ", ".join(f"{value:.3f} ({name.split('.')[0]})" for name, value in found.items())
