"""Trainings on a manifest and its .km files, and trainings that begin with an encoder's weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file
from test_hubert_stage import MODEL, TRAIN
from tone_speech import RATE_HZ, say, texts

from aubert.cli import main
from aubert.hubert.network import HubertForPretraining

SECONDS = (2, 3, 4)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def speech(tmp_path) -> Path:
    """train.tsv, train.km at 50 Hz and dict.km.txt of 6 units, of which 5 occur."""
    folder = tmp_path / "data"
    lines, units = [f"{folder / 'audio'}"], []
    for number, seconds in enumerate(SECONDS):
        samples = say(" ".join(texts(6, seed=number)), number)[: seconds * RATE_HZ]
        path = folder / "audio" / f"speaker {number}" / "a.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, samples, RATE_HZ)
        lines.append(f"{path.relative_to(folder / 'audio')}\t{len(samples)}")
        num_labels = (len(samples) - 400) // 320 + 1
        units.append(" ".join(map(str, np.arange(num_labels) // 10 % 5)))
    (folder / "train.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    (folder / "train.km").write_text("\n".join(units) + "\n", encoding="utf-8-sig")
    (folder / "dict.km.txt").write_text("".join(f"{unit} 1\n" for unit in range(6)))
    return folder


def train(speech: Path, out: Path, *flags: str, labels: str = "train.km") -> int:
    """fairseq's own files, which a byte-order mark may begin."""
    given = [f"--labels=km={speech / labels}", "--label-rate-hz=50"]
    return main(
        ["hubert", "train", str(speech / "train.tsv"), str(out), *given, *MODEL, *TRAIN, *flags]
    )


def test_a_manifest_and_its_units_train(speech, tmp_path, capsys):
    assert train(speech, tmp_path / "out") == 0
    assert "in 3 utterances (0 without labels" in capsys.readouterr().out
    (units,) = HubertForPretraining.load(tmp_path / "out").units
    assert (units.name, units.num_units) == ("km", 6)


def test_the_shards_of_dump_label_are_the_same(speech, tmp_path):
    folder = speech / "labels"
    folder.mkdir()
    shutil.copy(speech / "dict.km.txt", folder)
    lines = (speech / "train.km").read_text(encoding="utf-8-sig").splitlines(keepends=True)
    (folder / "train_0_2.km").write_text("".join(lines[:2]))
    assert train(speech, tmp_path / "sharded", labels="labels") == 1
    (folder / "train_1_2.km").write_text("".join(lines[2:]))
    for out, labels in (("sharded", "labels"), ("whole", "train.km")):
        assert train(speech, tmp_path / out, labels=labels) == 0
    found = [(tmp_path / out / "model.safetensors").read_bytes() for out in ("sharded", "whole")]
    assert found[0] == found[1]


def test_what_does_not_fit_together_is_named(speech, tmp_path, capsys):
    def error(*flags: str, labels: str = "train.km") -> str:
        assert train(speech, tmp_path / "out", *flags, labels=labels) == 1
        return capsys.readouterr().err

    (speech / "labels").mkdir()
    shutil.copy(speech / "train.km", speech / "labels/train_0_2.km")
    assert "lacks train_1_2.km" in error(labels="labels")
    assert "give --label-rate-hz" in _without_rate(speech, tmp_path, capsys)
    assert "at 100 Hz there are about" in error("--label-rate-hz=100")
    tsv = speech / "train.tsv"
    short = speech / "audio/speaker 1/a.wav"
    samples, rate_hz = soundfile.read(short)
    soundfile.write(short, samples[:-8000], rate_hz)
    assert f"counts 48000 samples of {short}, which has 40000" in error()
    tsv.write_text(tsv.read_text(encoding="utf-8-sig").replace("speaker 1", "speaker 0"))
    assert "has speaker 0/a.wav twice" in error()


def _without_rate(speech, tmp_path, capsys) -> str:
    labels = f"--labels=km={speech / 'train.km'}"
    out = str(tmp_path / "out")
    assert main(["hubert", "train", str(speech / "train.tsv"), out, labels, *MODEL, *TRAIN]) == 1
    return capsys.readouterr().err


def test_a_training_begins_with_an_encoder_s_weights(speech, tmp_path):
    first, again = tmp_path / "first", tmp_path / "again"
    assert train(speech, first) == 0
    # Too little a rate to move a weight: what comes out is what went in.
    still = [flag for flag in TRAIN if not flag.startswith("--lr")] + ["--lr=1e-30"]
    labels = [f"--labels=km={speech / 'train.km'}", "--label-rate-hz=50"]
    begin = [f"--init-from={first}", "--final-dim=4", "--weight-decay=0"]
    command = ["hubert", "train", str(speech / "train.tsv"), str(again), *labels, *begin]
    assert main([*command, *still]) == 0  # of another shape than the default: the weights' own
    before, after = (load_file(model / "model.safetensors") for model in (first, again))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    heads = load_file(again / "heads.safetensors")
    assert heads["embeddings.0"].shape == (6, 4)


def test_a_shape_that_is_not_the_encoder_s_is_refused(speech, tmp_path, capsys):
    assert main(["hubert", "init", str(tmp_path / "model"), *MODEL]) == 0
    flags = (f"--init-from={tmp_path / 'model'}", "--num-layers=3")
    assert train(speech, tmp_path / "out", *flags) == 1
    assert "num_layers is 3 (of " in capsys.readouterr().err


def test_an_encoder_without_some_weights_is_refused_by_their_names(speech, tmp_path, capsys):
    model = tmp_path / "model"
    assert main(["hubert", "init", str(model), *MODEL]) == 0
    weights = load_file(model / "model.safetensors")
    del weights["encoder.layers.1.attention.k_proj.weight"]
    save_file(weights, model / "model.safetensors", {"format": "pt"})
    assert train(speech, tmp_path / "out", f"--init-from={model}") == 1
    assert "encoder.layers.1.attention.k_proj.weight" in capsys.readouterr().err


def test_the_control_has_the_weights_of_the_encoder(tmp_path):
    for out, flags in (("model", MODEL), ("control", [f"--init-from={tmp_path / 'model'}"])):
        assert main(["hubert", "init", str(tmp_path / out), *flags]) == 0
    files = [(tmp_path / out / "model.safetensors").read_bytes() for out in ("model", "control")]
    assert files[0] == files[1]
