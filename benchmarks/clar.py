"""CLAR on 3,000 spoken digits of six speakers, two of whom are left out in each of three folds.

With `--set commands`: on 297 clips of Speech Commands, six words of 162 speakers.

    python benchmarks/clar.py table      every arm at 1, 10 and 100% of the labels
    python benchmarks/clar.py curve      accuracy against CPU seconds of training, with negatives of
                                         all speakers, and of the clip's own speaker alone
    python benchmarks/clar.py inputs     spectrogram against waveform, for as many CPU seconds
    python benchmarks/clar.py views      contrastive, each kind of view left out in turn
    python benchmarks/clar.py groups     the same digits as a flat folder, whose clips have no
                                         speakers: every test speaker is in training

Every arm trains the same encoder for as many steps of as many views: --minutes of CPU each, one
thread. Each training is one line of benchmarks/figures/clar/<figures>.jsonl as soon as it is done;
a run that was stopped goes on there, and what is printed is read from there.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from figures import FIGURES, figure, keep
from figures import table as shown_table
from real_recordings import real_recordings

from aubert.clar.options import ClarOptions, ClarTrainOptions, ReadOptions, ViewOptions
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
ARMS = {
    "contrastive, all speakers' negatives": ("contrastive", None, False),
    "contrastive, own speaker's negatives": ("contrastive", None, True),
    "supervised, 1%": ("supervised", 1, False),
    "supervised, 10%": ("supervised", 10, False),
    "joint, own speaker's negatives, 1%": ("joint", 1, True),
    "joint, own speaker's negatives, 10%": ("joint", 10, True),
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
    verbs = {each.__name__: each for each in (table, curve, inputs, views, groups)}
    parser.add_argument("figures", choices=[*verbs])
    parser.add_argument("--minutes", type=float, default=0.5, help="of CPU for each training")
    parser.add_argument(
        "--shares", type=float, nargs="+", default=[0.25, 0.5, 1, 2],
        help="multiples of --minutes, of curve",
    )  # fmt: skip
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", choices=[*ARMS], default=[*ARMS], help="of curve")
    parser.add_argument("--set", choices=[*SETS], default="digits")
    parser.add_argument("--draws", type=int, default=1, help="of the labels, of curve")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    own = SETS[arguments.set]
    clips = clips_of_table(real_recordings(*own.manifest), *own.columns)
    name = arguments.figures + ("" if arguments.set == "digits" else f"-{arguments.set}")
    run = Runs(clips, name, arguments.minutes, own.clip_seconds)
    if arguments.figures == "curve":
        for share in arguments.shares:
            curve(run, arguments.folds, share, arguments.arms, arguments.draws)
        keep_curve(run)
    else:
        verbs[arguments.figures](run, arguments.folds)


class Runs:
    """Trainings that are done once, a line of a file each."""

    def __init__(self, clips: list[Clip], name: str, minutes: float, clip_seconds: float):
        self.clips, self.minutes, self.clip_seconds = clips, minutes, clip_seconds
        self.path = FIGURES / "clar" / f"{name}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._versions: dict = {}

    def done(self) -> list[dict]:
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def train(
        self,
        training: Training,
        model: ClarOptions,
        views: ViewOptions = VIEWS,
        minutes: float | None = None,
        label: str = "",
    ) -> None:
        """Trains and scores, unless that was done; appends what came of it."""
        minutes = minutes or self.minutes
        key = [label or model.loss, minutes, training.fold, training.budget, training.draw]
        if any(line["key"] == key for line in self.done()):
            return
        steps = max(2, round(60 * minutes / SECONDS_PER_STEP[model.encoder]))
        seconds, scores = self._measured(training, model, views, steps)
        line = {"key": key, "steps": steps, "cpu_s": round(seconds, 1), "scores": scores}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line["key"]), f"{steps} steps, {seconds:.0f} s", flush=True)

    def _measured(self, training, model, views, steps) -> tuple[float, list]:
        from aubert.clar.evaluation import score_trained
        from aubert.clar.task import Versions, train_arm

        model = replace(model, clip_seconds=self.clip_seconds)
        options = replace(TRAIN, steps=steps, warmup_steps=min(TRAIN.warmup_steps, steps // 2))
        kept = self._versions.setdefault((model.encoder, views), Versions(model, views, options))
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "model"
            start = time.process_time()
            train_arm(out, self.clips, training, SPLITS, model, views, options, versions=kept)
            seconds = time.process_time() - start
            scores = score_trained(out, self.clips, BUDGETS, SPLITS, READ)
        return seconds, [list(score) for score in scores]


def place(training: Training, loss: str) -> tuple[Training, ClarOptions]:
    return training, replace(MODEL, loss=loss)


def table(run: Runs, folds: list[int]) -> None:
    for fold in folds:
        run.train(*place(Training(fold=fold), "contrastive"))
        for draw in range(READ.draws):
            for loss, budget in (("supervised", 1), ("supervised", 10), ("joint", 10)):
                run.train(*place(Training(fold=fold, budget=budget, draw=draw), loss))
    for fold in folds:
        for loss in ("supervised", "joint"):
            run.train(*place(Training(fold=fold, budget=100), loss))
        for draw in range(READ.draws):
            run.train(*place(Training(fold=fold, budget=1, draw=draw), "joint"))
    report(run, folds, "contrastive")


def report(run: Runs, folds: list[int], controls_of: str) -> None:
    from aubert.clar import evaluation as clar

    scores = [clar.Score(*score) for line in run.done() for score in line["scores"]]
    for fold in folds:
        model = replace(MODEL, loss=controls_of)
        scores += clar.score_controls(model, run.clips, fold, BUDGETS, SPLITS, READ, TRAIN.seed)
    found = clar.figures(scores)
    print(clar.table(found))
    for key, lead in found.items():
        if ".lead_" in key:
            low, high = lead.ci95 or (float("nan"),) * 2
            print(f"{key:<30}{lead.value:+.3f}  {low:+.3f} to {high:+.3f}  (n {lead.n})")
    seconds = [line["cpu_s"] for line in run.done()]
    print(f"{len(seconds)} trainings, {min(seconds):.0f}-{max(seconds):.0f} CPU seconds each")


def means(run: Runs) -> Iterator[tuple[str, float, dict[float, list[float]], list[float]]]:
    """label, minutes, accuracies by budget, CPU seconds; of all lines that share the first two."""
    found: dict = {}
    for line in run.done():
        accuracies, seconds = found.setdefault(tuple(line["key"][:2]), ({}, []))
        seconds.append(line["cpu_s"])
        for _, of, budget, _, _, value, _ in line["scores"]:
            if of == "accuracy":
                accuracies.setdefault(budget, []).append(value)
    for (label, minutes), (accuracies, seconds) in found.items():
        yield label, minutes, accuracies, seconds


def print_means(run: Runs) -> None:
    for label, minutes, accuracies, seconds in means(run):
        cells = []
        for budget in sorted(accuracies):
            found = mean_of_runs(accuracies[budget])
            low, high = found.ci95 or (float("nan"),) * 2
            cells.append(f"{budget:g}%: {found.value:.3f} {low:.3f}-{high:.3f} (n {found.n})")
        took = sum(seconds) / len(seconds)
        print(f"{label:<22}{minutes:>5g} min {took:>5.0f} CPU s   {'   '.join(cells)}")


def curve(run: Runs, folds: list[int], share: float, arms: Sequence[str], num_draws: int) -> None:
    for fold, name in product(folds, arms):
        loss, budget, same_group = ARMS[name]
        for draw in range(num_draws if budget else 1):
            training = Training(fold=fold, budget=budget or 0, draw=draw)
            model = replace(MODEL, loss=loss, same_group=same_group)
            run.train(training, model, minutes=run.minutes * share, label=name)


def keep_curve(run: Runs) -> None:
    """A row for each arm and length of training; contrast less supervision, of the same fold, draw
    and length, where both are there."""
    found: dict[tuple[int, str], dict] = {}
    for line in run.done():
        group = found.setdefault((line["steps"], line["key"][0]), {"cpu_s": [], "scores": {}})
        group["cpu_s"].append(line["cpu_s"])
        for _, of, budget, fold, draw, value, _ in line["scores"]:
            if of == "accuracy":
                group["scores"][budget, fold, draw] = value
    rows = []
    for (steps, name), group in sorted(found.items()):
        cells = [over_runs(of_budget(group["scores"], budget)) for budget in BUDGETS]
        num_runs = len(of_budget(group["scores"], budget_of(name)))
        rows.append([name, steps, round(mean(group["cpu_s"])), num_runs, *cells])
        if not name.startswith("supervised"):
            rows += leads(found, steps, name)
    columns = [
        "arm",
        "steps",
        "CPU s",
        "folds and draws",
        *(f"{budget}% of labels" for budget in BUDGETS),
    ]
    seconds = sum(line["cpu_s"] for line in run.done())
    name, command = f"clar-{run.path.stem}", f"python benchmarks/clar.py {run.path.stem}"
    command = command.replace("curve-", "curve --set ")
    keep(name, columns, rows, command=command, seconds=seconds)
    print(shown_table(name))


def budget_of(name: str) -> float:
    """Of an arm's labels, in %; the smallest that is read off what learned without labels."""
    return ARMS[name][1] or BUDGETS[0]


