"""ResNet-18 over one or two dimensions (He et al., 2016), at any width."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from aubert.clar.batch_norm import BatchNorm


class Block(nn.Module):
    """Two convolutions and what goes past them."""

    def __init__(self, dims: int, channels: int, out: int, kernel: int, stride: int):
        super().__init__()
        conv = (nn.Conv1d, nn.Conv2d)[dims - 1]
        self.first = conv(channels, out, kernel, stride, kernel // 2, bias=False)
        self.first_norm = BatchNorm(out)
        self.second = conv(out, out, kernel, 1, kernel // 2, bias=False)
        self.second_norm = BatchNorm(out)
        self.past = None
        if stride != 1 or channels != out:
            self.past = nn.Sequential(conv(channels, out, 1, stride, bias=False), BatchNorm(out))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        new = functional.relu(self.first_norm(self.first(hidden)))
        new = self.second_norm(self.second(new))
        past = hidden if self.past is None else self.past(hidden)
        return functional.relu(new + past)


class ResNet18(nn.Module):
    """[rows, channels, *dims] -> [rows, 8 width], the mean over all places.

    dims: 1 or 2; width: of the first of the four stages, 64 in the paper; each is twice as wide
    as the one before. kernel: of the blocks' convolutions: 3, or CLAR's 9 over waveforms.
    """

    def __init__(self, dims: int, channels: int, width: int, kernel: int):
        super().__init__()
        conv = (nn.Conv1d, nn.Conv2d)[dims - 1]
        pool = (nn.MaxPool1d, nn.MaxPool2d)[dims - 1]
        self.num_features = 8 * width
        self.stem = nn.Sequential(
            conv(channels, width, 7, 2, 3, bias=False),
            BatchNorm(width),
            nn.ReLU(),
            pool(3, 2, 1),
        )
        blocks, last = [], width
        for stage in range(4):
            out = width << stage
            blocks += [
                Block(dims, last, out, kernel, 2 if stage else 1),
                Block(dims, out, out, kernel, 1),
            ]
            last = out
        self.blocks = nn.Sequential(*blocks)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.blocks(self.stem(inputs)).flatten(2).mean(2)
