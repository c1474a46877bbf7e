"""CLAR on 3,000 spoken digits of six speakers, two of whom are left out in each of three folds.

With `--set commands`: on 297 clips of Speech Commands, six words of 162 speakers.

    python benchmarks/clar.py curve      accuracy at 1, 10 and 100% of the labels against CPU
                                         seconds of training, by arm, beside what needs no training
    python benchmarks/clar.py inputs     spectrogram against waveform, for as many CPU seconds
    python benchmarks/clar.py views      contrastive, each kind of view left out in turn
    python benchmarks/clar.py groups     the same digits as a flat folder, whose clips have no
                                         speakers: every test speaker is in training

Every arm trains the same encoder for as many steps of as many views: --minutes of CPU each, one
thread. Each training is one line of benchmarks/figures/clar/<figures>.jsonl as soon as it is done;
a run that was stopped goes on there, and the table is made from there.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import tempfile
import time
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from figures import FIGURES, figure, keep, table
from real_recordings import real_recordings

from aubert.clar.options import ClarOptions, ClarTrainOptions, Loss, ReadOptions, ViewOptions
from aubert.clar.splits import SplitOptions, Training
from aubert.corpus.clips import Clip, clips_of_table
from aubert.evaluate.metrics import mean_of_runs

BUDGETS = (1, 10, 100)
SPLITS, READ = SplitOptions(folds=3), ReadOptions(draws=3)
# Digits last 0.4 s; what is above 4 kHz is not in the files.
MODEL = ClarOptions(width=8, sample_rate_hz=8_000, clip_seconds=0.64)
# A third of the paper's pitch range and half of its speeds: digits of a child and a giant at
# half speed are beyond what so short a training can learn to tell.
VIEWS = ViewOptions(pitch_semitones=5, stretch_min=0.7, stretch_max=1.4)
TRAIN = ClarTrainOptions(
    lr=2e-3, batch_clips=64, versions=8, warmup_steps=20, device="cpu",
    log_every=10_000, checkpoint_every=10_000, validate_every=10_000,
)  # fmt: skip
# About; what it really took is printed. All arms take the same steps.
SECONDS_PER_STEP = {"time_frequency": 0.15, "raw": 0.5}


class Set(NamedTuple):
    """manifest: below ../shared/real. columns: of audio, label and speaker"""

    manifest: tuple[str, ...]
    columns: tuple[str, str, str]
    clip_seconds: float


SETS = {
    "digits": Set(("fsdd", "manifest.tsv"), ("audio", "digit", "speaker"), MODEL.clip_seconds),
    "commands": Set(("more", "speech_commands", "manifest.tsv"), ("file", "text", "speaker"), 1.0),
}
# Loss, share of the labels in %, negatives of the clip's own speaker alone.
ARMS: dict[str, tuple[Loss, float | None, bool]] = {
    "contrastive, all speakers' negatives": ("contrastive", None, False),
    "contrastive, own speaker's negatives": ("contrastive", None, True),
    "supervised, 1%": ("supervised", 1, False),
    "supervised, 10%": ("supervised", 10, False),
    "joint, own speaker's negatives, 1%": ("joint", 1, True),
    "joint, own speaker's negatives, 10%": ("joint", 10, True),
    "SupCon, 10%": ("supcon", 10, False),
}
CONTROLS = {
    "logmel": "log-mel statistics, logistic regression",
    "untrained": "untrained encoder, linear probe",
}
WITHOUT = {
    "all views": {},
    "no pitch": {"pitch_semitones": 0.0},
    "no stretch": {"stretch_min": 1.0, "stretch_max": 1.0},
    "no shift": {"shift_share": 0.0},
    "no fade": {"fade_share": 0.0},
    "no noise": {"noise": False},
    "no mask": {"mask_share": 0.0},
    "fade and mask only": {
        "pitch_semitones": 0.0, "stretch_min": 1.0, "stretch_max": 1.0, "shift_share": 0.0,
        "noise": False,
    },
    "the paper's ranges": {"pitch_semitones": 15.0, "stretch_min": 0.5, "stretch_max": 1.5},
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    verbs = {each.__name__: each for each in (curve, inputs, views, groups)}
    parser.add_argument("figures", choices=[*verbs])
    parser.add_argument("--minutes", type=float, default=0.5, help="of CPU for each training")
    parser.add_argument("--shares", type=float, nargs="+", default=[1, 4, 12],
                        help="multiples of --minutes, of curve")  # fmt: skip
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", choices=[*ARMS], default=[*ARMS], help="of curve")
    parser.add_argument("--set", choices=[*SETS], default="digits")
    parser.add_argument("--draws", type=int, default=1, help="of the labels, of curve")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    run = Runs(arguments)
    verbs[arguments.figures](run, arguments)
    run.keep()


class Runs:
    """Trainings that are done once, a line of a file each."""

    def __init__(self, arguments: argparse.Namespace):
        own = SETS[arguments.set]
        self.clips = clips_of_table(real_recordings(*own.manifest), *own.columns)
        self.minutes, self.clip_seconds = arguments.minutes, own.clip_seconds
        self.command = arguments.figures
        name = arguments.figures
        if arguments.set != "digits":
            name, self.command = f"{name}-{arguments.set}", f"{name} --set {arguments.set}"
        self.name = f"clar-{name}"
        self.path = FIGURES / "clar" / f"{name}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._versions: dict = {}

    def done(self) -> list[dict]:
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def train(
        self,
        label: str,
        training: Training,
        model: ClarOptions,
        views: ViewOptions = VIEWS,
        share: float = 1.0,
        clips: list[Clip] | None = None,
    ) -> None:
        """Trains and scores, unless that was done; appends what came of it. share: of the minutes.
        clips: instead of the set's."""
        minutes = self.minutes * share
        key = [label, minutes, training.fold, training.budget, training.draw]
        if any(line["key"] == key for line in self.done()):
            return
        steps = max(2, round(60 * minutes / SECONDS_PER_STEP[model.encoder]))
        own = clips or self.clips
        seconds, scores = self._measured(own, training, model, views, steps)
        self._append(key, steps, seconds, scores)

    def control(self, fold: int, clips: list[Clip] | None = None, where: str = "") -> None:
        """What needs no training, a line each. where: at the end of its name."""
        from aubert.clar.evaluation import score_controls

        labels = {arm: f"{label}{where}" for arm, label in CONTROLS.items()}
        done = {line["key"][0] for line in self.done() if line["key"][2] == fold}
        if done.issuperset(labels.values()):
            return
        start = time.process_time()
        model = replace(MODEL, clip_seconds=self.clip_seconds)
        own = clips or self.clips
        scores = score_controls(model, own, fold, BUDGETS, SPLITS, READ, TRAIN.seed)
        seconds = time.process_time() - start
        for arm, label in labels.items():
            lines = [list(score) for score in scores if score.arm == arm]
            self._append([label, 0, fold, 0, 0], 0, seconds / len(labels), lines)

    def _append(self, key: list, steps: int, seconds: float, scores: list) -> None:
        line = {"key": key, "steps": steps, "cpu_s": round(seconds, 1), "scores": scores}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(key), f"{steps} steps, {seconds:.0f} s", flush=True)

    def _measured(self, clips, training, model, views, steps) -> tuple[float, list]:
        from aubert.clar.evaluation import score_trained
        from aubert.clar.task import Versions, train_arm

        model = replace(model, clip_seconds=self.clip_seconds)
        options = replace(TRAIN, steps=steps, warmup_steps=min(TRAIN.warmup_steps, steps // 2))
        kept = self._versions.setdefault((model.encoder, views), Versions(model, views, options))
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "model"
            start = time.process_time()
            train_arm(out, clips, training, SPLITS, model, views, options, versions=kept)
            seconds = time.process_time() - start
            scores = score_trained(out, clips, BUDGETS, SPLITS, READ)
        return seconds, [list(score) for score in scores]

    def keep(self) -> None:
        """A row for each arm and length of training; what learned without labels less supervision,
        of the same fold, draw and length, where both are there."""
        found: dict[tuple[int, str], dict] = {}
        for line in self.done():
            group = found.setdefault((line["steps"], line["key"][0]), {"cpu_s": [], "scores": {}})
            group["cpu_s"].append(line["cpu_s"])
            for _, of, budget, fold, draw, value, _ in line["scores"]:
                if of == "accuracy":
                    group["scores"][budget, fold, draw] = value
        rows = []
        for (steps, name), group in sorted(found.items()):
            cells, number = cells_of(group["scores"])
            rows.append([name, steps, round(mean(group["cpu_s"])), number, *cells])
            if not name.startswith("supervised"):
                rows += leads(found, steps, name)
        shares = (f"{budget}% of labels" for budget in BUDGETS)
        columns = ["arm", "steps", "CPU s", "folds and draws", *shares]
        seconds = sum(line["cpu_s"] for line in self.done())
        command = f"python benchmarks/clar.py {self.command}"
        keep(self.name, columns, rows, command=command, seconds=seconds)
        print(table(self.name))


def cells_of(scores: dict[tuple, float]) -> tuple[list, int]:
    """By budget the mean over folds and draws, with Student's interval; the most of these."""
    values = {
        budget: [value for (of, *_), value in sorted(scores.items()) if of == budget]
        for budget in BUDGETS
    }
    means = [mean_of_runs(own) for own in values.values()]
    cells = [figure(each.value, each.ci95) if each else "" for each in means]
    return cells, max(map(len, values.values()))


def leads(found: dict, steps: int, name: str) -> list[list]:
    """Two rows, or none: over supervision with the same labels, by run and by fold. Runs of a fold
    share its test speakers."""
    own, differences = found[steps, name]["scores"], {}
    for budget in BUDGETS:
        other = found.get((steps, f"supervised, {budget}%"), {"scores": {}})["scores"]
        differences |= {
            place: own[place] - other[place]
            for place in own.keys() & other if place[0] == budget
        }  # fmt: skip
    folds: dict[tuple, list[float]] = {}
    for (budget, fold, _), value in differences.items():
        folds.setdefault((budget, fold, 0), []).append(value)
    rows = []
    by_fold = {place: mean(values) for place, values in folds.items()}
    for kind, own in (("", differences), (", by fold", by_fold)):
        cells, number = cells_of(own)
        rows.append([f"{name}, less supervised{kind}", steps, "", number, *cells])
    return rows if differences else []


def curve(run: Runs, arguments: argparse.Namespace) -> None:
    for fold in arguments.folds:
        run.control(fold)
    for share, fold, name in product(arguments.shares, arguments.folds, arguments.arms):
        loss, budget, same_group = ARMS[name]
        for draw in range(arguments.draws if budget else 1):
            training = Training(fold=fold, budget=budget or 0, draw=draw)
            model = replace(MODEL, loss=loss, same_group=same_group)
            run.train(name, training, model, share=share)


def inputs(run: Runs, arguments: argparse.Namespace) -> None:
    names = {"time_frequency": "spectrogram", "raw": "waveform"}
    for fold, (encoder, name) in product(arguments.folds, names.items()):
        run.train(name, Training(fold=fold), replace(MODEL, encoder=encoder, same_group=True))


def views(run: Runs, arguments: argparse.Namespace) -> None:
    model = replace(MODEL, same_group=True)
    for name, changes in WITHOUT.items():  # stretched clips of one kind are in memory
        for fold in arguments.folds:
            run.train(name, Training(fold=fold), model, replace(VIEWS, **changes))


def groups(run: Runs, arguments: argparse.Namespace) -> None:
    alone = [clip._replace(group=clip.id) for clip in run.clips]
    for fold, (name, clips) in product(
        arguments.folds, (("speakers left out", run.clips), ("flat", alone))
    ):
        run.control(fold, clips, f", {name}")
        for loss, budget in (("contrastive", 0), ("supervised", 100)):
            own = Training(fold=fold, budget=budget)
            run.train(f"{loss}, {name}", own, replace(MODEL, loss=loss), clips=clips)


if __name__ == "__main__":
    main()
