"""Group norm that overlooks padding."""

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
