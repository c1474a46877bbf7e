"""Output of a training while it runs: metrics.jsonl, TensorBoard, a progress bar.

metrics.jsonl holds no clock: a run that was killed and resumed leaves the same file. Speed
is in the progress bar and in TensorBoard.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from aubert.files import complete, room_for
from aubert.learn.distributed import Processes
from aubert.progress import progress

METRICS = "metrics.jsonl"
_SUMS = ("_loss", "_num_targets", "_norm", "_seconds", "_num_steps")


def _without_full_disks(failure) -> None:
    """Of TensorBoard's thread: `close` raises what it could not write."""
    if not isinstance(failure.exc_value, OSError):
        threading.__excepthook__(failure)


class Log:
    """Metrics of one training; a context manager. All processes call it, the first writes."""

    def __init__(
        self,
        directory: Path,
        steps: int,
        done: int,
        processes: Processes,
        held: Mapping[str, Any] | None = None,
    ):
        """done: the step that the training resumes behind; later lines are dropped, as the
        training will write them again. held: what `held` gave at that step."""
        self._processes = processes
        self._path = directory / METRICS
        self._board = None
        if processes.is_first:
            directory.mkdir(parents=True, exist_ok=True)
            _keep_until(self._path, done)
            self._board = _tensorboard(directory, done)
        self._bar = progress(
            what="train", total=steps, unit="step", done=done, shown=processes.is_first
        )
        self._started, self._seconds_run = time.monotonic(), 0.0
        self._reset()
        if held is not None:
            metrics = held["metrics"] if processes.is_first else {}
            self._metrics = {name: torch.tensor(value) for name, value in metrics.items()}
            for name in _SUMS:
                setattr(self, name, held[name])

    def held(self) -> dict[str, Any]:
        """What the updates since the last line add up to, for a training that stops here."""
        parts = self._processes.gather({k: float(v) for k, v in self._metrics.items()})
        names = sorted({name for part in parts for name in part})
        metrics = {name: sum(part.get(name, 0.0) for part in parts) for name in names}
        return {"metrics": metrics, **{name: getattr(self, name) for name in _SUMS}}

    def __enter__(self) -> Log:
        self._hook, threading.excepthook = threading.excepthook, _without_full_disks
        return self

    def __exit__(self, kind, *exception) -> None:
        self._bar.close()
        try:
            if self._board is not None:
                with room_for(self._path.parent):
                    self._board.close()
        except OSError:
            if kind is None:  # else the training has its own sentence about the disk
                raise
        finally:
            threading.excepthook = self._hook

    def _reset(self) -> None:
        self._loss = self._num_targets = self._norm = self._seconds = 0.0
        self._num_steps = 0
        self._metrics: dict[str, torch.Tensor] = {}

    def add(
        self,
        loss: float,
        num_targets: float,
        norm: float,
        seconds: float,
        metrics: Mapping[str, torch.Tensor],
    ) -> None:
        """One update: its loss and targets over all processes, this process's metrics."""
        self._loss += loss
        self._num_targets += num_targets
        self._norm += norm
        self._seconds += seconds
        self._num_steps += 1
        for name, value in metrics.items():
            self._metrics[name] = self._metrics.get(name, 0) + value

    def advance(self, seconds: float) -> None:
        """One step is done, with or without an update."""
        self._seconds_run += seconds
        self._bar.update()

    def write(self, step: int, extra: Mapping[str, Any]) -> None:
        """A line of means over the updates since the last one."""
        parts = self._processes.gather({k: float(v) for k, v in self._metrics.items()})
        names = sorted({name for part in parts for name in part})
        row: dict[str, Any] = {"step": step, **extra, "audio_seconds": self._seconds}
        if self._num_steps:
            row["loss"] = self._loss / self._num_targets
            row["grad_norm"] = self._norm / self._num_steps
            for name in names:
                row[name] = sum(part.get(name, 0.0) for part in parts) / self._num_targets
        speed = self._seconds_run / max(time.monotonic() - self._started, 1e-9)
        self._bar.set_postfix_str(
            f"{speed:.0f} s of audio/s, loss {row.get('loss', 0):.4f}", refresh=False
        )
        self._emit(step, row, {"audio_seconds_per_s": speed})
        self._reset()

    def validation(self, step: int, found: Mapping[str, float]) -> None:
        row = {"step": step} | {f"validation.{name}": value for name, value in found.items()}
        self._emit(step, row, {})

    def _emit(self, step: int, row: Mapping[str, Any], timed: Mapping[str, float]) -> None:
        if not self._processes.is_first:
            return
        with room_for(self._path.parent):
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            if self._board is not None:
                for name, value in (row | timed).items():
                    self._board.add_scalar(name, value, step)


def _keep_until(path: Path, step: int) -> None:
    if not path.exists():
        return
    # A line that a kill cut short is behind the last checkpoint.
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    kept = [line for line in whole if json.loads(line)["step"] <= step]
    with complete(path) as part:
        part.write_text("".join(kept), encoding="utf-8")


def _tensorboard(directory: Path, done: int):
    from torch.utils.tensorboard import SummaryWriter  # slow to import

    # Hides what a killed run wrote behind its last checkpoint.
    return SummaryWriter(str(directory / "tensorboard"), purge_step=done + 1)
