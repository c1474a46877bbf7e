"""Norms that overlook padding: what stands behind a row's end changes none of its frames."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional


def group_norm_of_rows(
    norm: nn.GroupNorm, hidden: torch.Tensor, num_frames: Sequence[int]
) -> torch.Tensor:
    """`norm` of hidden [batch, channels, frames], with zeros behind each row's `num_frames`.

    The group norm of BASE models' first convolution takes its mean over time, so that the
    zeros behind a short row would change every frame of it; here each row is normalised over
    its own frames, as it would be alone.
    """
    rows = []
    for row, length in zip(hidden, num_frames, strict=True):
        own = functional.group_norm(
            row[None, :, :length], norm.num_groups, norm.weight, norm.bias, norm.eps
        )
        rows.append(functional.pad(own[0], (0, hidden.shape[2] - length)))
    return torch.stack(rows)


def positions_of_rows(network: nn.Module) -> None:
    """Makes a network's positional convolution overlook padding, where another layer stands before
    a convolution: HuBERT's batch norm (conv_pos_batch_norm), data2vec's stack of convolutions.

    Both turn padding, which the network sets to zero, into other numbers, which the next
    convolution mixes into the row's last frames. The batch norm keeps the statistics that it was
    trained with, in training too: those of a batch would mix its rows.
    """
    positions = getattr(getattr(network, "encoder", None), "pos_conv_embed", None)
    norm = getattr(positions, "batch_norm", None)
    if isinstance(norm, nn.BatchNorm1d):
        norm.__class__ = _BatchNormOfRows
    inside: list[torch.Tensor] = []

    def before_first(_layer, arguments):
        inside[:] = [(arguments[0] != 0).any(1, keepdim=True)]

    def before_later(_layer, arguments):
        return arguments[0] * inside[0]

    for index, layer in enumerate(getattr(positions, "layers", ())):
        layer.register_forward_pre_hook(before_later if index else before_first)


class _BatchNormOfRows(nn.BatchNorm1d):
    """Of hidden [batch, channels, frames], whose padding is zero in every channel."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        normalised = functional.batch_norm(
            hidden, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )
        return normalised * (hidden != 0).any(1, keepdim=True)
