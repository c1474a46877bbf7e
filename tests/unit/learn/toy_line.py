"""The least that can be trained: a line through points."""

import numpy as np
import torch
from torch import nn

from aubert.learn.loop import TrainOptions

LINE = TrainOptions(
    steps=60, step_seconds=10, batch_seconds=5, max_seconds=1, min_seconds=0.5, lr=0.1,
    warmup_steps=0, clip_norm=0, weight_decay=0, log_every=5, checkpoint_every=20,
    validate_every=20, device="cpu",
)  # fmt: skip


class Points:
    """Regression of a line: 60 utterances of one second, each a number."""

    def __init__(self, poison: tuple[int, ...] = ()):
        self.num_samples = np.full(60, 16_000)
        self._poison = poison

    def batch(self, pieces, rng):
        x = torch.tensor([[piece.index / 60] for piece in pieces])
        y = 2 * x - 1
        for row, piece in enumerate(pieces):
            if piece.index in self._poison:
                y[row] = float("nan")
        return torch.cat([x, y], 1)


class Line:
    def __init__(self):
        torch.manual_seed(0)
        self.model = nn.Linear(1, 1)
        self.steps: list[int] = []

    def start_step(self, step):
        self.steps.append(step)

    def loss(self, batch):
        error = self.model(batch[:, :1]) - batch[:, 1:]
        return error.square().sum(), len(batch), {"error": error.abs().sum()}

    def validate(self):
        x = torch.tensor([[0.0], [1.0]])
        return {"loss": (self.model(x) - (2 * x - 1)).square().mean().item()}
