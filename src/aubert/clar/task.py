"""CLAR as a task of the loop: two views of each clip, contrasted, classified, or both."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from aubert import audio
from aubert.audio import SAMPLE_RATE_HZ
from aubert.clar.network import UNLABELLED, ClarBatch, ClarModel, load_hubert
from aubert.clar.options import VERSION, ClarOptions, ClarTrainOptions, ViewOptions
from aubert.clar.splits import SplitOptions, Training, labels_within, split
from aubert.clar.views import draw_alterations, draw_stretch, placed, stretched
from aubert.corpus.clips import Clip
from aubert.learn.card import Card
from aubert.learn.data import MicroBatch, Piece
from aubert.learn.distributed import Processes
from aubert.learn.run import train_model


class ClarExamples:
    """Clips as pairs of views. Picklable, for the workers.

    spread: every process takes its share of each step, so that all of them together make one
      contrast
    """

    spread = True

    def __init__(
        self,
        clips: Sequence[Clip],
        labels: np.ndarray,
        model: ClarOptions,
        views: ViewOptions,
        options: ClarTrainOptions,
        *,
        versions: Versions | None = None,
        rank: int = 0,
        world_size: int = 1,
    ):
        """labels: int64 [clips], UNLABELLED for those that have none, or whose are not known.
        Raises ValueError when the loss wants labels and there are none."""
        self._labelled = np.flatnonzero(labels != UNLABELLED)
        if model.loss != "contrastive" and not len(self._labelled):
            raise ValueError(f"the loss {model.loss} wants labelled clips, but none has a label")
        self._clips, self._labels = clips, labels
        self._groups = np.unique([clip.group for clip in clips], return_inverse=True)[1]
        self._model, self._views, self._options = model, views, options
        self._num_samples = round(model.clip_seconds * model.sample_rate_hz)
        self._versions = versions or Versions(model, views, options)
        self._rank, self._world_size = rank, world_size
        # What the loop counts.
        self.num_samples = np.full(len(clips), round(model.clip_seconds * SAMPLE_RATE_HZ))

    def plan(self, epoch: int) -> list[MicroBatch]:
        """The steps of one epoch: as many as all clips make, in every arm alike."""
        rng = np.random.default_rng([self._options.seed, epoch])
        size, everything = self._options.batch_clips, np.arange(len(self._clips))
        num_steps = max(1, len(everything) // size)
        if self._model.loss == "contrastive":
            chosen = dealt(rng, everything, size, num_steps)
        elif self._model.loss == "joint":
            others = np.setdiff1d(everything, self._labelled)
            with_labels = min(len(self._labelled), round(size * self._options.labelled_share))
            with_labels = max(1, with_labels) if len(others) else size
            chosen = np.hstack(
                [
                    dealt(rng, self._labelled, with_labels, num_steps),
                    dealt(rng, others, size - with_labels, num_steps),
                ]
            )
        else:
            chosen = dealt(rng, self._labelled, size, num_steps)
        return [
            MicroBatch(epoch, step, tuple(Piece(i, 0, int(self.num_samples[i])) for i in row))
            for step, row in enumerate(chosen.tolist())
        ]

    def batch(self, pieces: Sequence[Piece], rng: np.random.Generator) -> ClarBatch:
        """This process's share of the views of `pieces`. Raises AudioError."""
        size = len(pieces)
        places = np.arange(size)[self._rank :: self._world_size]
        versions = rng.integers(2**31, size=(size, 2))
        how = draw_alterations(rng, 2 * size, self._num_samples, self._views)
        indices = np.array([piece.index for piece in pieces])
        own = indices[places]
        rows = [
            self._versions.row(self._clips[index], int(version))
            for index, drawn in zip(own.tolist(), versions[places], strict=True)
            for version in drawn
        ]
        return ClarBatch(
            rows=torch.stack(rows) if rows else torch.zeros(0, self._num_samples),
            how=how.of(torch.from_numpy(np.stack([2 * places, 2 * places + 1], 1).ravel())),
            labels=torch.from_numpy(self._labels[own]),
            clips=torch.from_numpy(own),
            groups=torch.from_numpy(self._groups[own]),
            places=torch.from_numpy(places),
            num_clips=size,
            num_labelled=int((self._labels[indices] != UNLABELLED).sum()),
        )


class Versions:
    """Clips in one row each, stretched and shifted in pitch; with options.versions of each clip,
    these are kept once made. Trainings on the same clips may share them."""

    def __init__(self, model: ClarOptions, views: ViewOptions, options: ClarTrainOptions):
        self._rate_hz, self._views = model.sample_rate_hz, views
        self._num_samples = round(model.clip_seconds * model.sample_rate_hz)
        self._seed, self._num_kept = options.seed, options.versions
        self._kept: dict[tuple[str, int], torch.Tensor] = {}

    def row(self, clip: Clip, number: int) -> torch.Tensor:
        """float32 [samples] of what `number` draws; not to be changed. Raises AudioError."""
        if not self._num_kept:
            return self._made(clip, number)
        key = clip.id, number % self._num_kept
        if key not in self._kept:
            self._kept[key] = self._made(clip, key[1])
        return self._kept[key]

    def _made(self, clip: Clip, number: int) -> torch.Tensor:
        # By its name: what other clips there are changes nothing.
        name = zlib.crc32(clip.id.encode("utf-8", "surrogateescape"))
        rng = np.random.default_rng([self._seed, name, number])
        speed, semitones = draw_stretch(rng, self._views)
        samples = stretched(read_clip(clip, self._rate_hz), speed, semitones, self._rate_hz)
        return placed([samples], self._num_samples, rng)[0]


