"""The processes of one training, as torchrun starts them; one process is the same code."""

from __future__ import annotations

import os
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
