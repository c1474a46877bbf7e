"""Does a HuBERT learn as in the real fairseq? The same manifest, labels, sizes, steps and seeds.

    python benchmarks/real_speech.py data/real
    python benchmarks/fairseq_training.py [--venv /tmp/aubert-fairseq] [--work /tmp/aubert-parity]

fairseq (PyPI's fairseq-fixed) gets an environment of its own and trains with fairseq-hydra-train;
aubert with `aubert hubert train` on the same train.tsv and train.km. Each draws its own crops,
order, masks and initial weights, by its own rules: fairseq crops a batch to its shortest utterance
and unmasks single frames of rows that have more masked ones than another, aubert does neither.
Prints the loss and accuracy on masked frames by step, of three seeds; at the end those of both on
equal masks, and PNMI with TIMIT's phones. Trainings that are there are not made again.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import real_fairseq
import soundfile
import torch
import yaml
from figures import figure, keep, shown
from pretraining_units import by_hand, rows_of

from aubert.hubert.batch import hubert_batch
from aubert.hubert.frame_labels import labels_of_frames
from aubert.hubert.network import HubertForPretraining
from aubert.units.encoder_features import Encoder, EncoderOptions

SPEECH = Path("data/real/train.jsonl")
NUM_UTTERANCES = 600  # of LibriSpeech's readers: 1.1 hours
NUM_UNITS, LABEL_RATE_HZ = 100, 100  # of MFCC
SEEDS = (0, 1, 2)
STEPS, EVERY = 600, 50
SHOWN = (50, 150, 300, 450, 600)
LAYER = 2  # of 3, for PNMI
NUM_JUDGED = 100  # utterances of the training whose masks are equal for all
OURS = {
    "front-end": "waveform", "conv-channels": 64, "hidden-size": 128, "num-layers": 3,
    "num-heads": 4, "intermediate-size": 512, "pos-conv-kernel": 32, "pos-conv-groups": 4,
    "final-dim": 64, "dropout": 0.05, "attention-dropout": 0.0, "input-dropout": 0.05,
    "layerdrop": 0.0, "masked-weight": 0.5, "feature-grad-scale": 1.0, "feature-penalty": 5.0,
    "lr": 1.5e-3, "warmup-steps": 80, "clip-norm": 0.0, "batch-seconds": 20.0,
    "step-seconds": 15.0, "max-seconds": 8.0, "min-seconds": 1.0, "steps": STEPS,
    "log-every": EVERY, "checkpoint-every": EVERY,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venv", type=Path, default=Path(tempfile.gettempdir(), "aubert-fairseq"))
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir(), "aubert-parity"))
    given = parser.parse_args()
    began = os.times()
    python = real_fairseq.installed(given.venv)
    data = given.work / "data"
    write_data(data)
    curves: dict[str, list[dict]] = {"fairseq": [], "aubert": []}
    quality: dict[str, list[float]] = {"fairseq": [], "aubert": []}
    ends: dict[str, list[tuple[float, float]]] = {"fairseq": [], "aubert": []}
    for seed in SEEDS:
        for side, trained in (("fairseq", fairseq(python, data, given.work, seed)),
                              ("aubert", aubert(data, given.work, seed))):  # fmt: skip
            model, curve = trained
            curves[side].append(curve)
            encoder = Encoder.load(str(model), EncoderOptions(layer=LAYER))
            (row,) = rows_of(side, encoder, lambda frames: [frames], by_hand())
            quality[side].append(row.pnmi.value)
            ends[side].append(on_equal_masks(model, data))
    rows = [
        [f"step {step}", *(spread([curve[step][what] for curve in curves[side]])
         for what in ("nll", "accuracy") for side in curves)]
        for step in SHOWN
    ]  # fmt: skip
    rows.append(["at the end, equal masks", *(spread([each[what] for each in ends[side]])
                                              for what in (0, 1) for side in ends)])  # fmt: skip
    rows.append(["PNMI at the end", *map(spread, quality.values()), "", ""])
    ended = os.times()
    seconds = sum(ended[:4]) - sum(began[:4])
    columns = ["mean of three seeds (lowest-highest)"]
    columns += [f"masked {what}, {side}" for what in ("loss", "accuracy") for side in curves]
    keep("fairseq-training", columns, rows, command="python benchmarks/fairseq_training.py",
         seconds=seconds)  # fmt: skip
    for row in [columns, *rows]:
        print(" | ".join(map(shown, row)))


def spread(values: list[float]) -> dict:
    """The mean, and from the lowest to the highest seed."""
    return figure(float(np.mean(values)), (min(values), max(values)))


def on_equal_masks(model: Path, data: Path) -> tuple[float, float]:
    """Loss and accuracy on masked frames, whose masks do not depend on the model."""
    network = HubertForPretraining.load(model).eval()
    options, rng = network.options, np.random.default_rng(0)
    root, *lines = (data / "train.tsv").read_text().splitlines()
    units = (data / "train.km").read_text().splitlines()
    sums = np.zeros(3)
    for line, labels in zip(lines[:NUM_JUDGED], units[:NUM_JUDGED], strict=True):
        samples, _ = soundfile.read(Path(root, line.split("\t")[0]), dtype="float32")
        samples = samples[: int(OURS["max-seconds"] * 16_000)]
        frames = labels_of_frames(
            np.array(labels.split(), int), LABEL_RATE_HZ, options.frame_rate_hz,
            options.num_frames(len(samples)),
        )  # fmt: skip
        with torch.no_grad():
            _, count, found = network(hubert_batch([samples], [[frames]], options, rng))
        (units_of,) = network.units
        keys = (f"{units_of.name}.masked_nll", f"{units_of.name}.masked_accuracy")
        sums += [*(float(found[key]) for key in keys), count]
    nll, hits, count = sums
    return nll / count, hits / count


def write_data(folder: Path) -> None:
    """train.tsv, train.km and dict.km.txt: k-means of MFCC, learned on these utterances."""
    from aubert import audio
    from aubert.units.codebook import learn_codebook
    from aubert.units.features import Mfcc
    from aubert.units.kmeans import KMeansOptions

    if (folder / "dict.km.txt").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with SPEECH.open() as file:
        paths = [json.loads(line)["recording"]["sources"][0]["source"] for line in file]
    paths = [path for path in paths if "/librispeech/" in path][:: 950 // NUM_UTTERANCES]
    paths = paths[:NUM_UTTERANCES]
    mfcc = Mfcc(normalise_mean=False)
    features = list(mfcc.run((path, audio.decode(path, sample_rate_hz=16_000)) for path in paths))
    book = learn_codebook(lambda: iter(features), NUM_UNITS, mfcc.kind, KMeansOptions())
    root = os.path.commonpath(paths)
    lines = [f"{os.path.relpath(path, root)}\t{soundfile.info(path).frames}" for path in paths]
    (folder / "train.tsv").write_text("\n".join([root, *lines]) + "\n")
    units = dict(features)
    (folder / "train.km").write_text(
        "".join(" ".join(map(str, book.label(units[path]).tolist())) + "\n" for path in paths)
    )
    (folder / "dict.km.txt").write_text("".join(f"{unit} 1\n" for unit in range(NUM_UNITS)))


def aubert(data: Path, work: Path, seed: int) -> tuple[Path, dict[int, dict[str, float]]]:
    out = work / f"aubert-{seed}"
    if not out.exists():
        flags = [f"--{key}={value}" for key, value in OURS.items()]
        subprocess.run(
            [sys.executable, "-m", "aubert", "hubert", "train", data / "train.tsv", out,
             f"--labels=km={data / 'train.km'}", f"--label-rate-hz={LABEL_RATE_HZ}", "--pre-norm",
             f"--seed={seed}", *flags],
            check=True,
        )  # fmt: skip
    lines = map(json.loads, (out / "train.jsonl").read_text().splitlines())
    return out, {
        line["step"]: {"nll": line["km.masked_nll"], "accuracy": line["km.masked_accuracy"]}
        for line in lines
    }


def fairseq(
    python: Path, data: Path, work: Path, seed: int
) -> tuple[Path, dict[int, dict[str, float]]]:
    run = work / f"fairseq-{seed}"
    model, log = run / "imported", run / "log.txt"
    if not model.exists():
        run.mkdir(parents=True, exist_ok=True)
        (run / "hubert.yaml").write_text(
            "# @package _group_\n" + yaml.safe_dump(config(data, run, seed))
        )
        code = "from fairseq_cli.hydra_train import cli_main; cli_main()"
        with log.open("w") as file:
            subprocess.run(
                [python, "-c", code, "--config-dir", run, "--config-name", "hubert",
                 f"hydra.run.dir={run}"],
                check=True, stdout=file, stderr=subprocess.STDOUT,
                env=os.environ | {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"},
            )  # fmt: skip
        subprocess.run([sys.executable, "-m", "aubert", "hubert", "import",
                        run / "checkpoints" / "checkpoint_last.pt", model], check=True)  # fmt: skip
    return model, dict(_curve(log.read_text()))


def _curve(log: str):
    """fairseq's loss is in bits a frame, of all frames that are predicted."""
    for text in re.findall(r"\[train_inner\].*?(\{.*\})", log):
        line = {key: float(value) for key, value in json.loads(text).items() if _is_number(value)}
        masked = line["count_m_0"] / (line["count_m_0"] + line["count_u_0"])
        nll = line["loss_m_0"] * math.log(2) / masked
        yield int(line["num_updates"]), {"nll": nll, "accuracy": line["correct_m_0"]}


