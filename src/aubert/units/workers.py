"""What processes that learn one codebook together have to exchange."""

from __future__ import annotations

from typing import Any


class Alone:
    """One process: nothing to exchange."""

    def total(self, numbers):
        """The sum over all processes of an int64 tensor."""
        return numbers

    def gather(self, thing: Any) -> list[Any]:
        """The thing of every process, in order of rank."""
        return [thing]


class Processes(Alone):
    """The processes of the initialised torch.distributed group; each has its part of the frames."""

    def total(self, numbers):
        import torch.distributed as dist

        dist.all_reduce(numbers)
        return numbers

    def gather(self, thing: Any) -> list[Any]:
        import torch.distributed as dist

        things = [None] * dist.get_world_size()
        dist.all_gather_object(things, thing)
        return things
