"""CLAR through the one training loop: what goes into a step, interruptions, processes."""

import dataclasses
import json

import numpy as np
import pytest
import torch
import toy_clar
from safetensors.torch import load_file
from toy_clar import MODEL, TRAIN, VIEWS, main, tones
from two_processes import run_two, starting

from aubert.clar.network import UNLABELLED, ClarModel
from aubert.clar.task import ClarExamples, ClarTask, Versions, dealt
from aubert.cli import main as command
from aubert.corpus.clips import Clip


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return tones(tmp_path_factory.mktemp("tones"))


def examples(clips, loss="contrastive", num_labelled=0, **arguments) -> ClarExamples:
    labels = np.full(len(clips), UNLABELLED)
    labels[:num_labelled] = np.arange(num_labelled) % 3
    model = dataclasses.replace(MODEL, loss=loss)
    return ClarExamples(clips, labels, model, VIEWS, TRAIN, **arguments)


@pytest.mark.parametrize(
    ("loss", "num_labelled", "in_a_step"),
    [
        ("contrastive", 0, {0}),
        ("joint", 4, {3}),  # half of six
        ("joint", 2, {2}),  # all there are
        ("joint", 36, {6}),  # all have labels
        ("supervised", 4, {6}),
        ("supcon", 1, {6}),  # of one clip, again and again
    ],
)
def test_how_many_labels_a_step_sees(clips, loss, num_labelled, in_a_step):
    own = examples(clips, loss, num_labelled)
    plan = own.plan(0)
    assert len(plan) == len(clips) // 6
    found = {sum(piece.index < num_labelled for piece in micro.pieces) for micro in plan}
    assert found == in_a_step and {len(micro.pieces) for micro in plan} == {6}
    assert plan == own.plan(0) != own.plan(1)
    if loss == "contrastive":  # each clip once
        assert len({piece.index for micro in plan for piece in micro.pieces}) == len(clips)


def test_clips_are_dealt_evenly():
    rows = dealt(np.random.default_rng(0), np.arange(5), 4, 10)
    assert rows.shape == (10, 4) and set(np.bincount(rows.ravel())) == {8}
    assert dealt(np.random.default_rng(0), np.arange(5), 0, 3).shape == (3, 0)


def test_losses_with_labels_want_some(clips):
    with pytest.raises(ValueError, match="wants labelled clips"):
        examples(clips, "joint")


