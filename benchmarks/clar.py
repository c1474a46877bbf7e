"""CLAR on 3,000 spoken digits of six speakers, two of whom are left out in each of three folds.

    python benchmarks/clar.py table      every arm at 1, 10 and 100% of the labels
    python benchmarks/clar.py curve      accuracy against CPU seconds of training
    python benchmarks/clar.py inputs     spectrogram against waveform, for as many CPU seconds
    python benchmarks/clar.py views      contrastive, each kind of view left out in turn
    python benchmarks/clar.py negatives  contrastive with negatives of all speakers, and of the
                                         clip's own speaker alone, by compute
    python benchmarks/clar.py groups     the same digits as a flat folder, whose clips have no
                                         speakers: every test speaker is in training

Every arm trains the same encoder for as many steps of as many views: --minutes of CPU each, one
thread. Each training is one line of results/clar_benchmark/<figures>.jsonl as soon as it is done;
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
from pathlib import Path

from real_recordings import ROOT, real_recordings

from aubert.clar.options import ClarOptions, ClarTrainOptions, ReadOptions, ViewOptions
from aubert.clar.splits import SplitOptions, Training
from aubert.corpus.clips import Clip, clips_of_table

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
    verbs = {each.__name__: each for each in (table, curve, inputs, views, negatives, groups)}
    parser.add_argument("figures", choices=[*verbs])
    parser.add_argument("--minutes", type=float, default=0.5, help="of CPU for each training")
    parser.add_argument(
        "--shares", type=float, nargs="+", default=[0.25, 0.5, 1, 2],
        help="multiples of --minutes, of curve and negatives",
    )  # fmt: skip
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    manifest = real_recordings("fsdd", "manifest.tsv")
    clips = clips_of_table(manifest, "audio", "digit", "speaker")
    run = Runs(clips, arguments.figures, arguments.minutes, arguments.shares)
    verbs[arguments.figures](run, arguments.folds)


class Runs:
    """Trainings that are done once, a line of a file each."""

    def __init__(self, clips: list[Clip], name: str, minutes: float, shares: Sequence[float] = ()):
        self.clips, self.minutes, self.shares = clips, minutes, shares
        self.path = ROOT / "results" / "clar_benchmark" / f"{name}.jsonl"
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
    figures = clar.figures(scores)
    print(clar.table(figures))
    for key, figure in figures.items():
        if ".lead_" in key:
            low, high = figure.ci95 or (float("nan"),) * 2
            print(f"{key:<30}{figure.value:+.3f}  {low:+.3f} to {high:+.3f}  (n {figure.n})")
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
    from aubert.evaluate.metrics import mean_of_runs

    for label, minutes, accuracies, seconds in means(run):
        cells = []
        for budget in sorted(accuracies):
            figure = mean_of_runs(accuracies[budget])
            low, high = figure.ci95 or (float("nan"),) * 2
            cells.append(f"{budget:g}%: {figure.value:.3f} {low:.3f}-{high:.3f} (n {figure.n})")
        took = sum(seconds) / len(seconds)
        print(f"{label:<22}{minutes:>5g} min {took:>5.0f} CPU s   {'   '.join(cells)}")


def curve(run: Runs, folds: list[int]) -> None:
    for share in run.shares:
        for fold in folds:
            minutes = run.minutes * share
            run.train(*place(Training(fold=fold), "contrastive"), minutes=minutes)
            for loss in ("supervised", "joint"):
                for budget in (1, 10):
                    own = place(Training(fold=fold, budget=budget), loss)
                    run.train(*own, minutes=minutes)
    print_means(run)


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


def negatives(run: Runs, folds: list[int]) -> None:
    for share in run.shares:
        for fold in folds:
            minutes = run.minutes * share
            training, model = place(Training(fold=fold), "contrastive")
            run.train(training, replace(model, same_group=True), minutes=minutes, label="own")
            for draw in range(READ.draws):
                supervised = place(Training(fold=fold, budget=1, draw=draw), "supervised")
                run.train(*supervised, minutes=minutes, label="supervised 1%")
            run.train(training, model, minutes=minutes, label="all")
    print_means(run)


def groups(run: Runs, folds: list[int]) -> None:
    alone = [clip._replace(group=clip.id) for clip in run.clips]
    for name, clips in (("speakers", run.clips), ("flat", alone)):
        own = Runs(clips, f"groups-{name}", run.minutes)
        for fold in folds:
            own.train(*place(Training(fold=fold), "contrastive"))
            own.train(*place(Training(fold=fold, budget=100), "supervised"))
        print(f"groups: {name}")
        report(own, folds, "contrastive")


if __name__ == "__main__":
    main()
