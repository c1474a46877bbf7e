"""What helps a short training of separation.py on voices that it does not use, by one option each.

    python benchmarks/separation_tries.py [NAME ...] [--results DIR]

Each training takes one thread, seed 0 and STEPS steps. No speaker and no clip that separation.py
tests is in it: of what is left, the dev set here is a fifth of each collection's speakers and some
of the clips. Lines are kept in benchmarks/figures/separation/tries.jsonl; a try that is there is
not made again.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

from figures import FIGURES, figure, keep, table
from separation import MODEL, TRAIN, all_clips, collection, improvements

from aubert.separation.evaluation import outcomes
from aubert.separation.mixtures import draw_list
from aubert.separation.options import (
    DeepClusteringOptions,
    ListOptions,
    SeparateOptions,
    SeparationTrainOptions,
)
from aubert.separation.task import train_separation

STEPS = 3_000
# Other values than separation.py's: of the model, and of the training.
TRIES: dict[str, tuple[dict, dict]] = {
    "collections alike": ({}, {"draw_by": "collections"}),
    "speakers alike": ({}, {}),
    "speed to 1.25": ({}, {"max_speed": 1.25}),
    "dropout .3": ({"dropout": 0.3}, {}),
    "weights by magnitude": ({"weights": "magnitude"}, {}),
    "mask head": ({"mask_weight": 0.5, "mask_speakers": 3}, {}),
    "3.2 s from the middle on": ({}, {"short_share": 0.5}),
    "mixtures of two alone": ({}, {"max_speakers": 2}),
    "twice the units": ({"hidden_size": 256}, {}),
    "three layers": ({"num_layers": 3}, {}),
}
LINES = FIGURES / "separation" / "tries.jsonl"
DEV = ListOptions(num_mixtures=60, seed=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="of TRIES; none: all")
    parser.add_argument("--results", type=Path, default=Path("results/separation_benchmark"))
    arguments = parser.parse_args()
    clips = all_clips(arguments.results)
    clips = draw_list(clips, ListOptions(num_mixtures=1)).trainable(clips)
    dev = draw_list(clips, DEV)
    for name in arguments.names or TRIES:
        if any(one["try"] == name for one in done()):
            continue
        changes, training = TRIES[name]
        model = DeepClusteringOptions(**MODEL | changes)
        options = SeparationTrainOptions(**TRAIN | training, steps=STEPS)
        out = arguments.results / "tries" / name
        began = sum(os.times()[:4])
        train_separation(out, clips, dev, model, options)
        seconds = sum(os.times()[:4]) - began
        found = outcomes(dev.mixtures, out, SeparateOptions())
        line = {"try": name, "steps": STEPS, "cpu_s": round(seconds)}
        for group, own in groups(found).items():
            line[group] = asdict(improvements(own, "network"))
        LINES.parent.mkdir(parents=True, exist_ok=True)
        with LINES.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)
    keep_table()


def groups(found: list) -> dict[str, list]:
    real = {True: "real", False: "synthetic"}
    rows: dict[str, list] = {}
    for each in found:
        name = f"{each.mixture.split}, {real[collection(each) != 'synthetic']}"
        rows.setdefault(name, []).append(each)
    return dict(sorted(rows.items()))


def done() -> list[dict]:
    return [json.loads(line) for line in LINES.read_text().splitlines()] if LINES.exists() else []


def keep_table() -> None:
    lines = sorted(done(), key=lambda one: list(TRIES).index(one["try"]))
    names = [name for name in lines[0] if ", " in name]
    rows = [
        [one["try"], one["cpu_s"]]
        + [figure(one[name]["value"], one[name]["ci95"], digits=2) for name in names]
        for one in lines
    ]
    columns = [f"{STEPS:,} steps", "CPU s"]
    columns += [f"{name} (n {lines[0][name]['n']})" for name in names]
    seconds = sum(one["cpu_s"] for one in lines)
    keep("separation-tries", columns, rows, command="python benchmarks/separation_tries.py",
         seconds=seconds)  # fmt: skip
    print(table("separation-tries"))


if __name__ == "__main__":
    main()
