"""aubert beside the real fairseq: checkpoints both ways.

fairseq (PyPI's fairseq-fixed) gets an environment of its own; real_fairseq_side.py runs in it. Its
checkpoints, of every form that `hubert import` reads, are imported; what came of that is exported
and loaded by fairseq again. Both put out features of every layer, the loss of HubertCriterion on
one mask, and CTC log-probabilities of the same low audio. Figures are the largest absolute
differences.

    python benchmarks/real_fairseq.py [--venv /tmp/aubert-fairseq]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from figures import figure, keep, table

FAIRSEQ = "fairseq-fixed==0.12.3.1"
LIMIT = 1e-4
NUM_SPECIALS = 4


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venv", type=Path, default=Path(tempfile.gettempdir(), "aubert-fairseq"))
    python = installed(parser.parse_args().venv)
    began = sum(os.times()[:4])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder)
        in_fairseq(python, "make", folder)
        rows = [import_and_export(folder, made) for made in sorted((folder / "made").iterdir())]
        in_fairseq(python, "read", folder)
        for row in rows:
            row["exported"] = exported(folder, row["kind"])
        unlike = control(folder)
    sides = ("imported", "exported")
    cells = [
        [row["kind"], what, *(scientific(row[side].get(what)) for side in sides)]
        for row in rows for what in row["imported"]
    ]  # fmt: skip
    worst = [max(max(row[side].values()) for row in rows) for side in sides]
    cells.append(["all", "the largest of these", *map(scientific, worst)])
    cells.append(["control: BASE's weights as a pre-norm model", "features, mean",
                  figure(unlike, digits=2), ""])  # fmt: skip
    columns = ["checkpoint", "largest difference of", "fairseq to aubert", "aubert to fairseq"]
    keep("fairseq-checkpoints", columns, cells, command="python benchmarks/real_fairseq.py",
         seconds=sum(os.times()[:4]) - began)  # fmt: skip
    print(table("fairseq-checkpoints"))
    return int(max(worst) >= LIMIT)


def scientific(value: float | None) -> str:
    """A cell: a very small number, or nothing where there is none."""
    return "" if value is None else f"{value:.1e}"


def installed(venv: Path) -> Path:
    """The Python of an environment with fairseq, which is made where there is none."""
    python, uv = venv / "bin/python", [sys.executable, "-m", "uv"]
    if not python.exists():
        subprocess.run([*uv, "venv", "--python", sys.executable, venv], check=True)
        subprocess.run(
            [*uv, "pip", "install", "--python", python, FAIRSEQ, "soundfile"], check=True
        )
    return python


def in_fairseq(python: Path, what: str, folder: Path) -> None:
    code = "import sys, real_fairseq_side; real_fairseq_side.run(*sys.argv[1:])"
    here = Path(__file__).parent
    subprocess.run(
        [python, "-c", code, what, folder], cwd=here, check=True, stderr=subprocess.DEVNULL
    )


def write_inputs(folder: Path) -> None:
    """1.25 s of low noise, for which the epsilon of the normalisation matters; labels; a mask."""
    rng = np.random.default_rng(0)
    np.save(folder / "samples.npy", (0.003 * rng.standard_normal(20_000)).astype(np.float32))
    mask = np.zeros(62, bool)
    mask[5:15] = mask[30:44] = True
    np.savez(folder / "labels.npz", labels=rng.integers(0, 7, 62), mask=mask)


def import_and_export(folder: Path, made: Path) -> dict:
    from aubert.hubert.export_model import export_model
    from aubert.hubert.import_model import import_weights
    from aubert.hubert.unseen import Unseen

    ours = folder / "imported" / made.name
    import_weights(made / "checkpoint.pt", ours, Unseen())
    export_model(str(ours), folder / "exported" / made.name, "fairseq")
    return {"kind": made.name, "imported": compared(folder, made, ours, made / "checkpoint.pt")}


def exported(folder: Path, kind: str) -> dict:
    theirs = folder / "exported" / kind
    return compared(folder, theirs, folder / "imported" / kind, theirs / "checkpoint.pt")


def compared(folder: Path, theirs: Path, ours: Path, checkpoint: Path) -> dict:
    """The largest differences between what fairseq put out and what our model does."""
    samples = np.load(folder / "samples.npy")
    found = {"features": apart(features_of(ours, samples), np.load(theirs / "features.npy")[:-1])}
    if (theirs / "loss.json").exists() and (ours / "heads.json").exists():
        expected = json.loads((theirs / "loss.json").read_text())["loss"]
        found["loss"] = abs(loss_of(folder, ours, checkpoint) - expected)
    if (theirs / "logits.npy").exists():
        theirs_out = np.load(theirs / "logits.npy")
        found["log-probabilities"] = apart(log_probs_of(ours, samples), theirs_out)
    return found


def apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    return float(np.abs(ours - theirs).max())


def features_of(directory: Path, samples: np.ndarray) -> np.ndarray:
    """[layers, frames, width], as `aubert encode` gives them."""
    from aubert.units.encoder_features import Encoder, EncoderOptions

    encoder = Encoder.load(str(directory), EncoderOptions(layer=None, device="cpu"))
    ((_, features),) = encoder.run([("x", samples)])
    return encoder.by_layer(features)[1:]


def log_probs_of(directory: Path, samples: np.ndarray) -> np.ndarray:
    from aubert.transcribe.ctc import CtcModel, EmissionOptions

    model = CtcModel.load(EmissionOptions(model=str(directory), device="cpu"))
    ((_, emission),) = model.emissions([("x", samples)])
    return emission


def loss_of(folder: Path, directory: Path, checkpoint: Path) -> float:
    """Of our pre-training model, a target. fairseq counts the embeddings of its dictionary's four
    symbols among the units, so here they are put before ours."""
    from aubert.encoders.hubert import normalised
    from aubert.hubert.batch import HubertBatch
    from aubert.hubert.fairseq_checkpoint import read_weights
    from aubert.hubert.network import HubertForPretraining, Units

    model = HubertForPretraining.load(directory).eval()
    given, samples = np.load(folder / "labels.npz"), np.load(folder / "samples.npy")
    sizes = [NUM_SPECIALS + one.num_units for one in model.units]
    theirs = read_weights(checkpoint).state["label_embs_concat"].split(sizes)
    for index, rows in enumerate(theirs):
        assert torch.equal(rows[NUM_SPECIALS:], model.heads.embeddings[index]), "other embeddings"
        model.heads.embeddings[index] = torch.nn.Parameter(rows)
    labels = [NUM_SPECIALS + given["labels"] % one.num_units for one in model.units]
    model.units = [Units(one.name, size) for one, size in zip(model.units, sizes, strict=True)]
    counted = np.flatnonzero(given["mask"])
    batch = HubertBatch(
        samples=torch.from_numpy(normalised(samples) if model.options.normalise else samples)[None],
        num_samples=torch.tensor([len(samples)]),
        mask=torch.from_numpy(given["mask"])[None],
        counted=torch.from_numpy(counted),
        labels=torch.from_numpy(np.stack(labels)[:, counted]),
        num_masked=len(counted),
        padded=False,
    )
    with torch.no_grad():
        loss, num_targets, _ = model(batch)
    return float(loss) / num_targets


def control(folder: Path) -> float:
    """What features of two models differ by on average."""
    first, second = (
        np.load(folder / "made" / kind / "features.npy")
        for kind in ("base", "pre-norm, default front end")
    )
    return float(np.abs(first - second).mean())


if __name__ == "__main__":
    raise SystemExit(main())
