import dataclasses
import json
import os
import random
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
import toy_training
from safetensors.torch import load_file
from toy_line import LINE, Line, Points
from two_processes import run_two, starting

from aubert.learn import checkpoints
from aubert.learn.loop import TrainOptions, train
from aubert.learn.options import UtteranceTrainOptions
from aubert.learn.stop import STOPPED, Stopped


def lines(directory: Path) -> list[dict]:
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]


def weights(directory: Path) -> bytes:
    return (directory / "final.safetensors").read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """An uninterrupted run of one process."""
    directory = tmp_path_factory.mktemp("whole")
    toy_training.main(directory, toy_training.TRAIN)
    return directory


def test_the_loss_goes_down(whole):
    losses = [line["slow.masked_nll"] for line in lines(whole)]
    assert np.mean(losses[-3:]) < 0.85 * np.mean(losses[:3])
    assert len(losses) == toy_training.TRAIN.steps


@pytest.fixture(scope="module")
def start():
    with starting("toy_training") as start:
        yield start


def test_killed_and_started_again_it_ends_with_the_same_weights(whole, tmp_path, start):
    """SIGKILL at random moments of random steps; after each a restart: bit for bit."""
    moments = [(random.randint(1, 9), random.uniform(0, 0.03)) for _ in range(3)]
    for number, moment in enumerate(moments):
        directory = tmp_path / str(number)
        process = start(toy_training.killed, directory, *moment)
        process.join()
        assert process.exitcode == -signal.SIGKILL, moment
        toy_training.main(directory, toy_training.TRAIN)
        assert weights(directory) == weights(whole), moment
        assert lines(directory) == lines(whole), moment


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("step", [1, 3, 6])
def test_interrupted_anywhere_it_ends_with_the_same_weights(step, whole, tmp_path, monkeypatch):
    task = toy_training.HubertTask

    def stop(self, number):
        if number == step + 1:
            raise Interrupted

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(task, "start_step", stop)
        toy_training.main(tmp_path, toy_training.TRAIN)
    toy_training.main(tmp_path, toy_training.TRAIN)
    assert weights(tmp_path) == weights(whole)
    assert lines(tmp_path) == lines(whole)


def test_a_finished_training_is_not_trained_again(whole, monkeypatch):
    def never(self, number):
        raise AssertionError

    monkeypatch.setattr(toy_training.HubertTask, "start_step", never)
    before = weights(whole)
    assert toy_training.main(whole, toy_training.TRAIN).steps == 12
    assert weights(whole) == before


def test_two_processes_have_the_loss_curve_of_one(whole, tmp_path, start):
    run_two(start, toy_training.one_of_two, tmp_path)
    one, two = lines(whole), lines(tmp_path)
    assert len(one) == len(two) == 12
    for line, other in zip(one, two, strict=True):
        assert line.keys() == other.keys()
        for name, value in line.items():
            assert other[name] == pytest.approx(value, rel=1e-4, abs=1e-4), name


def test_gradients_are_sent_in_buckets_while_others_are_computed(whole, tmp_path, start):
    """Some layers are left out of some passes, and a process may have fewer passes than another:
    the buckets still meet."""
    run_two(start, toy_training.small_buckets_of_two, tmp_path)
    for line, other in zip(lines(whole), lines(tmp_path), strict=True):
        assert other["loss"] == pytest.approx(line["loss"], rel=1e-4)
        assert other["grad_norm"] == pytest.approx(line["grad_norm"], rel=1e-4)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_asked_to_stop_it_writes_a_checkpoint_and_goes_on_from_there(number, tmp_path):
    """In the middle of the steps of a line of the log, and far from a checkpoint."""

    class Asked(Line):
        def start_step(self, step):
            super().start_step(step)
            if step == 13:
                os.kill(os.getpid(), number)

    reference, before = Line(), signal.getsignal(number)
    train(reference, Points(), LINE, tmp_path / "whole", config={})
    with pytest.raises(Stopped, match="stopped after step 13"):
        train(Asked(), Points(), LINE, tmp_path / "asked", config={})
    assert signal.getsignal(number) == before
    task = Line()
    train(task, Points(), LINE, tmp_path / "asked", config={})
    assert task.steps[0] == 14
    assert torch.equal(task.model.weight, reference.model.weight)
    assert lines(tmp_path / "asked") == lines(tmp_path / "whole")


def test_one_of_two_that_is_asked_stops_both(tmp_path, start):
    every = {"log_every": 3, "checkpoint_every": 12, "validate_every": 12}
    changed = dataclasses.replace(toy_training.TRAIN, **every)
    run_two(start, toy_training.two_with, tmp_path / "whole", changed)
    run_two(start, toy_training.asked_of_two, tmp_path / "asked", changed, status=STOPPED)
    assert [path.name for path in (tmp_path / "asked/checkpoints").iterdir()] == ["step_00000005"]
    run_two(start, toy_training.two_with, tmp_path / "asked", changed)
    for one, other in zip(lines(tmp_path / "whole"), lines(tmp_path / "asked"), strict=True):
        assert one == pytest.approx(other)


