"""A training as a stage: killed, it goes on where it was; done, its model is whole."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from aubert.files import alone, complete_directory
from aubert.learn.card import Card, write_card
from aubert.learn.checkpoints import load_best
from aubert.learn.distributed import Processes
from aubert.learn.log import METRICS
from aubert.learn.loop import Task, Trained, train
from aubert.learn.options import LOG, TrainOptions
from aubert.learn.resume import directory_of, record, remove
from aubert.learn.stop import Stopped, put_back
from aubert.processes import killed_workers_named

_STEPS = "steps"  # of a trained model: those that it was on its way


def train_model(
    out: str | Path,
    task: Task,
    examples,
    options: TrainOptions,
    *,
    config: Mapping[str, Any],
    save: Callable[[Path], None],
    validate: Callable[[], dict[str, float]] | None = None,
    restart: str = "never",
    card: Card | None = None,
) -> Trained:
    """Trains, and writes the directory `out` at once when all is done.

    Until then the checkpoints lie in `<out>.training/<hash of what the training is>`, and it goes
    on from there. restart: of options.add_restart, whether another one begins anew beside them or
    is refused. config, validate: as for loop.train; where it validates, the best weights are saved,
    else the last. save: writes task.model into the directory that it is given, and each
    options.keep_every steps into one of `<out>/steps`. card: of the model's README. Raises as
    loop.train does, and OSError when the model cannot be written, or another process is at the
    same training (a Snakemake that was killed leaves its jobs behind). Stopped in a job of SLURM,
    it puts the job back into the queue.
    """
    out = Path(out)
    checkpoints = out.with_name(f"{out.name}.training")
    processes = Processes(options.device)
    with alone(checkpoints / "lock") if processes.is_first else nullcontext():
        directory = _directory(processes, checkpoints, options, config, restart)
        try:
            with killed_workers_named():
                trained = train(
                    task,
                    examples,
                    options,
                    directory,
                    config=config,
                    validate=validate,
                    keep=lambda step: _save_as(directory / _STEPS / f"step_{step:08}", save),
                )
        except Stopped:
            if processes.is_first and put_back():
                print("the job waits in the queue of SLURM", file=sys.stderr)
            raise
        if processes.is_first:
            if validate is not None:
                load_best(directory, task.model)
            try:
                with complete_directory(out) as part:
                    save(part)
                    shutil.copy(directory / METRICS, part / LOG)
                    if card is not None:
                        write_card(part, card, trained.steps)
                    if (directory / _STEPS).is_dir():
                        shutil.copytree(directory / _STEPS, part / _STEPS, copy_function=_linked)
            except (OSError, SafetensorError) as error:  # the latter when tensors meet a full disk
                raise OSError(
                    f"{out} could not be written ({error}); make room and start again: the "
                    f"training itself is done, and kept in {directory}"
                ) from error
            remove(checkpoints, directory, _say)
    processes.gather(None)  # the others may read what the first has written
    return trained


def _save_as(target: Path, save: Callable[[Path], None]) -> None:
    try:
        with complete_directory(target) as part:
            save(part)
    except SafetensorError as error:  # of a full disk
        raise OSError(f"{target} could not be written ({error}); make room") from error


def _linked(source: str, target: str) -> None:
    """Weights are large: the file stays where it is, under another name too."""
    try:
        os.link(source, target)
    except OSError:  # a file system without
        shutil.copy2(source, target)


def _directory(
    processes: Processes, checkpoints: Path, options: TrainOptions, config: Mapping, restart: str
) -> Path:
    """As resume.directory_of; the first process looks, or it would remove what others look at."""
    found, problem = None, None
    if processes.is_first:
        try:
            found = directory_of(checkpoints, options, record(options, config), restart, _say)
        except ValueError as error:
            problem = str(error)
    found, problem = processes.from_first((found, problem))
    if problem is not None:
        raise ValueError(problem)
    return found


def _say(line: str) -> None:
    print(line, file=sys.stderr)
