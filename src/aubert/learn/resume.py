"""What a killed training goes on with, and what makes it another one.

A checkpoint's state has a record: every option of the training, and of its model and data what the
weights depend on. What says where and how a training runs may be another one (TrainOptions.how),
what holds for the steps that are left too (TrainOptions.later); the rest is what the training is.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aubert.learn.checkpoints import last_state
from aubert.learn.options import TrainOptions
from aubert.learn.schedules import learning_rate

_ABSENT = "absent"
Record = Mapping[str, Any]


def record(options: TrainOptions, config: Mapping[str, Any]) -> Record:
    """Of a training, as its checkpoints hold it. config: of the model and the data."""
    return json.loads(json.dumps({"train": asdict(options), "task": dict(config)}))


def differences(options: TrainOptions, before: Record, now: Record, done: int) -> list[str]:
    """Why a training of the record `now` does not go on from a checkpoint of step `done` of
    another one: a sentence for each setting. options: of `now`."""
    old, new = (_flat(_what(type(options), each)) for each in (before, now))
    was, is_now = _flat(before), _flat(now)
    found = [
        f"{key} was {was.get(key, _ABSENT)!r} and is {is_now.get(key, _ABSENT)!r}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key, _ABSENT) != new.get(key, _ABSENT)
    ]
    steps = before["train"]["steps"]
    same_so_far = learning_rate(options, done, steps) == learning_rate(options, done, options.steps)
    if not found and options.steps < steps and (options.steps < done or not same_so_far):
        found.append(
            f"train.steps was {steps} and is {options.steps}, where {done} are done with the rates "
            f"of the longer schedule"
        )
    return found


def notes(options: TrainOptions, before: Record, done: int) -> list[str]:
    """What differs from an uninterrupted training where one of the record `before` goes on with
    `options` behind step `done`: a sentence each."""
    train, found = before["train"], []
    rates = [learning_rate(options, done, steps) for steps in (train["steps"], options.steps)]
    if done and rates[0] != rates[1]:
        found.append(
            f"steps was {train['steps']} and is {options.steps}: the rate, {options.schedule}, had "
            f"fallen to {rates[0]:.3g} at step {done} and goes on from {rates[1]:.3g}"
        )
    if train["batch_seconds"] != options.batch_seconds:
        found.append(
            f"batch_seconds was {train['batch_seconds']:g} and is {options.batch_seconds:g}: the "
            f"epoch goes on at the same share of it, with other batches; some of its utterances "
            f"come twice, some not"
        )
    return found


def directory_of(
    checkpoints: Path,
    options: TrainOptions,
    now: Record,
    restart: str,
    say: Callable[[str], None],
) -> Path:
    """Where below `checkpoints` a training of the record `now` has its own.

    restart: of options.add_restart. say: takes a line before something is begun anew. Raises
    ValueError, which names what differs, where checkpoints of another training are there and
    restart is never.
    """
    own, others = _begun(checkpoints, options, now)
    if own and restart != "always":
        return max(own, key=own.__getitem__)
    for directory, done in own.items():
        say(f"begins anew: the checkpoints up to step {done} in {directory} are removed")
        shutil.rmtree(directory)
    directory = checkpoints / _hash(_what(type(options), now))
    while directory in others:  # of more steps than are wanted now
        directory = directory.with_name(f"{directory.name}_")
    for other, (done, reasons) in others.items():
        if restart == "never":
            raise ValueError(
                f"{other} is of another configuration, up to step {done}: {'; '.join(reasons)}. "
                f"Restore the settings to go on with it, or give --restart to begin anew"
            )
        say(
            f"begins anew: {'; '.join(reasons)}. The checkpoints up to step {done} stay in {other} "
            f"until this training has ended"
        )
    return directory


def remove(checkpoints: Path, directory: Path, say: Callable[[str], None]) -> None:
    """All checkpoints, when the training in `directory` is done."""
    for other in sorted(checkpoints.glob("*/")):
        state = last_state(other) if other != directory else None
        if state is not None:
            say(f"removes {other}: another configuration's checkpoints up to step {state['step']}")
    shutil.rmtree(checkpoints)


def _begun(
    checkpoints: Path, options: TrainOptions, now: Record
) -> tuple[dict[Path, int], dict[Path, tuple[int, list[str]]]]:
    """Directories with checkpoints, and the steps that are done: those that `now` goes on from,
    and the others with what differs."""
    own, others = {}, {}
    for directory in sorted(checkpoints.glob("*/")):
        state = last_state(directory)
        if state is None:
            continue
        reasons = differences(options, state["config"], now, state["step"])
        if reasons:
            others[directory] = state["step"], reasons
        else:
            own[directory] = state["step"]
    return own, others


def _what(kind: type[TrainOptions], of: Record) -> dict[str, Any]:
    """Of a record what makes the training what it is. An option that was not there when the record
    was written has its default."""
    fields = asdict(kind()) | of["train"]
    free = kind.how(fields) | kind.later()
    train = {name: value for name, value in fields.items() if name not in free}
    return {"train": train, "task": of["task"]}


def _flat(config: Mapping, prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _hash(what: Mapping[str, Any]) -> str:
    content = json.dumps(what, sort_keys=True).encode()
    return hashlib.blake2b(content, digest_size=8).hexdigest()