def test_steps_go_on_while_a_checkpoint_is_written(tmp_path, monkeypatch):
    task, original = Line(), checkpoints._save_tensors
    behind = threading.Event()

    class Watched(Line):
        def start_step(self, step):
            super().start_step(step)
            if step == 23:
                behind.set()

    def slow(tensors, path):
        if "step_00000020" in str(path):
            assert behind.wait(60)  # steps 21 and 22 are done before step 20 is written
        original(tensors, path)

    train(task, Points(), LINE, tmp_path / "reference", config={})
    monkeypatch.setattr(checkpoints, "_save_tensors", slow)
    train(Watched(), Points(), options(keep=5), tmp_path / "slow", config={})
    for name in ("step_00000020", "step_00000060"):
        written = load_file(tmp_path / "slow/checkpoints" / name / "model.safetensors")
        if name.endswith("60"):
            assert torch.equal(written["weight"], task.model.weight)
    state = json.loads((tmp_path / "slow/checkpoints/step_00000020/state.json").read_text())
    assert state["step"] == 20


def options(**changes) -> TrainOptions:
    return dataclasses.replace(LINE, **changes)


def test_a_step_is_of_the_seconds_that_were_asked_for(tmp_path):
    """However small the passes are: the same gradient, the same curve."""
    curves = []
    for batch_seconds in (1, 5):
        directory = tmp_path / str(batch_seconds)
        # One epoch is 60 s, and both cut it into steps of 60 s: the same utterances in each.
        train(Line(), Points(), options(batch_seconds=batch_seconds, step_seconds=60), directory,
              config={})  # fmt: skip
        curves.append([line["loss"] for line in lines(directory)])
        assert {line["audio_seconds"] for line in lines(directory)} == {300.0}
    assert curves[0] == pytest.approx(curves[1], rel=1e-4)
    assert curves[0][-1] < 0.05 * curves[0][0]


def test_a_step_without_a_finite_gradient_is_skipped_and_counted(tmp_path):
    task = Line()
    trained = train(task, Points(poison=(7,)), LINE, tmp_path, config={})
    assert trained.skipped == 10  # 60 steps of 10 utterances: utterance 7 comes ten times
    assert lines(tmp_path)[-1]["skipped"] == 10
    assert all(torch.isfinite(weight).all() for weight in task.model.parameters())
    assert all(np.isfinite(line["loss"]) for line in lines(tmp_path))
    assert lines(tmp_path)[-1]["loss"] < 0.2 * lines(tmp_path)[0]["loss"]


def test_two_processes_skip_together(tmp_path, start):
    """The broken utterance is one process's; neither steps."""
    train(Line(), Points(poison=(7,)), options(batch_seconds=2), tmp_path / "one", config={})
    run_two(start, toy_training.poisoned_of_two, tmp_path / "two")
    one, two = lines(tmp_path / "one"), lines(tmp_path / "two")
    assert [line["skipped"] for line in one] == [line["skipped"] for line in two]
    assert one[-1]["skipped"] == 10
    assert [line["loss"] for line in one] == pytest.approx([line["loss"] for line in two])


def test_nothing_but_skipped_steps_ends_the_training(tmp_path):
    with pytest.raises(ValueError, match="step 4 is the 4th in a row without a finite"):
        train(Line(), Points(poison=tuple(range(60))), options(max_skipped=4), tmp_path, config={})


@pytest.mark.parametrize(
    ("change", "config", "message"),
    [
        ({"lr": 0.2}, {"model": "a"}, r"train\.lr was 0\.1 and is 0\.2"),
        ({"step_seconds": 20.0}, {"model": "a"}, r"step_seconds was 10\.0 and is 20\.0"),
        ({}, {"model": "b"}, "task.model was 'a' and is 'b'"),
        ({}, {"model": "a", "k": 5}, "task.k was 'absent' and is 5"),
    ],
)
def test_a_checkpoint_of_another_configuration_is_refused(change, config, message, tmp_path):
    train(Line(), Points(), LINE, tmp_path, config={"model": "a"})
    with pytest.raises(ValueError, match=message):
        train(Line(), Points(), options(**change), tmp_path, config=config)


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path, monkeypatch):
    reference = Line()
    train(reference, Points(), LINE, tmp_path / "reference", config={})
    directory = tmp_path / "full"

    def full(tensors, path):
        path.write_bytes(b"half")
        if "step_00000040" in str(path) and path.name == "optimizer.safetensors":
            raise OSError(28, "No space left on device")
        original(tensors, path)

    original = checkpoints._save_tensors
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "_save_tensors", full)
        with pytest.raises(OSError, match=r"step_00000040 could not be written .*No space"):
            train(Line(), Points(), LINE, directory, config={})
    assert [path.name for path in (directory / "checkpoints").iterdir()] == ["step_00000020"]
    task = Line()
    train(task, Points(), LINE, directory, config={})
    assert task.steps[0] == 21
    assert torch.equal(task.model.weight, reference.model.weight)


