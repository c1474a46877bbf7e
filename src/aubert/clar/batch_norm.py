"""Batch normalisation over the rows of all processes, on CPU and GPU."""

from __future__ import annotations

import torch
from torch import distributed, nn
from torch.distributed.nn.functional import all_reduce


class BatchNorm(nn.BatchNorm1d):
    """torch's batch normalisation of [rows, channels, ...], of as many dimensions as there are.

    Where processes share a batch, its statistics are those of the whole: what is learned does
    not depend on how many processes there are. (torch's SyncBatchNorm needs GPUs.) One number for
    a channel has no variance, and is normalised by what was seen before.
    """

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        alone = not (distributed.is_initialized() and distributed.get_world_size() > 1)
        if alone or not self.training:
            several = hidden.numel() > hidden.shape[1]
            return torch.batch_norm(
                hidden, self.weight, self.bias, self.running_mean, self.running_var,
                self.training and several, self.momentum, self.eps, False,
            )  # fmt: skip
        rows = hidden.float().transpose(0, 1).flatten(1)
        sums = [rows.new_full((1,), rows.shape[1]), rows.sum(1), rows.square().sum(1)]
        count, total, squares = all_reduce(torch.cat(sums)).split([1, len(rows), len(rows)])
        mean = total / count
        variance = (squares / count - mean.square()).clamp(min=0)
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            unbiased = variance * count / (count - 1).clamp(min=1)
            self.running_var.lerp_(unbiased, self.momentum)
        scale = self.weight / (variance + self.eps).sqrt()
        shape = (1, -1, *[1] * (hidden.ndim - 2))
        shift = self.bias - mean * scale
        return (hidden * scale.view(shape) + shift.view(shape)).to(hidden.dtype)