def read_clip(clip: Clip, sample_rate_hz: int) -> torch.Tensor:
    """float32 [samples]. Raises AudioError."""
    return torch.from_numpy(audio.decode(clip.path, clip.slices, sample_rate_hz))


def dealt(rng: np.random.Generator, pool: np.ndarray, size: int, num_rows: int) -> np.ndarray:
    """[num_rows, size] of the pool, in random order, each as often as any other within one."""
    if not size:
        return np.zeros((num_rows, 0), np.int64)
    rounds = -(-size * num_rows // len(pool))
    order = np.concatenate([rng.permutation(pool) for _ in range(rounds)])
    return order[: size * num_rows].reshape(num_rows, size)


class ClarTask:
    """The loss of the views of each step."""

    def __init__(self, model: ClarModel):
        self.model = model

    def start_step(self, step: int) -> None:
        pass

    def loss(self, batch: ClarBatch) -> tuple[torch.Tensor, int, Mapping[str, torch.Tensor]]:
        return self.model(batch)


def new_model(
    options: ClarOptions, classes: Sequence[str], seed: int, hubert: Path | None = None
) -> ClarModel:
    """A model of initial weights, as a training with `seed` begins with. hubert: the directory
    of the encoder, for that kind. Raises ValueError where it is missing or not one."""
    if (options.encoder == "hubert") != (hubert is not None):
        raise ValueError("give the directory of an encoder with encoder hubert, and only with it")
    network = load_hubert(hubert) if hubert is not None else None
    torch.manual_seed(seed)
    return ClarModel(options, classes, network)


def train_clar(
    out: Path,
    clips: Sequence[Clip],
    labelled: Sequence[str],
    classes: Sequence[str],
    model: ClarOptions,
    views: ViewOptions,
    options: ClarTrainOptions,
    *,
    about: Mapping | None = None,
    hubert: Path | None = None,
    versions: Versions | None = None,
    restart: str = "never",
) -> str:
    """Trains on `clips`, of which the labels of those named by `labelled` are seen; writes a
    model directory, and returns a summary line.

    about: more entries of the model's json; versions: of another training on the same clips, so
    that they are not made again; restart: as of train_model. Raises ValueError as new_model and
    ClarExamples do, and AudioError for a clip that cannot be decoded.
    """
    known, number = set(labelled), {name: i for i, name in enumerate(classes)}
    labels = np.array(
        [number[clip.label] if clip.id in known else UNLABELLED for clip in clips], np.int64
    )
    task = ClarTask(new_model(model, classes, options.seed, hubert))
    processes = Processes(options.device)
    share = {"rank": processes.rank, "world_size": processes.world_size}
    examples = ClarExamples(clips, labels, model, views, options, versions=versions, **share)
    config = {
        "version": VERSION, "model": asdict(model), "views": asdict(views),
        "clips": _hash(clips, labels), "classes": list(classes), "hubert": str(hubert or ""),
    }  # fmt: skip
    trained = train_model(
        out, task, examples, options, config=config,
        save=lambda part: task.model.save(part, about), restart=restart,
        card=_card(model, views, options, f"{len(clips):,} clips, {len(known):,} with labels"),
    )  # fmt: skip
    return (
        f"clar: {model.loss}, {trained.steps} steps ({trained.skipped} skipped) of "
        f"{options.batch_clips} of {len(clips)} clips, {len(known)} with labels"
    )


def _card(model: ClarOptions, views: ViewOptions, options: ClarTrainOptions, data: str) -> Card:
    return Card(
        title="CLAR",
        what=f"An encoder of short clips, trained on views of them ({model.loss}; Al-Tahan and "
        f"Mohsenzadeh 2021): {model.sample_rate_hz:,} Hz goes in, a vector a clip comes out.",
        data=data,
        usage="aubert clar embed *.wav --model MODEL -o vectors",
        limits=f"It takes {model.clip_seconds:g} s of a clip.",
        options=(model, views, options),
    )


def train_arm(
    out: Path,
    clips: Sequence[Clip],
    training: Training,
    splits: SplitOptions,
    model: ClarOptions,
    views: ViewOptions,
    options: ClarTrainOptions,
    hubert: Path | None = None,
    versions: Versions | None = None,
    restart: str = "never",
) -> str:
    """Trains on the training part of a fold, with a budget of its labels; writes a model
    directory that names these, and returns a summary line. Raises ValueError as
    train_clar does, and for a loss without the budget that it needs."""
    if (model.loss == "contrastive") != (training.budget == 0):
        raise ValueError(
            f"the budget is {training.budget:g}% of the labels; it must be 0 for the loss "
            f"contrastive, and above 0 for {model.loss}"
        )
    part = split(clips, training.fold, splits)
    chosen = []
    if training.budget:
        chosen = labels_within(part.train, training.budget, training.draw, splits.split_seed)
    about = {"training": asdict(training), "seed": options.seed, "test": part.test_hash}
    return train_clar(
        out, part.train, chosen, part.classes, model, views, options,
        about=about, hubert=hubert, versions=versions, restart=restart,
    )  # fmt: skip


def _hash(clips: Sequence[Clip], labels: np.ndarray) -> str:
    names = "\n".join(f"{clip.id}\t{clip.group}\t{clip.slices}" for clip in clips)
    digest = hashlib.blake2b(names.encode("utf-8", "surrogateescape"), digest_size=8)
    digest.update(np.ascontiguousarray(labels, "<i8"))
    return digest.hexdigest()