def test_the_best_weights_are_kept(tmp_path):
    task = Line()
    scores = iter([0.3, 0.1, 0.2])
    seen = []

    def validate():
        assert not task.model.training
        seen.append(task.model.weight.item())
        return {"loss": next(scores)}

    trained = train(task, Points(), LINE, tmp_path, config={}, validate=validate)
    assert (trained.best_step, trained.validation) == (40, {"loss": 0.1})
    assert task.model.weight.item() != seen[1]
    checkpoints.load_best(tmp_path, task.model)
    assert task.model.weight.item() == seen[1]
    assert [line["validation.loss"] for line in lines(tmp_path) if "validation.loss" in line] == [
        0.3, 0.1, 0.2,
    ]  # fmt: skip


def test_patience_ends_the_training_and_a_resumed_one(tmp_path):
    losses = [0.3, 0.1, 0.2, 0.2, 0.0]
    patient = UtteranceTrainOptions(
        **vars(LINE) | {"validate_every": 10, "checkpoint_every": 60, "patience": 2}
    )

    class Stopping(Line):
        stop_at = 0

        def start_step(self, step):
            super().start_step(step)
            if step == self.stop_at:
                raise KeyboardInterrupt

    task = Stopping()
    scores = iter(losses)
    arguments = {"config": {}, "validate": lambda: {"loss": next(scores)}}
    trained = train(task, Points(), patient, tmp_path, **arguments)
    assert (trained.steps, trained.best_step) == (40, 20)
    # What was ended so is at its end: no step more.
    again = Stopping()
    trained = train(again, Points(), patient, tmp_path, **arguments)
    assert (trained.steps, trained.best_step, again.steps) == (40, 20, [])
    # More patience goes on, of which the next validation is the best.
    longer = dataclasses.replace(patient, patience=3)
    trained = train(again, Points(), longer, tmp_path, **arguments | {"validate": lambda: BEST})
    assert (trained.steps, trained.best_step, again.steps[0]) == (60, 50, 41)


BEST = {"loss": 0.0}


def test_best_weights_behind_the_last_checkpoint_are_not_taken_for_earlier_ones(tmp_path):
    """Validated at 10 and 30, checkpoint of 20, killed at 40: the best are of 30. The training that
    goes on validates otherwise, and says which weights it keeps."""
    options = UtteranceTrainOptions(**vars(LINE) | {"validate_every": 10, "checkpoint_every": 20})

    class Killed(Line):
        def start_step(self, step):
            super().start_step(step)
            if step == 35:
                raise KeyboardInterrupt

    first = iter([0.5, 0.6, 0.1])
    with pytest.raises(KeyboardInterrupt):
        train(Killed(), Points(), options, tmp_path, config={}, validate=lambda: {
            "loss": next(first)})  # fmt: skip
    task, seen = Line(), []

    def validate():
        seen.append(task.model.weight.item())
        return {"loss": 0.8 - 0.01 * len(seen)}

    trained = train(task, Points(), options, tmp_path, config={}, validate=validate)
    checkpoints.load_best(tmp_path, task.model)
    assert trained.best_step == 60 and task.model.weight.item() == seen[-1]


def test_frozen_weights_stay_and_thaw(tmp_path):
    class Thawing(Line):
        def start_step(self, step):
            self.model.bias.requires_grad_(step > 30)
            self.biases = [*getattr(self, "biases", []), self.model.bias.item()]

    task = Thawing()
    train(task, Points(), LINE, tmp_path, config={})
    assert len(set(task.biases[:31])) == 1
    assert len(set(task.biases[31:])) > 10


def test_workers_change_nothing(tmp_path):
    for num_workers in (0, 2):
        train(Line(), Points(), options(num_workers=num_workers), tmp_path / str(num_workers),
              config={})  # fmt: skip
    assert lines(tmp_path / "0") == lines(tmp_path / "2")


def test_bfloat16_trains(tmp_path):
    train(Line(), Points(), options(precision="bfloat16"), tmp_path, config={})
    assert lines(tmp_path)[-1]["loss"] < 0.2 * lines(tmp_path)[0]["loss"]


def test_weights_are_clipped(tmp_path):
    """A clipped and a free run differ, and the norm that is logged is the one before."""
    train(Line(), Points(), options(clip_norm=1e-3), tmp_path, config={})
    assert lines(tmp_path)[0]["grad_norm"] > 0.1


def test_options_that_cannot_be():
    with pytest.raises(ValueError, match="multiple of log_every"):
        options(checkpoint_every=7)
    with pytest.raises(ValueError, match="in this order"):
        options(max_seconds=9, batch_seconds=5)
    with pytest.raises(ValueError, match=r"lr\n.*greater than 0"):
        options(lr=0)
    with pytest.raises(ValueError, match=r"steps\n.*greater than or equal to 1"):
        options(steps=0)


def test_a_step_after_the_last_checkpoint_is_whole(whole):
    states = sorted((whole / "checkpoints").iterdir())
    assert [path.name for path in states] == ["step_00000010", "step_00000012"]
    assert not list(whole.rglob("*.pt")) + list(whole.rglob("*.pkl"))
    optimizer = load_file(states[-1] / "optimizer.safetensors")
    assert optimizer["encoder.encoder.layer_norm.weight|step"].item() == 12
