"""Trainings of a tiny CLAR on tones, also in processes of their own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import soundfile
import torch
from two_processes import as_torchrun

from aubert.clar.options import ClarOptions, ClarTrainOptions, ViewOptions
from aubert.clar.splits import SplitOptions, Training
from aubert.clar.task import train_arm
from aubert.corpus.clips import Clip, clips_of_table

MODEL = ClarOptions(width=8, sample_rate_hz=8_000, clip_seconds=0.2, head_dim=8)
VIEWS = ViewOptions(pitch_semitones=1, stretch_min=0.8, stretch_max=1.2)
TRAIN = ClarTrainOptions(
    steps=4, lr=3e-3, warmup_steps=1, batch_clips=6, versions=2, log_every=1, checkpoint_every=1,
    validate_every=4, device="cpu",
)  # fmt: skip
SPLITS = SplitOptions(folds=2)
HZ = (250, 1_000, 2_500)


def tones(folder: Path, num_groups: int = 4, takes: int = 3) -> list[Clip]:
    """Three classes of tones by several voices, each of its own overtones; a take is a little
    off in pitch. One clip has no label."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, lines = np.random.default_rng(0), ["path\tlabel\tvoice"]
    for voice in range(num_groups):
        for place, hz in enumerate(HZ):
            for take in range(takes):
                time = np.arange(int(8_000 * rng.uniform(0.15, 0.3))) / 8_000
                pitch = hz * rng.uniform(0.95, 1.05)
                sound = 0.3 * np.sin(2 * np.pi * pitch * time)
                sound += 0.05 * np.sin(2 * np.pi * pitch * (1 + 0.2 * voice) * time)
                sound += 0.01 * rng.standard_normal(len(time))
                name = f"{voice}_{hz}_{take}.wav"
                soundfile.write(folder / name, sound, 8_000)
                label = "" if (voice, place, take) == (0, 0, 0) else f"tone{hz}"
                lines.append(f"{name}\t{label}\tv{voice}")
    (folder / "labels.tsv").write_text("\n".join(lines) + "\n")
    return clips_of_table(folder / "labels.tsv", "path", "label", "voice")


def main(out: Path, clips: list[Clip], loss: str, budget: float = 0.0, **changes) -> str:
    torch.set_num_threads(1)
    model = dataclasses.replace(MODEL, loss=loss)
    options = dataclasses.replace(TRAIN, **changes)
    return train_arm(out, clips, Training(budget=budget), SPLITS, model, VIEWS, options)


def one_of_two(folder: Path, out: Path, rank: int, port: int) -> None:
    as_torchrun(rank, port)
    clips = clips_of_table(folder / "labels.tsv", "path", "label", "voice")
    for loss, budget in (("joint", 50), ("supcon", 50)):
        main(out / loss, clips, loss, budget)
