"""The training loop: one for every model of the project.

A task computes a batch's loss; the loop does the rest. What comes out depends on the data,
the seed and the options, not on how many processes there are, and not on interruptions: each
micro-batch has its own seed, so nothing random is carried from step to step.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from aubert.audio import SAMPLE_RATE_HZ
from aubert.learn import checkpoints
from aubert.learn.data import EpochPlan, Examples, MicroBatch, Place, Steps, load_batches
from aubert.learn.distributed import GradientSum, Processes
from aubert.learn.log import Log
from aubert.learn.options import TrainOptions
from aubert.learn.resume import differences, notes, record
from aubert.learn.schedules import learning_rate
from aubert.learn.stop import Asked, Stopped


class Task(Protocol):
    """What is trained, and on what grounds.

    model: everything that has weights; its state_dict is what checkpoints hold
    """

    model: nn.Module

    def loss(self, batch: Any) -> tuple[torch.Tensor, int, Mapping[str, torch.Tensor]]:
        """(the loss summed over the batch's targets, how many there are, metrics summed over
        the targets). Runs under autocast. To be compiled, it calls `self.model(...)`."""
        ...

    def start_step(self, step: int) -> None:
        """Called before each step, from 1: the place to freeze and unfreeze weights."""
        ...


@dataclass(frozen=True)
class Trained:
    """steps: done; skipped: of them, without an update; validation: of the best weights,
    which best_step had, None where nothing validated."""

    steps: int
    skipped: int
    best_step: int | None
    validation: dict[str, float] | None


def train(
    task: Task,
    examples: Examples,
    options: TrainOptions,
    directory: str | Path,
    *,
    config: Mapping[str, Any],
    validate: Callable[[], dict[str, float]] | None = None,
    keep: Callable[[int], None] | None = None,
) -> Trained:
    """Trains task.model for options.steps, from the last checkpoint in `directory` if there is
    one; afterwards the model holds the last weights (checkpoints.load_best reads the best).

    config: what else made this training what it is (model options, hashes of the label sets);
    a checkpoint of another one is refused (resume.differences). validate: called by the first
    process with the model in evaluation mode; its "loss", the smaller the better, decides which
    weights are kept in `directory`/best; options.patience of them without a smaller one end the
    training. keep: called by the first process each options.keep_every steps, with the step; its
    OSError is raised in all. Started by torchrun, the processes share each step's
    micro-batches.
    Raises ValueError for a checkpoint of another configuration, and when max_skipped steps
    in a row had no finite gradient; OSError when a checkpoint cannot be written; Stopped, after a
    checkpoint, when SIGTERM or SIGUSR1 came to a process.
    """
    return _Training(task, examples, options, Path(directory), config, validate, keep).run()


class _Training:
    def __init__(self, task, examples, options, directory, config, validate, keep):
        self.task, self.examples, self.options = task, examples, options
        self.directory, self.validate, self.keep = directory, validate, keep
        self.config = record(options, config)
        self.processes = Processes(options.device)
        # Of the micro-batches of a step: the first of this process, and how far it is to the next.
        spread = getattr(examples, "spread", False)
        self.share = (0, 1) if spread else (self.processes.rank, self.processes.world_size)
        self.writer = checkpoints.Writer(self.directory, options.keep)
        self.gradient: GradientSum | None = None
        task.model.to(self.processes.device)
        self.optimizer = torch.optim.AdamW(
            task.model.parameters(),
            lr=options.lr,
            betas=(options.beta1, options.beta2),
            eps=options.epsilon,
            weight_decay=options.weight_decay,
        )
        self.state: dict[str, Any] = {
            "step": 0,
            "place": list(Place()),
            "skipped": 0,
            "skipped_in_a_row": 0,
            "best_step": None,
            "validation": None,
            "no_better": 0,  # validations in a row
            "config": self.config,
        }

    def run(self) -> Trained:
        self._resume()
        options, state = self.options, self.state
        device_type = self.processes.device.type
        self.bfloat16 = options.precision == "bfloat16" or (
            options.precision == "auto" and device_type == "cuda"
        )
        if options.compile:
            self.task.model.compile()
        self.task.model.train()
        steps = Steps(self.examples.num_samples, options, getattr(self.examples, "plan", None))
        start = Place(*state["place"])
        left = 0 if self._is_enough() else options.steps - state["step"]
        batches = load_batches(
            self.examples,
            steps,
            start,
            left,
            options,
            rank=self.share[0],
            world_size=self.share[1],
            num_workers=options.num_workers,
        )
        log = Log(
            self.directory, options.steps, state["step"], self.processes, state.pop("held", None)
        )
        with Asked() as self.asked, self.writer, log:
            for step_batches, place in islice(steps.since(start), left):
                state["step"] += 1
                attention = self._step(step_batches, batches, log)
                state["place"] = list(place)
                self._after_step(log)
                if self._is_enough():
                    self._save()
                    break
                if attention and state["step"] < options.steps:
                    self._stop(log)
            self._on_first(self.writer.wait)
        return Trained(state["step"], state["skipped"], state["best_step"], state["validation"])

    def _resume(self) -> None:
        if self.processes.is_first:
            checkpoints.clean(self.directory)
        self.processes.gather(None)  # the others read when the first has tidied up
        found = checkpoints.last_state(self.directory)
        if found is not None:
            self._go_on(found)
        elif self.processes.world_size > 1:
            for tensor in self.task.model.state_dict().values():
                torch.distributed.broadcast(tensor, 0)

    def _go_on(self, found: dict[str, Any]) -> None:
        before, done = found["config"], found["step"]
        reasons = differences(self.options, before, self.config, done)
        if reasons:
            raise ValueError(
                f"{self.directory} is of another configuration, up to step {done}: "
                f"{'; '.join(reasons)}"
            )
        checkpoints.load_last(self.directory, self.task.model, self.optimizer)
        self.state |= found | {"config": self.config}
        if (checkpoints.best_step(self.directory) or 0) > done:
            # Weights behind the checkpoint took the place of those that it calls the best.
            self.state |= {"validation": None, "best_step": None, "no_better": 0}
        batch_seconds = before["train"]["batch_seconds"]
        if batch_seconds != self.options.batch_seconds:
            epoch, position = found["place"]
            was = dataclasses.replace(self.options, batch_seconds=batch_seconds)
            num_samples = self.examples.num_samples
            old, new = (len(EpochPlan(num_samples, epoch, each)) for each in (was, self.options))
            self.state["place"] = [epoch, round(position / old * new)]
        for note in notes(self.options, before, done) if self.processes.is_first else ():
            print(f"goes on behind step {done}: {note}", file=sys.stderr)

    def _step(self, micro_batches: list[MicroBatch], batches, log: Log) -> bool:
        """One update, or none where the gradient is not finite. True where a process was asked to
        stop, or a checkpoint could not be written."""
        options, state = self.options, self.state
        lr = learning_rate(options, state["step"], options.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.zero_grad(set_to_none=True)
        self.task.start_step(state["step"])
        gradient = self._gradient()
        totals = torch.zeros(3, device=self.processes.device)  # loss, targets, attention
        metrics: dict[str, torch.Tensor] = {}
        own = micro_batches[self.share[0] :: self.share[1]]
        for number, micro in enumerate(own, 1):
            # Where a contrast is spread, the passes themselves wait for other processes.
            if number == len(own) and self.share[1] > 1:
                gradient.last_pass()
            self._accumulate(micro, next(batches), totals, metrics)
        totals[2] = float(self.asked.so or self.writer.failed)
        gradients = gradient.finish()
        self.processes.sum(totals)

        loss, num_targets, norm, attention = self._clipped(gradients, totals)
        # The same numbers in every process, so all of them skip, or none.
        if math.isfinite(loss) and math.isfinite(norm):
            self.optimizer.step()
            state["skipped_in_a_row"] = 0
            seconds = sum(micro.num_samples for micro in micro_batches) / SAMPLE_RATE_HZ
            log.add(loss, num_targets, norm, seconds, metrics)
        else:
            self._skip(loss, norm)
        log.advance(sum(micro.num_samples for micro in micro_batches) / SAMPLE_RATE_HZ)
        return attention > 0

    def _gradient(self) -> GradientSum:
        """Of the weights that this step trains."""
        weights = [weight for weight in self.task.model.parameters() if weight.requires_grad]
        if self.gradient is None or [*map(id, weights)] != [*map(id, self.gradient.weights)]:
            if self.gradient is not None:
                self.gradient.remove()
            self.gradient = GradientSum(self.processes, weights)
        return self.gradient

    def _accumulate(self, micro: MicroBatch, batch, totals, metrics) -> None:
        # Dropout is the micro-batch's own, whichever process and whichever run it is in.
        words = np.random.SeedSequence([self.options.seed, micro.epoch, micro.position])
        torch.manual_seed(int(words.generate_state(1)[0]))
        device = self.processes.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self.bfloat16):
            loss, num_targets, sums = self.task.loss(batch.to(device))
        loss.backward()
        totals[:2] += torch.stack([loss.detach().float(), totals.new_tensor(float(num_targets))])
        for name, value in sums.items():
            metrics[name] = metrics.get(name, 0) + value.detach().float()

    def _clipped(self, gradients: list[torch.Tensor], totals: torch.Tensor) -> list[float]:
        """Makes the gradients those of the step per target, and clips them; returns loss,
        num_targets, norm before clipping, attention."""
        torch._foreach_div_(gradients, totals[1].clamp(min=1))
        limit = self.options.clip_norm or math.inf
        norm = torch.nn.utils.clip_grad_norm_(self.gradient.weights, limit)
        return torch.stack([*totals[:2], norm.to(totals), totals[2]]).tolist()

    def _skip(self, loss: float, norm: float) -> None:
        state = self.state
        state["skipped"] += 1
        state["skipped_in_a_row"] += 1
        if state["skipped_in_a_row"] >= self.options.max_skipped:
            raise ValueError(
                f"step {state['step']} is the {state['skipped_in_a_row']}th in a row without a "
                f"finite gradient (loss {loss:g}, norm {norm:g}): lower lr, raise warmup_steps, or "
                f"look for broken audio; the last checkpoint is in {self.directory}"
            )

    def _after_step(self, log: Log) -> None:
        options, state = self.options, self.state
        step = state["step"]
        if self._due(options.log_every):
            extra = {"lr": self.optimizer.param_groups[0]["lr"], "skipped": state["skipped"]}
            log.write(step, extra)
        if self.validate is not None and self._due(options.validate_every):
            self._validate(log)
        if self.keep is not None and options.keep_every and step % options.keep_every == 0:
            self._on_first(lambda: self.keep(step))
        if self._due(options.checkpoint_every):
            self._save()

    def _is_enough(self) -> bool:
        """Whether validation has not become better for so long that the training ends."""
        patience = getattr(self.options, "patience", 0)  # of trainings that can validate
        return 0 < patience <= self.state["no_better"]

    def _due(self, every: int) -> bool:
        return self.state["step"] % every == 0 or self.state["step"] == self.options.steps

    def _save(self) -> None:
        """Raises OSError where an earlier checkpoint could not be written."""
        self._on_first(lambda: self.writer.save(self.task.model, self.optimizer, self.state))

    def _stop(self, log: Log) -> None:
        """Writes a checkpoint of this step and raises Stopped; OSError where that, or an earlier
        one, cannot be written."""
        self.state["held"] = log.held()
        self._save()
        self._on_first(self.writer.wait)
        raise Stopped(f"stopped after step {self.state['step']}: the same command goes on")

    def _on_first(self, work: Callable[[], None]) -> None:
        """What the first process does; its OSError is raised in all, or they would wait for it
        forever."""
        problem = None
        if self.processes.is_first:
            try:
                work()
            except OSError as error:
                problem = str(error)
        problem = self.processes.from_first(problem)
        if problem is not None:
            raise OSError(problem)

    def _validate(self, log: Log) -> None:
        state = self.state
        found = None
        if self.processes.is_first:
            self.task.model.eval()
            with torch.no_grad():
                found = self.validate()
            self.task.model.train()
        found = self.processes.from_first(found)
        log.validation(state["step"], found)
        state["no_better"] += 1
        if state["validation"] is None or found["loss"] < state["validation"]["loss"]:
            state["validation"], state["best_step"] = found, state["step"]
            state["no_better"] = 0
            self._on_first(lambda: self.writer.save_best(self.task.model, state))
