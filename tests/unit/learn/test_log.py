"""What a training says while it runs, read back."""

import json

import torch

from aubert.learn.distributed import Processes
from aubert.learn.log import Log


def run(directory, steps, done=0):
    with Log(directory, 10, done, Processes("cpu")) as log:
        for step in steps:
            log.add(6.0 * step, 3, 1.5, 4.0, {"hits": torch.tensor(1.5)})
            log.advance(4.0)
            log.write(step, {"lr": 0.1})
        log.validation(steps[-1], {"loss": 0.25})


def lines(directory):
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]


def test_lines_are_means_over_targets(tmp_path):
    run(tmp_path, [1, 2])
    first = {"step": 1, "lr": 0.1, "audio_seconds": 4.0, "loss": 2.0, "grad_norm": 1.5, "hits": 0.5}
    assert lines(tmp_path)[0] == first
    assert lines(tmp_path)[2] == {"step": 2, "validation.loss": 0.25}


def test_a_resumed_run_leaves_the_lines_of_one_that_was_not(tmp_path):
    run(tmp_path / "whole", [1, 2, 3])
    run(tmp_path / "killed", [1, 2])
    run(tmp_path / "killed", [2, 3], done=1)
    whole = [line for line in lines(tmp_path / "whole") if "loss" in line]
    assert [line for line in lines(tmp_path / "killed") if "loss" in line] == whole


def test_tensorboard_shows_the_same(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(tmp_path, [1, 2, 3, 4])  # then killed: step 3 and 4 were behind the last checkpoint
    run(tmp_path, [3, 4, 5], done=2)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    shown = [(event.step, event.value) for event in events.Scalars("loss")]
    assert shown == [(line["step"], line["loss"]) for line in lines(tmp_path) if "loss" in line]
    assert "audio_seconds_per_s" in events.Tags()["scalars"]