def test_views_follow_from_the_seed_and_are_two(clips):
    own = examples(clips)
    pieces = own.plan(0)[0].pieces
    one, other = (examples(clips).batch(pieces, np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(one.rows, other.rows) and torch.equal(one.how.noise, other.how.noise)
    assert one.rows.shape == (12, 1_600)
    again = own.batch(pieces, np.random.default_rng(4))
    assert not torch.equal(again.rows, one.rows)


def test_versions_are_kept_and_stay_as_they_are(clips):
    versions = Versions(MODEL, VIEWS, TRAIN)
    first = versions.row(clips[0], 1)
    before = first.clone()
    batch = examples(clips, versions=versions).batch(
        examples(clips).plan(0)[0].pieces, np.random.default_rng(0)
    )
    ClarTask(ClarModel(MODEL, ["a", "b"])).loss(batch)
    assert versions.row(clips[0], 3) is first  # of two versions
    assert torch.equal(first, before)
    assert not torch.equal(versions.row(clips[0], 0), first)
    fresh = Versions(MODEL, VIEWS, dataclasses.replace(TRAIN, versions=0))
    assert len({tuple(fresh.row(clips[0], n)[:900].tolist()) for n in range(40)}) > 20


def test_shares_of_a_step_make_the_whole(clips):
    pieces = examples(clips).plan(0)[0].pieces[:5]
    whole = examples(clips).batch(pieces, np.random.default_rng(0))
    shares = [
        examples(clips, rank=rank, world_size=3).batch(pieces, np.random.default_rng(0))
        for rank in range(3)
    ]
    order = torch.cat([share.places for share in shares])
    assert order.tolist() == [0, 3, 1, 4, 2]
    for name in ("labels", "clips", "groups"):
        parts = torch.cat([getattr(share, name) for share in shares])
        assert torch.equal(parts, getattr(whole, name)[order])
    rows = torch.cat([share.rows.view(-1, 2, 1_600) for share in shares])
    assert torch.equal(rows, whole.rows.view(-1, 2, 1_600)[order])
    masks = torch.cat([share.how.mask_start.view(-1, 2) for share in shares])
    assert torch.equal(masks, whole.how.mask_start.view(-1, 2)[order])


def test_a_clip_longer_than_the_window_and_one_that_cannot_be_read(clips, tmp_path):
    long = dataclasses.replace(MODEL, clip_seconds=0.1)
    row = Versions(long, VIEWS, TRAIN).row(clips[0], 0)
    assert row.shape == (800,) and row.abs().min() >= 0 and row.any()
    lost = Clip("lost", None, "g", tmp_path / "lost.wav")
    with pytest.raises(ValueError, match=r"audio_missing: lost\.wav"):
        Versions(MODEL, VIEWS, TRAIN).row(lost, 0)


class Interrupted(Exception):
    pass


def test_interrupted_it_ends_with_the_same_weights(clips, tmp_path, monkeypatch):
    main(tmp_path / "whole", clips, "joint", 50)
    original = ClarTask.start_step

    def stop(self, step):
        if step == 3:
            raise Interrupted
        original(self, step)

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(ClarTask, "start_step", stop)
        main(tmp_path / "stopped", clips, "joint", 50)
    main(tmp_path / "stopped", clips, "joint", 50)
    for name in ("model.safetensors", "train.jsonl", "clar.json"):
        assert (tmp_path / "stopped" / name).read_bytes() == (
            tmp_path / "whole" / name
        ).read_bytes()
    about = json.loads((tmp_path / "whole/clar.json").read_text())
    assert about["training"] == {"fold": 0, "budget": 50, "draw": 0}


def test_processes_make_one_contrast(clips, tmp_path):
    """Two processes with half of each step: the same losses, the same weights and statistics."""
    with starting("toy_clar") as start:
        run_two(start, toy_clar.one_of_two, clips[0].path.parent, tmp_path / "two")
    for loss in ("joint", "supcon"):
        main(tmp_path / "one" / loss, clips, loss, 50)
        logs = [(tmp_path / n / loss / "train.jsonl").read_text() for n in ("one", "two")]
        lines = [[json.loads(line) for line in log.splitlines()] for log in logs]
        for name, value in lines[0][0].items():  # the first step, from the same weights
            assert lines[1][0][name] == pytest.approx(value, rel=1e-3, abs=1e-4), name
        # Rounding grows from step to step.
        assert lines[1][-1]["loss"] == pytest.approx(lines[0][-1]["loss"], rel=0.05)
        weights = load_file(tmp_path / "two" / loss / "model.safetensors")
        alone = load_file(tmp_path / "one" / loss / "model.safetensors")
        for name, weight in alone.items():
            torch.testing.assert_close(weights[name], weight, rtol=0.1, atol=0.02, msg=name)


def test_budgets_fit_their_losses(clips, tmp_path):
    with pytest.raises(ValueError, match="must be 0 for the loss contrastive"):
        main(tmp_path / "a", clips, "contrastive", 10)
    with pytest.raises(ValueError, match="above 0 for joint"):
        main(tmp_path / "a", clips, "joint")


def test_trained_and_evaluated_by_commands(clips, tmp_path, capsys):
    """Tones of voices that were left out are classified by what was learned from others."""
    table = str(clips[0].path.parent / "labels.tsv")
    source = ["--source=table", f"--path={table}", "--group-column=voice", "--folds=2"]
    model = ["--width=8", "--sample-rate-hz=8000", "--clip-seconds=.2"]
    options = ["--device=cpu", "--steps=25", "--warmup-steps=2", "--batch-clips=8", "--versions=4",
               "--lr=3e-3", "--log-every=5", "--checkpoint-every=25", "--validate-every=25",
               "--pitch-semitones=1", "--stretch-min=.8", "--stretch-max=1.2"]  # fmt: skip
    models = []
    for loss, budget in (("contrastive", 0), ("supervised", 100)):
        out = str(tmp_path / loss)
        words = ["clar", "train", out, f"--loss={loss}", f"--budget={budget}"]
        assert command([*words, *source, *model, *options]) == 0
        models.append(out)
    out = tmp_path / "clar.json"
    words = ["clar", "evaluate", str(out), *models, "--budgets", "34", "100", "--draws=2"]
    assert command([*words, *source]) == 0
    figures = json.loads(out.read_text())
    arms = {key.split(".")[1] for key in figures}
    assert arms == {"contrastive", "supervised", "untrained", "logmel", "chance", "groups"}
    assert figures["clar.chance"]["value"] < 0.5
    assert figures["clar.logmel.accuracy_100"]["value"] > 0.9
    assert figures["clar.contrastive.accuracy_100"]["value"] > 0.7
    assert figures["clar.contrastive.accuracy_34"]["n"] == 2  # draws
    assert "clar.contrastive.accuracy_100.baseline" in figures
    capsys.readouterr()
    assert command([*words, *source[:-1], "--folds=3"]) == 1
    assert "another split" in capsys.readouterr().err