def leads(found: dict, steps: int, name: str) -> list[list]:
    """A row, or none: over supervision with the same labels."""
    own, cells, number = found[steps, name]["scores"], [], 0
    for budget in BUDGETS:
        other = found.get((steps, f"supervised, {budget}%"), {"scores": {}})["scores"]
        both = {place: own[place] - other[place] for place in own.keys() & other}
        values = of_budget(both, budget)
        number = number or len(values)
        cells.append(over_runs(values))
    return [[f"{name}, less supervised", steps, "", number, *cells]] if any(cells) else []


def of_budget(scores: dict[tuple, float], budget: float) -> list[float]:
    return [value for (of, *_), value in sorted(scores.items()) if of == budget]


def over_runs(values: list[float]):
    """A cell: the mean over folds and draws, with Student's interval."""
    found = mean_of_runs(values)
    return figure(found.value, found.ci95) if found else ""


def inputs(run: Runs, folds: list[int]) -> None:
    for fold in folds:
        for encoder in ("time_frequency", "raw"):
            training, model = place(Training(fold=fold), "contrastive")
            run.train(training, replace(model, encoder=encoder), label=encoder)
    print_means(run)


def views(run: Runs, folds: list[int]) -> None:
    for fold in folds:
        for name, changes in WITHOUT.items():
            own = place(Training(fold=fold), "contrastive")
            run.train(*own, views=replace(VIEWS, **changes), label=name)
    print_means(run)


def groups(run: Runs, folds: list[int]) -> None:
    alone = [clip._replace(group=clip.id) for clip in run.clips]
    for name, clips in (("speakers", run.clips), ("flat", alone)):
        own = Runs(clips, f"groups-{name}", run.minutes, run.clip_seconds)
        for fold in folds:
            own.train(*place(Training(fold=fold), "contrastive"))
            own.train(*place(Training(fold=fold, budget=100), "supervised"))
        print(f"groups: {name}")
        report(own, folds, "contrastive")


if __name__ == "__main__":
    main()
