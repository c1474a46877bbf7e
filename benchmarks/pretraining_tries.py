"""What helps iteration 1 of pretraining.py's HuBERT to learn: one option at a time is another one.

    python benchmarks/real_speech.py data/real
    python benchmarks/pretraining_tries.py [NAME ...] [--steps 2500]

Each training takes as many steps, one thread, seed 0, from units of MFCC. PNMI is that of 100 units
of the best layer, by pocketsphinx's phones of the three dev readers, whom no report uses, beside
the control of pretraining_units.py. Lines are kept in benchmarks/figures/pretraining/tries.jsonl; a
try that is there is not made again.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path

from figures import cpu_of_children, figure, keep, table
from pretraining import CONFIG, FIGURES, LABELLED, RUN
from pretraining_units import Row, Spoken, by_pocketsphinx, rows_of

from aubert.config.resolve import resolve_files
from aubert.hubert.plan import Plan
from aubert.options import to_flags
from aubert.units.encoder_features import Encoder, EncoderOptions
from aubert.units.features import Mfcc

SHARDS = range(4)
ONE = (100,)
# The codebooks, and what is another value than the preset's.
TRIES = {
    "as the preset": (ONE, {}),
    "bfloat16": (ONE, {"precision": "bfloat16"}),
    "codebooks of 25, 100 and 400": ((25, 100, 400), {"precision": "bfloat16"}),
    "masked frames alone": (ONE, {"precision": "bfloat16", "masked_weight": 1.0}),
    "rate 3e-3": (ONE, {"precision": "bfloat16", "lr": 3e-3}),
    "rate 7e-4": (ONE, {"precision": "bfloat16", "lr": 7e-4}),
    "no dropout": (ONE, {"precision": "bfloat16", "dropout": 0.0, "input_dropout": 0.0}),
    "steps of 37 s, half as many": (
        ONE, {"precision": "bfloat16", "batch_seconds": 40.0, "step_seconds": 32.0},
    ),
    "four layers of 320": (
        ONE, {"precision": "bfloat16", "num_layers": 4, "hidden_size": 320, "num_heads": 5,
              "intermediate_size": 1280},
    ),
    "50 frames a second": (
        ONE, {"precision": "bfloat16", "frame_rate_hz": 50, "mask_span": 10},
    ),
}  # fmt: skip
LINES = FIGURES / "tries.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="of TRIES; none: all")
    parser.add_argument("--steps", type=int, default=2500)
    arguments = parser.parse_args()
    spoken = None
    for name in arguments.names or TRIES:
        if any((one["try"], one["steps"]) == (name, arguments.steps) for one in done()):
            continue
        clusters, changes = TRIES[name]
        halved = arguments.steps // 2 if "half as many" in name else arguments.steps
        model = RUN / "tries" / f"{name}, {halved}"
        began = cpu_of_children()
        train(model, clusters, changes, halved)
        seconds = cpu_of_children() - began
        spoken = spoken or by_pocketsphinx(LABELLED / "dev")
        encoder = Encoder.load(str(model), EncoderOptions(layer=None))
        best = best_of(rows_of(name, encoder, encoder.by_layer, spoken))
        last = json.loads((model / "train.jsonl").read_text().splitlines()[-1])
        line = {
            "try": name, "steps": arguments.steps, "cpu_s": round(seconds), "layer": best.layer,
            "pnmi": best.pnmi.value, "pnmi_ci95": best.pnmi.ci95, "chance": best.chance,
            "masked_accuracy": last["mfcc_k100.masked_accuracy"],
            "masked_nll": last["mfcc_k100.masked_nll"], "loss": last["loss"],
        }  # fmt: skip
        LINES.parent.mkdir(parents=True, exist_ok=True)
        with LINES.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)
    controls(spoken or by_pocketsphinx(LABELLED / "dev"))
    keep_table()


def done() -> list[dict]:
    return [json.loads(line) for line in LINES.read_text().splitlines()] if LINES.exists() else []


def train(model: Path, clusters: tuple[int, ...], changes: dict, steps: int) -> None:
    if model.exists():
        return
    labels = [RUN / "units" / "mfcc" / f"k{k}" / "labels" for k in clusters]
    if not all((folder / str(shard)).exists() for folder in labels for shard in SHARDS):
        make_labels(clusters)
    plan = Plan(resolve_files([CONFIG]))
    fields = plan.model_fields() | plan.training_fields(1, how=False)
    fields |= plan.training_fields(1, how=True) | {"steps": steps} | changes
    command = [sys.executable, "-m", "aubert", "hubert", "train", str(RUN), str(model), "--root=/"]
    command += [f"--labels=mfcc_k{k}={path}" for k, path in zip(clusters, labels, strict=True)]
    subprocess.run([*command, *shlex.split(to_flags(fields))], check=True)


def make_labels(clusters: tuple[int, ...]) -> None:
    overlay = RUN / "tries.json"
    overlay.parent.mkdir(parents=True, exist_ok=True)
    iterations = [{"features": "mfcc", "clusters": list(clusters), "train": {"steps": 1}}]
    overlay.write_text(json.dumps({"hubert": {"iterations": iterations}, "systems": ["hubert"]}))
    targets = [f"{RUN}/units/mfcc/k{k}/labels/{shard}" for k in clusters for shard in SHARDS]
    command = ["snakemake", *targets, "--cores=2", "--configfile", str(CONFIG), str(overlay)]
    subprocess.run(command, check=True)


def controls(spoken: list[Spoken]) -> None:
    """MFCC, and the network before it is trained."""
    if any(one["try"] == "MFCC" for one in done()):
        return
    untrained = RUN / "hubert" / "untrained"
    if not untrained.exists():
        targets = [str(untrained), "--cores=2", "--configfile", str(CONFIG)]
        subprocess.run(["snakemake", *targets], check=True)
    encoder = Encoder.load(str(untrained), EncoderOptions(layer=None))
    rows = rows_of("MFCC", Mfcc(normalise_mean=False), lambda frames: [frames], spoken)
    rows.append(best_of(rows_of("untrained", encoder, encoder.by_layer, spoken)))
    with LINES.open("a") as file:
        for row in rows:
            line = {"try": row.encoder, "steps": 0, "cpu_s": 0, "layer": row.layer}
            line |= {"pnmi": row.pnmi.value, "pnmi_ci95": row.pnmi.ci95, "chance": row.chance}
            file.write(json.dumps(line) + "\n")


def best_of(rows: list[Row]) -> Row:
    return max(rows, key=lambda row: row.pnmi.value)


def keep_table() -> None:
    columns = ["", "steps", "CPU s", "masked accuracy, K = 100", "masked nll", "loss",
               "PNMI, best layer (95% interval)", "random order"]  # fmt: skip
    rows = []
    for one in done():
        learned = [figure(one[key]) if key in one else "" for key in ("masked_accuracy",)]
        learned += [figure(one[key], digits=2) if key in one else ""
                    for key in ("masked_nll", "loss")]  # fmt: skip
        pnmi = figure(one["pnmi"], one["pnmi_ci95"])
        pnmi |= {} if one["layer"] is None else {"text": f"layer {one['layer']}"}
        chance = figure(one["chance"])
        rows.append([one["try"], one["steps"], one["cpu_s"], *learned, pnmi, chance])
    seconds = sum(one["cpu_s"] for one in done())
    command = "python benchmarks/pretraining_tries.py"
    keep("pretraining-tries", columns, rows, command=command, seconds=seconds)
    print(table("pretraining-tries"))


if __name__ == "__main__":
    main()
