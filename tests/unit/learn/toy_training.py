"""A tiny HuBERT on made-up utterances: what the tests train, also in processes of its own."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import torch
from safetensors.torch import save_file
from toy_line import LINE, Line, Points
from two_processes import as_torchrun

from aubert.hubert.options import HubertOptions
from aubert.hubert.task import HubertExamples, HubertTask
from aubert.learn import distributed
from aubert.learn.data import Piece
from aubert.learn.loop import Trained, TrainOptions, train
from aubert.learn.stop import STOPPED, Stopped

MODEL = HubertOptions(
    front_end="logmel",
    frame_rate_hz=25,
    hidden_size=16,
    num_layers=2,
    num_heads=2,
    intermediate_size=16,
    conv_channels=8,
    pos_conv_kernel=4,
    pos_conv_groups=2,
    final_dim=8,
    layerdrop=0.3,
    masked_weight=0.8,
    mask_span=4,
)
TRAIN = TrainOptions(
    steps=12,
    step_seconds=4.0,
    batch_seconds=2.0,
    max_seconds=1.0,
    min_seconds=0.1,
    lr=3e-3,
    warmup_steps=3,
    log_every=1,
    checkpoint_every=2,
    validate_every=4,
    device="cpu",
)


class ToyUtterances:
    """Tones that change every 40 ms or so, with labels that say which."""

    name = "tones"
    num_units = 4

    def __init__(self, rate_hz: float = 100.0):
        self.rate_hz = rate_hz
        rng = np.random.default_rng(0)
        self.num_samples = rng.integers(4_000, 24_000, 23)
        self.ids = pa.array([f"toy_{index:02}" for index in range(23)])
        self._tones = [np.repeat(rng.integers(0, 4, 40), 640) for _ in self.ids]

    def take(self, indices: np.ndarray) -> ToyUtterances:
        assert (indices == np.arange(len(self.ids))).all()
        return self

    def located(self, piece: Piece) -> ToyCrop:
        tones = self._tones[piece.index][piece.start :][: piece.num_samples]
        return ToyCrop(tones, piece.index, piece.start)

    def places(self, ids: pa.Array) -> np.ndarray:
        assert ids == self.ids
        return np.arange(len(ids))

    def place(self, index: int) -> ToyLabels:
        num_labels = int((self.num_samples[index] - 400) * self.rate_hz / 16_000) + 1
        starts = (np.arange(num_labels) * 16_000 / self.rate_hz).astype(int)
        return ToyLabels(self._tones[index][starts])


class ToyCrop(NamedTuple):
    """In place of a stretch of a recording."""

    tones: np.ndarray
    index: int
    start: int

    def read(self) -> np.ndarray:
        noise = np.random.default_rng([self.index, self.start]).standard_normal(len(self.tones))
        phase = np.cumsum(2 * np.pi * (200 + 400 * self.tones) / 16_000)
        return (np.sin(phase) + 0.05 * noise).astype(np.float32)


class ToyLabels(NamedTuple):
    """In place of a file's."""

    labels: np.ndarray

    def read(self) -> np.ndarray:
        return self.labels


class SlowLabels(ToyUtterances):
    """The same labels at 50 Hz, as a second set."""

    name = "slow"

    def __init__(self):
        super().__init__(rate_hz=50.0)


def toy_task(model: HubertOptions = MODEL):
    utterances = ToyUtterances()
    label_sets = [utterances, SlowLabels()]
    return HubertTask(model, label_sets, seed=0), HubertExamples(utterances, label_sets, model)


class KilledTask(HubertTask):
    """SIGKILL comes `after_s` seconds after step `at_step` begins."""

    at_step, after_s = 0, 0.0

    def start_step(self, step: int) -> None:
        if step == self.at_step:
            kill = threading.Timer(self.after_s, os.kill, (os.getpid(), signal.SIGKILL))
            kill.daemon = True
            kill.start()


def killed(directory: Path, at_step: int, after_s: float) -> None:
    KilledTask.at_step, KilledTask.after_s = at_step, after_s
    globals()["HubertTask"] = KilledTask
    main(directory, TRAIN)


def one_of_two(directory: Path, rank: int, port: int) -> None:
    as_torchrun(rank, port)
    main(directory, TRAIN)


def small_buckets_of_two(directory: Path, rank: int, port: int) -> None:
    """Gradients are sent some weights at a time."""
    distributed.BUCKET_BYTES = 500
    one_of_two(directory, rank, port)


class AskedTask(HubertTask):
    """SIGTERM comes to one process when it begins step `at_step`."""

    at_step = 0

    def start_step(self, step: int) -> None:
        if step == self.at_step:
            os.kill(os.getpid(), signal.SIGTERM)


def asked_of_two(directory: Path, options: TrainOptions, rank: int, port: int) -> None:
    """The second process alone is asked to stop."""
    as_torchrun(rank, port)
    AskedTask.at_step = 5 if rank == 1 else 0
    globals()["HubertTask"] = AskedTask
    try:
        main(directory, options)
    except Stopped:
        sys.exit(STOPPED)


def two_with(directory: Path, options: TrainOptions, rank: int, port: int) -> None:
    as_torchrun(rank, port)
    main(directory, options)


def poisoned_of_two(directory: Path, rank: int, port: int) -> None:
    as_torchrun(rank, port)
    options = dataclasses.replace(LINE, batch_seconds=2)
    train(Line(), Points(poison=(7,)), options, directory, config={})


def main(directory: Path, options: TrainOptions) -> Trained:
    torch.set_num_threads(1)  # sums of other threads have other last bits
    task, examples = toy_task()
    trained = train(task, examples, options, directory, config={"model": "toy"})
    if os.environ.get("RANK", "0") == "0":
        save_file(task.model.state_dict(), directory / "final.safetensors")
    return trained
