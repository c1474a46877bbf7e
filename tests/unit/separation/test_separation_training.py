"""Deep clustering trained on voices that are bands of noise: from folders to figures."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from aubert.cli import main
from aubert.learn.data import Piece, Place, Steps
from aubert.separation.mixtures import MixtureList, draw_list
from aubert.separation.options import DeepClusteringOptions, ListOptions, SeparationTrainOptions
from aubert.separation.task import SeparationExamples, SeparationTask, train_separation
from aubert.separation.voices import find_clips

MODEL = DeepClusteringOptions(hidden_size=16, embedding_dim=6, dropout=0.1)
TRAIN = SeparationTrainOptions(
    steps=6,
    lr=1e-2,
    warmup_steps=2,
    batch_seconds=3.2,
    step_seconds=6.4,
    min_seconds=0.4,
    max_seconds=0.8,
    log_every=1,
    checkpoint_every=2,
    validate_every=1,
    device="cpu",
)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # sums of other threads have other last bits
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Eight voices, each in a band of 400 Hz of its own."""
    root = tmp_path_factory.mktemp("bands")
    rng = np.random.default_rng(0)
    for band in range(8):
        (root / f"voice{band}").mkdir()
        for clip in range(4):
            spectrum = np.fft.rfft(rng.standard_normal(8_000))
            spectrum[: 100 + 400 * band] = spectrum[450 + 400 * band :] = 0
            samples = np.fft.irfft(spectrum)
            path = root / f"voice{band}" / f"{clip}.flac"
            soundfile.write(path, 0.3 * samples / np.abs(samples).max(), 8_000)
    return root


@pytest.fixture(scope="module")
def clips(folder):
    return find_clips(None, None, {"bands": folder})


@pytest.fixture(scope="module")
def tested(clips) -> MixtureList:
    return draw_list(clips, ListOptions(num_mixtures=12, seconds=0.8))


def test_an_epoch_is_a_step_and_mixtures_get_longer(clips):
    options = dataclasses.replace(TRAIN, steps=4, batch_seconds=2.5, step_seconds=6.0)
    examples = SeparationExamples(clips, options)
    lengths = []
    steps = Steps(examples.num_samples, options, examples.plan).since(Place())
    for number, (micro_batches, place) in zip(range(4), steps, strict=False):
        assert {micro.epoch for micro in micro_batches} == {number}
        assert place.epoch == number and place.position == len(micro_batches)
        assert sum(micro.num_samples for micro in micro_batches) >= 6.0 * 16_000
        rows = {len(micro.pieces) for micro in micro_batches}
        (num_samples,) = {piece.num_samples for each in micro_batches for piece in each.pieces}
        assert rows == {int(2.5 * 16_000 / num_samples)}
        lengths.append(num_samples / 16_000)
    assert lengths == [0.4, 0.4, 0.8, 0.8]


def test_a_batch_has_rows_of_two_or_three_and_silence_for_the_third(clips):
    options = dataclasses.replace(TRAIN, max_speakers=3)
    examples = SeparationExamples(clips, options)
    pieces = [Piece(0, 0, 6_400)] * 12
    batch = examples.batch(pieces, np.random.default_rng(0))
    assert batch.sources.shape == (12, 3, 3_200)
    sounding = (batch.sources.abs().amax(2) > 0).sum(1)
    assert set(sounding.tolist()) == {2, 3}
    again = examples.batch(pieces, np.random.default_rng(0))
    assert torch.equal(batch.sources, again.sources)
    for options in (MODEL, dataclasses.replace(MODEL, mask_weight=0.5, mask_speakers=3)):
        loss, num_targets, _ = SeparationTask(options, seed=0).loss(batch)
        assert torch.isfinite(loss) and num_targets == 12


def test_a_training_that_broke_off_ends_as_one_that_did_not(clips, tested, tmp_path, monkeypatch):
    train_separation(tmp_path / "whole", clips, tested, MODEL, TRAIN)

    def breaks(self, step):
        if step == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SeparationTask, "start_step", breaks)
        with pytest.raises(KeyboardInterrupt):
            train_separation(tmp_path / "broken", clips, tested, MODEL, TRAIN)
    assert not (tmp_path / "broken").exists()
    train_separation(tmp_path / "broken", clips, tested, MODEL, TRAIN)
    assert not list(tmp_path.glob("*.training"))
    weights = [load_file(tmp_path / name / "model.safetensors") for name in ("whole", "broken")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    for name in ("train.jsonl", "config.json"):
        whole, broken = ((tmp_path / kind / name).read_text() for kind in ("whole", "broken"))
        assert whole == broken
    assert json.loads(whole)["counter"]["numbers"] == [1, 2, 3]


def test_models_on_the_way_change_no_weight(clips, tested, tmp_path):
    kept = dataclasses.replace(TRAIN, keep_every=2)
    for name, options in (("plain", TRAIN), ("kept", kept)):
        train_separation(tmp_path / name, clips, tested, MODEL, options)
    weights = [load_file(tmp_path / name / "model.safetensors") for name in ("plain", "kept")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert len(list((tmp_path / "kept" / "steps").iterdir())) == 3


def test_a_mask_head_wants_as_many_masks_as_speakers(clips, tested, tmp_path):
    model = dataclasses.replace(MODEL, mask_weight=0.5)
    options = dataclasses.replace(TRAIN, max_speakers=3)
    with pytest.raises(ValueError, match="the mask head separates 2 speakers"):
        train_separation(tmp_path / "model", clips, tested, model, options)


def test_from_folders_to_figures(folder, tmp_path, capsys):
    """Bands that training used are separated in clips that it did not use."""
    voices = ["--folder", f"bands={folder}"]
    mixtures, model = tmp_path / "list.json", tmp_path / "model"
    listed = ["--num-mixtures=12", "--seconds=0.8"]
    assert main(["separation", "mix", str(mixtures), *voices, *listed]) == 0
    assert "24 mixtures; kept from training: 2 speakers, and 6 clips" in capsys.readouterr().out
    options = {**dataclasses.asdict(MODEL), **dataclasses.asdict(TRAIN), "steps": 60}
    flags = [
        f"--{name.replace('_', '-')}={value}" for name, value in options.items()
        if name != "compile"
    ]  # fmt: skip
    arguments = ["--mixtures", str(mixtures)]
    assert main(["separation", "train", str(model), *arguments, *voices, *flags]) == 0
    assert "60 steps over mixtures of 18 clips" in capsys.readouterr().out
    arguments += ["--model", str(model)]
    assert main(["separation", "evaluate", str(tmp_path / "figures.json"), *arguments]) == 0
    figures = json.loads((tmp_path / "figures.json").read_text())
    kinds = ("", ".chance", ".ideal_binary", ".ideal_ratio")
    assert set(figures) == {
        f"separation.si_sdri_{split}_db{kind}" for split in ("seen", "unseen") for kind in kinds
    }
    seen = {kind: figures[f"separation.si_sdri_seen_db{kind}"] for kind in kinds}
    assert seen[""]["n"] == 12
    assert seen[".chance"]["value"] < 1 < 10 < seen[""]["ci95"][0]
    assert seen[""]["value"] < max(seen[k]["value"] for k in (".ideal_binary", ".ideal_ratio")) + 1


@pytest.mark.parametrize("wrong", [{"short_share": 1.5}, {"max_speed": 0.9}, {"lr": 0.0}])
def test_options_that_train_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=rf"\b{next(iter(wrong))}(\n| is )"):
        SeparationTrainOptions(**wrong)