def _is_number(value) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def config(data: Path, run: Path, seed: int) -> dict:
    """Of fairseq, with the values of OURS."""
    rate = 16_000
    return {
        "common": {"cpu": True, "seed": seed, "log_format": "json", "log_interval": EVERY},
        "checkpoint": {"save_dir": str(run / "checkpoints"), "no_epoch_checkpoints": True},
        "distributed_training": {"distributed_world_size": 1, "ddp_backend": "legacy_ddp"},
        "task": {
            "_name": "hubert_pretraining", "data": str(data), "label_dir": str(data),
            "labels": ["km"], "label_rate": LABEL_RATE_HZ, "sample_rate": rate,
            "max_sample_size": int(OURS["max-seconds"] * rate),
            "min_sample_size": int(OURS["min-seconds"] * rate), "pad_audio": False,
            "random_crop": True, "normalize": False,
        },
        "dataset": {
            "num_workers": 0, "max_tokens": int(OURS["batch-seconds"] * rate),
            "skip_invalid_size_inputs_valid_test": True, "disable_validation": True,
        },
        "criterion": {"_name": "hubert", "pred_masked_weight": 1.0, "pred_nomask_weight": 1.0,
                      "loss_weights": [OURS["feature-penalty"]]},
        "optimization": {"max_update": STEPS, "lr": [OURS["lr"]], "clip_norm": 0.0},
        "optimizer": {"_name": "adam", "adam_betas": "(0.9,0.98)", "adam_eps": 1e-6,
                      "weight_decay": 0.01},
        "lr_scheduler": {"_name": "polynomial_decay", "warmup_updates": OURS["warmup-steps"],
                         "total_num_update": STEPS},
        "model": {
            "_name": "hubert", "label_rate": LABEL_RATE_HZ, "skip_masked": False,
            "skip_nomask": False, "mask_prob": 0.8, "mask_length": 10,
            "extractor_mode": "default", "layer_norm_first": True,
            "conv_feature_layers": "[(64,10,5)] + [(64,3,2)] * 4 + [(64,2,2)] * 2",
            "encoder_layers": OURS["num-layers"], "encoder_embed_dim": OURS["hidden-size"],
            "encoder_ffn_embed_dim": OURS["intermediate-size"],
            "encoder_attention_heads": OURS["num-heads"], "conv_pos": OURS["pos-conv-kernel"],
            "conv_pos_groups": OURS["pos-conv-groups"], "final_dim": OURS["final-dim"],
            "encoder_layerdrop": 0.0, "dropout_input": OURS["input-dropout"],
            "dropout_features": 0.0, "dropout": OURS["dropout"], "attention_dropout": 0.0,
            "activation_dropout": 0.0, "feature_grad_mult": 1.0, "untie_final_proj": True,
        },
    }  # fmt: skip


if __name__ == "__main__":
    main()
