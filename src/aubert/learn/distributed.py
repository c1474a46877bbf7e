"""The processes of one training, as torchrun starts them; one process is the same code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import distributed


class Processes:
    """rank: of this process, world_size: how many there are, device: what it computes on."""

    def __init__(self, device: str = "auto"):
        """device: auto takes a GPU where there is one. Raises ValueError for cuda without."""
        gpu = torch.cuda.is_available()
        if device == "cuda" and not gpu:
            raise ValueError("device is cuda, but torch sees no GPU; set device to auto or cpu")
        kind = device if device != "auto" else "cuda" if gpu else "cpu"
        self.rank = int(os.environ.get("RANK", 0))
        self.world_size = int(os.environ.get("WORLD_SIZE", 1))
        local_rank = int(os.environ.get("LOCAL_RANK", 0))
        self.device = torch.device(kind, local_rank if kind == "cuda" else None)
        if kind == "cuda":
            torch.cuda.set_device(self.device)
        if self.world_size > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if kind == "cuda" else "gloo")

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def sum(self, tensor: torch.Tensor) -> None:
        """The sum over all processes, in place."""
        if self.world_size > 1:
            distributed.all_reduce(tensor)

    def gather(self, value: Any) -> list[Any]:
        """A small value of each process, in order of rank."""
        if self.world_size == 1:
            return [value]
        values: list[Any] = [None] * self.world_size
        distributed.all_gather_object(values, value)
        return values

    def from_first(self, value: Any) -> Any:
        """The first process's value."""
        return self.gather(value)[0]


BUCKET_BYTES = 25 << 20  # of gradients that are sent at a time


class GradientSum:
    """Sums the gradients of weights over the processes, a bucket at a time while a backward pass
    computes the others.

    Processes send the buckets in one order, whatever order their passes are in, and zeros for
    weights that took no part.
    """

    def __init__(self, processes: Processes, weights: Sequence[torch.nn.Parameter]):
        self._processes, self.weights = processes, weights
        self._buckets: list[list[torch.nn.Parameter]] = []
        held = 0
        for weight in reversed(weights):  # about the order in which backward reaches them
            if not self._buckets or held >= BUCKET_BYTES:
                self._buckets.append([])
                held = 0
            self._buckets[-1].append(weight)
            held += weight.nbytes
        self._bucket_of = {
            weight: number for number, bucket in enumerate(self._buckets) for weight in bucket
        }
        several = processes.world_size > 1
        self._hooks = [
            weight.register_post_accumulate_grad_hook(self._computed) for weight in weights
            if several
        ]  # fmt: skip
        self._waiting: list[set] | None = None
        self._sent: list[tuple[torch.Tensor, Any]] = []

    def remove(self) -> None:
        """Before another one is made."""
        for hook in self._hooks:
            hook.remove()

    def last_pass(self) -> None:
        """The next backward pass is this process's last one of the step."""
        self._waiting = [set(bucket) for bucket in self._buckets]

    def _computed(self, weight: torch.nn.Parameter) -> None:
        if self._waiting is None:
            return
        self._waiting[self._bucket_of[weight]].discard(weight)
        while len(self._sent) < len(self._buckets) and not self._waiting[len(self._sent)]:
            self._send()

    def _send(self) -> None:
        bucket = self._buckets[len(self._sent)]
        flat = torch.cat([weight.grad.flatten() for weight in bucket])
        self._sent.append((flat, distributed.all_reduce(flat, async_op=True)))

    def finish(self) -> list[torch.Tensor]:
        """The gradients, each the sum over all processes."""
        for weight in self.weights:
            if weight.grad is None:  # a layer that layerdrop left out, here or elsewhere
                weight.grad = torch.zeros_like(weight)
        if self._processes.world_size > 1:
            while len(self._sent) < len(self._buckets):
                self._send()
            for bucket, (flat, work) in zip(self._buckets, self._sent, strict=True):
                work.wait()
                parts = flat.split([weight.numel() for weight in bucket])
                for weight, part in zip(bucket, parts, strict=True):
                    weight.grad.copy_(part.view_as(weight))
        self._waiting, self._sent = None, []
        return [weight.grad for weight in self.weights]


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows, places, num_rows):
        ctx.save_for_backward(places)
        whole = rows.new_zeros(num_rows, *rows.shape[1:])
        whole[places] = rows
        distributed.all_reduce(whole)
        return whole

    @staticmethod
    def backward(ctx, gradient):
        # Each process's loss depends on these rows, and the loss is the sum over processes.
        gradient = gradient.contiguous().clone()
        distributed.all_reduce(gradient)
        return gradient[ctx.saved_tensors[0]], None, None


def spread(rows: torch.Tensor, places: torch.Tensor, num_rows: int) -> torch.Tensor:
    """The rows of all processes [num_rows, ...], each at its place, with exact gradients.

    rows: [len(places), ...]. Where one process has all rows, nothing is sent.
    """
    if len(places) == num_rows:
        return rows[places.argsort()]
    return _Spread.apply(rows, places, num_rows)
