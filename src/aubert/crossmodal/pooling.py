"""From a sequence of vectors to one: poolers and projection heads."""

from __future__ import annotations

import torch
from torch import nn

from aubert.crossmodal.options import Pooling


class Pooler(nn.Module):
    """[batch, steps, width] and the rows' lengths -> [batch, out_width].

    What lies behind a row's length changes nothing. Lengths are at least 1.
    """

    def __init__(self, kind: Pooling, width: int):
        super().__init__()
        self.kind = kind
        self.out_width = 2 * width if kind in ("mean_max", "lstm") else width
        if kind == "lstm":
            self.lstm = nn.LSTM(width, width, batch_first=True, bidirectional=True)
        if kind == "attention":
            self.query = nn.Linear(width, 1)

    def forward(self, states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        if self.kind == "lstm":
            return self._last_states(states, lengths)
        inside = torch.arange(states.shape[1], device=states.device) < lengths[:, None]
        inside = inside[..., None]
        pooled = []
        if self.kind in ("mean", "mean_max"):
            pooled.append((states * inside).sum(1) / lengths[:, None])
        if self.kind in ("max", "mean_max"):
            pooled.append(states.masked_fill(~inside, -torch.inf).amax(1))
        if self.kind == "attention":
            weights = self.query(states).masked_fill(~inside, -torch.inf).softmax(1)
            pooled.append((states * inside * weights).sum(1))
        return torch.cat(pooled, -1)

    def _last_states(self, states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(
            states, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        _, (last, _) = self.lstm(packed)
        return torch.cat([last[0], last[1]], -1)


def spans(states: torch.Tensor, starts: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Steps [start, start + length) of each row, from its first place on:
    [batch, max(lengths), width]; behind a row's length stands anything."""
    steps = torch.arange(int(lengths.max()), device=states.device)
    places = (starts[:, None] + steps).clamp(max=states.shape[1] - 1)
    return states.gather(1, places[..., None].expand(-1, -1, states.shape[2]))


class MlpProjection(nn.Module):
    """Linear, then GELU and linear around a residual, then layer normalisation, as AuBERT
    and CLIP-like models have it."""

    def __init__(self, in_width: int, width: int, dropout: float):
        super().__init__()
        self.first = nn.Linear(in_width, width)
        self.second = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        hidden = self.first(pooled)
        return self.norm(hidden + self.dropout(self.second(nn.functional.gelu(hidden))))
