"""What helps iteration 1 of pretraining.py's HuBERT to learn: one option at a time is another one.

    python benchmarks/real_speech.py data/real
    python benchmarks/pretraining_tries.py [NAME ...]

Each training takes one thread, seed 0, units of MFCC, and as many steps as TRIES names. PNMI is
that of 100 units of the best layer, by pocketsphinx's phones of the three dev readers, whom no
report uses, beside the control of pretraining_units.py. Lines are kept in
benchmarks/figures/pretraining/tries.jsonl; a try that is there is not made again.
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
ONE, THREE = (100,), (25, 100, 400)
STEPS = 2_500
# Other values than the preset's that every try has: of the model, and of the training.
MODEL = {"frame_rate_hz": 25, "mask_span": 5, "num_layers": 6}
TRAINING = {"precision": "bfloat16"}
FIFTY = {"frame_rate_hz": 50, "mask_span": 10}
WAVEFORM = {"front_end": "waveform", "conv_channels": 128, "feature_grad_scale": 0.1,
            "feature_penalty": 10.0}  # fmt: skip
# The codebooks, what is another value than those, and steps.
TRIES = {
    "25 frames a second, six layers": (ONE, {}, STEPS),
    "codebooks of 25, 100 and 400": (THREE, {}, STEPS),
    "rate 3e-3": (ONE, {"lr": 3e-3}, STEPS),
    "no dropout": (ONE, {"dropout": 0.0, "input_dropout": 0.0}, STEPS),
    "steps twice as long": (ONE, {"batch_seconds": 40.0, "step_seconds": 30.0}, STEPS // 2),
    "50 frames a second": (ONE, FIFTY, STEPS),
    "50 frames a second, three codebooks": (THREE, FIFTY, 1_650),
    "the same, four layers": (THREE, FIFTY | {"num_layers": 4}, 2_350),
    # The paper's front end and what keeps it from collapsing, with a quarter of its channels.
    "the same, seven convolutions of the waveform": (
        THREE, FIFTY | {"num_layers": 4} | WAVEFORM, 2_350
    ),
    "four layers, 6,000 steps": (THREE, FIFTY | {"num_layers": 4}, 6_000),
    "four layers, 6,000 steps, masked frames alone": (
        THREE, FIFTY | {"num_layers": 4, "masked_weight": 1.0}, 6_000
    ),
}  # fmt: skip
LINES = FIGURES / "tries.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="of TRIES; none: all")
    spoken = None
    for name in parser.parse_args().names or TRIES:
        if any(one["try"] == name for one in done()):
            continue
        clusters, changes, steps = TRIES[name]
        model = RUN / "tries" / f"{name}, {steps}"
        began = cpu_of_children()
        train(model, clusters, MODEL | TRAINING | changes | {"steps": steps})
        seconds = cpu_of_children() - began
        spoken = spoken or by_pocketsphinx(LABELLED / "dev")
        encoder = Encoder.load(str(model), EncoderOptions(layer=None))
        best = best_of(rows_of(name, encoder, encoder.by_layer, spoken))
        last = json.loads((model / "train.jsonl").read_text().splitlines()[-1])
        line = {
            "try": name, "steps": steps, "cpu_s": round(seconds), "layer": best.layer,
            "pnmi": best.pnmi.value, "pnmi_ci95": best.pnmi.ci95, "chance": best.chance,
            "masked_accuracy": last["mfcc_k100.masked_accuracy"],
            "masked_nll": last["mfcc_k100.masked_nll"],
        }  # fmt: skip
        LINES.parent.mkdir(parents=True, exist_ok=True)
        with LINES.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)
    if not any(one["try"] == "MFCC" for one in done()):
        controls(spoken or by_pocketsphinx(LABELLED / "dev"))
    keep_table()


def done() -> list[dict]:
    return [json.loads(line) for line in LINES.read_text().splitlines()] if LINES.exists() else []


def train(model: Path, clusters: tuple[int, ...], changes: dict) -> None:
    if model.exists():
        return
    labels = [RUN / "units" / "mfcc" / f"k{k}" / "labels" for k in clusters]
    if not all((folder / str(shard)).exists() for folder in labels for shard in SHARDS):
        make_labels(clusters)
    plan = Plan(resolve_files([CONFIG]))
    fields = plan.model_fields() | plan.training_fields(1, how=False)
    fields |= plan.training_fields(1, how=True) | changes
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
    """MFCC, and the first try's network before it is trained."""
    untrained, fields = RUN / "tries" / "untrained", Plan(resolve_files([CONFIG])).model_fields()
    if not untrained.exists():
        flags = shlex.split(to_flags(fields | MODEL))
        command = [sys.executable, "-m", "aubert", "hubert", "init", str(untrained), "--seed=0"]
        subprocess.run([*command, *flags], check=True)
    encoder = Encoder.load(str(untrained), EncoderOptions(layer=None))
    rows = rows_of("MFCC", Mfcc(normalise_mean=False), lambda frames: [frames], spoken)
    name = f"{next(iter(TRIES))}, untrained"
    rows.append(best_of(rows_of(name, encoder, encoder.by_layer, spoken)))
    with LINES.open("a") as file:
        for row in rows:
            line = {"try": row.encoder, "steps": 0, "cpu_s": 0, "layer": row.layer}
            line |= {"pnmi": row.pnmi.value, "pnmi_ci95": row.pnmi.ci95, "chance": row.chance}
            file.write(json.dumps(line) + "\n")


def best_of(rows: list[Row]) -> Row:
    return max(rows, key=lambda row: row.pnmi.value)


def keep_table() -> None:
    columns = ["", "steps", "CPU s", "masked accuracy, K = 100", "masked nll",
               "PNMI, best layer (95% interval)", "random order"]  # fmt: skip
    rows = []
    at = {name: number for number, name in enumerate(TRIES)}  # controls last
    for one in sorted(done(), key=lambda one: at.get(one["try"], len(at))):
        learned = [figure(one["masked_accuracy"]) if "masked_accuracy" in one else ""]
        learned.append(figure(one["masked_nll"], digits=2) if "masked_nll" in one else "")
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
