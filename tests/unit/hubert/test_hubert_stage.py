"""`aubert hubert`: the control, a training over the shards of a corpus, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tiny_corpus import Corpus, write_corpus
from transformers import AutoFeatureExtractor, AutoModel

from aubert import tables
from aubert.cli import INTERRUPTED, MACHINE_FAULT, main
from aubert.hubert import network as model_module
from aubert.hubert.network import HubertForPretraining
from aubert.hubert.task import HubertTask
from aubert.learn.validation import is_held_out
from aubert.units.labels import write_labels
from aubert.units.shards import FeatureKind

MODEL = """--front-end=logmel --frame-rate-hz=25 --hidden-size=16 --num-layers=2 --num-heads=2
    --intermediate-size=16 --conv-channels=8 --pos-conv-kernel=4 --pos-conv-groups=2
    --final-dim=8 --mask-span=4""".split()
TRAIN = """--steps=6 --step-seconds=4 --batch-seconds=4 --max-seconds=2 --min-seconds=1 --lr=3e-3
    --warmup-steps=2 --log-every=1 --checkpoint-every=2 --validate-every=2 --device=cpu""".split()
MFCC = FeatureKind("mfcc", 100.0)
SLOW = FeatureKind("hidden", 25.0, 1, "encoder0")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Sums of other threads have other last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Corpus:
    """With two label sets of made-up units, below labels/."""
    corpus = write_corpus(tmp_path_factory.mktemp("corpus"))
    write_units(corpus, "mfcc", MFCC, num_units=5)
    write_units(corpus, "slow", SLOW, num_units=3)
    return corpus


def write_units(corpus: Corpus, name: str, kind: FeatureKind, num_units: int, without=()) -> None:
    for shard in range(2):
        rows = tables.rows(corpus.results / f"utterances/{shard}.parquet", "utterances")
        hop = round(16_000 / kind.rate_hz)
        units = [
            (row["utterance_id"], np.arange((row["num_samples"] - 400) // hop + 1) % num_units)
            for row in rows
            if row["utterance_id"] not in without
        ]
        write_labels(labels_of(corpus, name) / str(shard), units, kind, num_units, None)


def labels_of(corpus: Corpus, name: str) -> Path:
    return corpus.results.parent / "labels" / name


def train(corpus: Corpus, out: Path, *flags: str, sets=("mfcc", "slow")) -> int:
    labels = [f"--labels={name}={labels_of(corpus, name)}" for name in sets]
    arguments = [str(corpus.results), str(out), f"--root={corpus.root}", *labels]
    return main(["hubert", "train", *arguments, *MODEL, *TRAIN, *flags])


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "iter1"
    assert train(corpus, out) == 0
    return out


def weights(model: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in model.glob("*.safetensors")}


def test_it_writes_a_model_its_heads_and_its_log(trained):
    assert sorted(path.name for path in trained.iterdir()) == [
        "README.md",
        "config.json",
        "heads.json",
        "heads.safetensors",
        "model.safetensors",
        "preprocessor_config.json",
        "train.jsonl",
    ]
    assert not trained.with_name("iter1.training").exists()
    lines = [json.loads(line) for line in (trained / "train.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert {"mfcc.masked_accuracy", "slow.masked_accuracy"} < lines[-1].keys()
    card = (trained / "README.md").read_text()
    assert "without transcripts, in 6 steps" in card and "| `mfcc.masked_accuracy` | " in card
    units = HubertForPretraining.load(trained).units
    assert [(one.name, one.num_units) for one in units] == [("mfcc", 5), ("slow", 3)]
    assert AutoModel.from_pretrained(trained).config.hidden_size == 16
    assert AutoFeatureExtractor.from_pretrained(trained).sampling_rate == 16_000


def test_the_control_has_the_weights_that_a_training_begins_with(trained, tmp_path, capsys):
    assert main(["hubert", "init", str(tmp_path / "untrained"), "--seed=3", *MODEL]) == 0
    assert "untrained weights" in capsys.readouterr().out
    control = load_file(tmp_path / "untrained" / "model.safetensors")

    class Units:
        name, num_units = "mfcc", 5

    options = HubertForPretraining.load(trained).options
    for name, weight in HubertTask(options, [Units], seed=3).model.encoder.state_dict().items():
        assert torch.equal(control[name], weight), name
    assert control.keys() == load_file(trained / "model.safetensors").keys()


def test_an_interrupted_training_goes_on_to_the_same_weights(
    corpus, trained, tmp_path, monkeypatch
):
    def stop(self, step):
        if step == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(HubertTask, "start_step", stop)
        assert train(corpus, tmp_path / "iter1") == INTERRUPTED
    assert not (tmp_path / "iter1").exists()
    (directory,) = (tmp_path / "iter1.training").glob("*/")
    assert (directory / "checkpoints/step_00000004").is_dir()

    begun = []
    monkeypatch.setattr(HubertTask, "start_step", lambda self, step: begun.append(step))
    assert train(corpus, tmp_path / "iter1") == 0
    assert begun == [5, 6]
    assert weights(tmp_path / "iter1") == weights(trained)
    assert (tmp_path / "iter1/train.jsonl").read_bytes() == (trained / "train.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("--lr=1e-3", "train.lr was 0.003 and is 0.001"),
        ("--mask-span=3", "task.model.mask_span was 4 and is 3"),
        ("--seed=1", "train.seed was 0 and is 1"),
    ],
)
def test_what_was_begun_with_other_settings_is_refused_until_a_restart_is_meant(
    corpus, tmp_path, monkeypatch, capsys, change, named
):
    begun = []

    def stop(self, step):
        begun.append(step)
        if step == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(HubertTask, "start_step", stop)
    assert train(corpus, tmp_path / "iter1") == INTERRUPTED
    assert train(corpus, tmp_path / "iter1", change) == 1
    assert named in capsys.readouterr().err
    assert train(corpus, tmp_path / "iter1", change, "--restart=changed") == INTERRUPTED
    assert begun == [1, 2, 3, 1, 2, 3]
    assert len(list((tmp_path / "iter1.training").glob("*/"))) == 2
    assert train(corpus, tmp_path / "iter1", change, "--restart") == INTERRUPTED
    assert begun == [1, 2, 3] * 3


def test_the_weights_that_validated_best_are_kept(corpus, tmp_path, capsys):
    """On utterances that are not trained on, with the same masks each time."""
    flags = ["--validation-share=0.3", "--validate-every=2", "--keep-every=2"]
    assert train(corpus, tmp_path / "iter1", *flags, sets=["mfcc"]) == 0
    printed = capsys.readouterr().out
    ids = [row["utterance_id"] for row in tables.all_rows(corpus.results, "utterances")]
    held_out = sorted(each for each in ids if is_held_out(each, 0.3))
    assert 0 < len(held_out) < len(ids)
    assert f"in {len(ids) - len(held_out)} utterances" in printed
    lines = [json.loads(line) for line in (tmp_path / "iter1/train.jsonl").read_text().splitlines()]
    found = {line["step"]: line for line in lines if "validation.loss" in line}
    assert sorted(found) == [2, 4, 6]
    best = min(found, key=lambda step: found[step]["validation.loss"])
    assert f"validation loss {found[best]['validation.loss']:.3f} at step {best}" in printed
    names = {"validation.mfcc.masked_accuracy", "validation.mfcc.coverage"}
    assert names < found[best].keys()
    kept = load_file(tmp_path / f"iter1/steps/step_{best:08}/model.safetensors")
    weights = load_file(tmp_path / "iter1/model.safetensors")
    assert all(torch.equal(weights[name], kept[name]) for name in weights)
    assert AutoModel.from_pretrained(tmp_path / f"iter1/steps/step_{best:08}")


def test_voices_are_mixed_in_training_and_not_in_validation(corpus, tmp_path):
    """Without a step in between, both validate the same weights."""
    found = []
    for share in ("0", "1"):
        out = tmp_path / share
        flags = ["--validation-share=0.3", "--steps=1", "--validate-every=1", "--lr=1e-30"]
        assert train(corpus, out, *flags, f"--mix-share={share}", "--noise-share=0.5") == 0
        found.append([json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()])
    (plain, *_, valid), (mixed, *_, valid_too) = found
    assert (
        plain["loss"] != mixed["loss"] and valid["validation.loss"] == valid_too["validation.loss"]
    )


def test_a_share_that_holds_nothing_out_is_refused(corpus, tmp_path, capsys):
    assert train(corpus, tmp_path / "iter1", "--validation-share=1e-9") == 1
    assert "of 8 utterances is none; raise it" in capsys.readouterr().err


def test_utterances_without_labels_are_left_out_and_counted(corpus, tmp_path, capsys):
    ids = [row["utterance_id"] for row in tables.all_rows(corpus.results, "utterances")]
    write_units(corpus, "partly", MFCC, 5, without=ids[:2])
    assert train(corpus, tmp_path / "iter1", sets=["partly"]) == 0
    printed = capsys.readouterr().out
    assert "in 6 utterances (2 without labels and 0 below min_seconds left out)" in printed
    assert "6 steps (0 skipped)" in printed and "(partly)" in printed

    write_units(corpus, "none", MFCC, 5, without=ids[1:])
    write_units(corpus, "others", MFCC, 5, without=ids[:1])
    assert train(corpus, tmp_path / "no", sets=["none", "others"]) == 1
    assert "has labels of none, others; label them" in capsys.readouterr().err


def test_labels_of_another_rate_are_refused(corpus, tmp_path, capsys):
    """Made at 25 Hz; the files state 100 Hz."""
    write_units(corpus, "wrong", SLOW, 3)
    for path in labels_of(corpus, "wrong").glob("*/labels.json"):
        path.write_text(path.read_text().replace("25.0", "100.0"))
    assert train(corpus, tmp_path / "iter1", sets=["wrong"]) == 1
    assert "labels at 100 Hz do not reach frame" in capsys.readouterr().err


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("full")])
def test_a_full_disk_at_the_end_costs_no_training(
    corpus, trained, tmp_path, monkeypatch, capsys, error
):
    def full(encoder, options, directory):
        (Path(directory) / "config.json").write_text("half")
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(model_module, "save_encoder", full)
        assert train(corpus, tmp_path / "iter1") == MACHINE_FAULT
    assert "make room and start again: the training itself is done" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["iter1.training"]

    def never(self, step):
        raise AssertionError

    monkeypatch.setattr(HubertTask, "start_step", never)
    assert train(corpus, tmp_path / "iter1") == 0
    assert weights(tmp_path / "iter1") == weights(trained)
