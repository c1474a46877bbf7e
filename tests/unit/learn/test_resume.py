"""A killed training that is started again: what it goes on with, what is refused by its name, and
what begins anew."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from safetensors.torch import load_file, save_file
from toy_line import LINE, Line, Points

from aubert.learn.loop import train
from aubert.learn.options import TrainOptions, UtteranceTrainOptions
from aubert.learn.run import train_model
from aubert.separation.options import SeparationTrainOptions

UTTERANCES = UtteranceTrainOptions(**vars(LINE))
KILLED_AT = 30  # of 60 steps; the last checkpoint is of step 20


class Killed(Exception):
    pass


class KilledLine(Line):
    def start_step(self, step):
        super().start_step(step)
        if step == KILLED_AT:
            raise Killed


def run(out: Path, task: Line, options: TrainOptions, config=None, **arguments) -> Line:
    def save(part: Path) -> None:
        save_file(task.model.state_dict(), part / "model.safetensors")

    train_model(out, task, Points(), options, config=config or {}, save=save, **arguments)
    return task


def begin(out: Path, options: TrainOptions, config=None, **arguments) -> None:
    with pytest.raises(Killed):
        run(out, KilledLine(), options, config, **arguments)


def changed(options: TrainOptions, **changes) -> TrainOptions:
    return dataclasses.replace(options, **changes)


def checkpoints(out: Path) -> list[Path]:
    return sorted(out.with_name(f"{out.name}.training").glob("*/checkpoints/*"))


@pytest.fixture
def whole(tmp_path) -> Line:
    return run(tmp_path / "whole", Line(), UTTERANCES)


@pytest.mark.parametrize(
    "changes",
    [
        {"log_every": 2},
        {"checkpoint_every": 5},
        {"num_workers": 1},
        {"keep": 5},
        {"max_skipped": 7},
        {"validate_every": 5},
    ],
)
def test_what_changes_no_weight_goes_on_to_the_same(tmp_path, whole, changes):
    begin(tmp_path / "line", UTTERANCES)
    again = run(tmp_path / "line", Line(), changed(UTTERANCES, **changes))
    assert again.steps[0] == 21
    assert torch.equal(again.model.weight, whole.model.weight)


def test_log_lines_of_another_spacing_count_every_update_once(tmp_path):
    begin(tmp_path / "line", UTTERANCES)
    run(tmp_path / "line", Line(), changed(UTTERANCES, log_every=4))
    lines = [json.loads(line) for line in (tmp_path / "line/train.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [5, 10, 15, 20, *range(24, 61, 4)]
    assert sum(line["audio_seconds"] for line in lines) == pytest.approx(600)


def test_smaller_batches_of_steps_as_long_go_on(tmp_path, whole, capsys):
    begin(tmp_path / "line", UTTERANCES)
    again = run(tmp_path / "line", Line(), changed(UTTERANCES, batch_seconds=2))
    assert again.steps[0] == 21
    assert "batch_seconds was 5 and is 2" in capsys.readouterr().err
    lines = [json.loads(line) for line in (tmp_path / "line/train.jsonl").read_text().splitlines()]
    assert {line["audio_seconds"] for line in lines} == {50.0}  # five steps of ten
    assert again.model.weight.item() == pytest.approx(whole.model.weight.item(), abs=0.02)


def test_the_place_in_the_epoch_is_the_same_share_of_it(tmp_path):
    """An epoch is 60 s in 12 batches of five; step 20 ends behind 3 epochs and a third."""
    constant = changed(UTTERANCES, schedule="constant")
    begin(tmp_path / "line", constant)
    (last,) = checkpoints(tmp_path / "line")
    assert json.loads((last / "state.json").read_text())["place"] == [3, 4]

    class Seen(Points):
        seen: ClassVar[list[int]] = []

        def batch(self, pieces, rng):
            self.seen += [piece.index for piece in pieces]
            return super().batch(pieces, rng)

    task = Line()
    train_model(
        tmp_path / "line", task, Seen(), changed(constant, batch_seconds=2, steps=24), config={},
        save=lambda part: None,
    )  # fmt: skip
    assert len(Seen.seen) == 40 == len(set(Seen.seen))  # 20 of 30 batches are left of the epoch


@pytest.mark.parametrize(
    ("options", "changes", "named"),
    [
        (UTTERANCES, {"lr": 0.2}, r"train\.lr was 0\.1 and is 0\.2"),
        (UTTERANCES, {"seed": 1}, r"train\.seed was 0 and is 1"),
        (UTTERANCES, {"step_seconds": 20.0}, r"train\.step_seconds was 10\.0 and is 20\.0"),
        # A batch of 20 s makes a step of 10 s longer.
        (UTTERANCES, {"batch_seconds": 20.0}, r"train\.batch_seconds was 5\.0 and is 20\.0"),
        (LINE, {"batch_seconds": 2.0}, r"train\.batch_seconds was 5\.0 and is 2\.0"),
        (UTTERANCES, {"steps": 40}, r"train\.steps was 60 and is 40, where 20 are done"),
        (UTTERANCES, {"steps": 10}, r"train\.steps was 60 and is 10"),
    ],
)
def test_what_changes_the_result_is_refused_by_its_name(tmp_path, options, changes, named):
    begin(tmp_path / "line", options)
    before = checkpoints(tmp_path / "line")
    with pytest.raises(ValueError, match=f"{named}.*--restart"):
        run(tmp_path / "line", Line(), changed(options, **changes))
    assert checkpoints(tmp_path / "line") == before


def test_another_model_is_refused_by_its_name(tmp_path):
    begin(tmp_path / "line", UTTERANCES, {"model": {"size": 3}})
    with pytest.raises(ValueError, match=r"task\.model\.size was 3 and is 4"):
        run(tmp_path / "line", Line(), UTTERANCES, {"model": {"size": 4}})


def test_more_steps_go_on_as_if_begun_so_where_the_rate_has_not_fallen(tmp_path, capsys):
    constant = changed(UTTERANCES, schedule="constant")
    begin(tmp_path / "line", constant)
    again = run(tmp_path / "line", Line(), changed(constant, steps=80))
    whole = run(tmp_path / "whole", Line(), changed(constant, steps=80))
    assert again.steps == [*range(21, 81)]
    assert torch.equal(again.model.weight, whole.model.weight)
    assert capsys.readouterr().err == ""
    begin(tmp_path / "shorter", constant)
    assert run(tmp_path / "shorter", Line(), changed(constant, steps=25)).steps == [*range(21, 26)]


def test_more_steps_go_on_with_a_word_where_the_rate_has_fallen(tmp_path, capsys):
    begin(tmp_path / "line", UTTERANCES)
    assert run(tmp_path / "line", Line(), changed(UTTERANCES, steps=80)).steps[0] == 21
    assert "steps was 60 and is 80: the rate, linear, had fallen" in capsys.readouterr().err
    lines = [json.loads(line) for line in (tmp_path / "line/train.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 80 and lines[-1]["lr"] == pytest.approx(0.1 / 80)


def test_a_training_whose_plan_is_of_all_its_steps_takes_no_others():
    assert "steps" not in SeparationTrainOptions.later()


def test_changed_settings_restart_where_that_is_wanted(tmp_path, capsys):
    out, other = tmp_path / "line", changed(UTTERANCES, lr=0.2)
    begin(out, UTTERANCES)
    begin(out, other, restart="changed")
    printed = capsys.readouterr().err
    assert "begins anew: train.lr was 0.1 and is 0.2. The checkpoints up to step 20 stay" in printed
    assert len(checkpoints(out)) == 2
    # Each goes on where its own settings are restored.
    assert run(out, Line(), other, restart="changed").steps[0] == 21
    assert "another configuration's checkpoints up to step 20" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["line"]
    # What is done is done: other settings are a new training, and refuse nothing.
    assert run(out, Line(), UTTERANCES).steps[0] == 1


def test_settings_that_are_restored_find_their_checkpoints(tmp_path):
    out = tmp_path / "line"
    begin(out, UTTERANCES)
    begin(out, changed(UTTERANCES, lr=0.2), restart="changed")
    assert run(out, Line(), UTTERANCES).steps[0] == 21


def test_fewer_steps_than_are_done_restart_too(tmp_path):
    out = tmp_path / "line"
    begin(out, UTTERANCES)
    assert run(out, Line(), changed(UTTERANCES, steps=10), restart="changed").steps == [
        *range(1, 11)
    ]


def test_models_on_the_way_are_kept(tmp_path):
    begin(tmp_path / "line", changed(UTTERANCES, keep_every=10))
    (early,) = (tmp_path / "line.training").glob("*/steps/step_00000010")
    assert (early / "model.safetensors").is_file()  # of use before the training has ended
    run(tmp_path / "line", Line(), changed(UTTERANCES, keep_every=15))
    steps = tmp_path / "line/steps"
    assert [int(path.name[5:]) for path in sorted(steps.iterdir())] == [10, 20, 30, 45, 60]
    task = run(tmp_path / "short", Line(), changed(UTTERANCES, schedule="constant", steps=30))
    run(tmp_path / "long", Line(), changed(UTTERANCES, schedule="constant", keep_every=30))
    kept = load_file(tmp_path / "long/steps/step_00000030/model.safetensors")
    assert torch.equal(kept["weight"], task.model.weight)


def test_tensorboard_s_events_are_of_the_whole_training(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with pytest.raises(Killed):
        train(KilledLine(), Points(), UTTERANCES, tmp_path, config={})
    train(Line(), Points(), UTTERANCES, tmp_path, config={})
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("loss")] == [*range(5, 61, 5)]


def test_restart_always_begins_the_same_training_anew(tmp_path, capsys):
    begin(tmp_path / "line", UTTERANCES)
    assert run(tmp_path / "line", Line(), UTTERANCES, restart="always").steps[0] == 1
    assert "begins anew: the checkpoints up to step 20" in capsys.readouterr().err


def test_a_checkpoint_without_an_option_that_came_later_has_its_default(tmp_path):
    begin(tmp_path / "line", UTTERANCES)
    (last,) = checkpoints(tmp_path / "line")
    state = json.loads((last / "state.json").read_text())
    del state["config"]["train"]["hold_steps"], state["config"]["train"]["keep"]
    (last / "state.json").write_text(json.dumps(state))
    assert run(tmp_path / "line", Line(), UTTERANCES).steps[0] == 21
