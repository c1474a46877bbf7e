"""Every text against every audio: scorers, the symmetric loss, and rows of other processes."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

MAX_CHUNK = 1 << 22  # numbers in the mlp scorer's largest tensor: 16 MB
MAX_SCALE = 100.0  # CLIP's bound of 1 / temperature


class CosineScorer(nn.Module):
    """cos(t, a) / temperature, the temperature learnt from 0.07 on, as in CLIP."""

    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(self, text: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
        """float32 [texts, audios] of [texts, width] and [audios, width]."""
        with torch.autocast(text.device.type, enabled=False):  # / 0.07 magnifies its rounding
            similarity = (
                functional.normalize(text.float(), dim=-1)
                @ functional.normalize(audio.float(), dim=-1).mT
            )
            return similarity * self.log_scale.exp().clamp(max=MAX_SCALE)


class MlpScorer(nn.Module):
    """An MLP with one hidden layer over every joined [t; a] (AuBERT's paper, figure 1).

    W [t; a] = W_t t + W_a a, so the first layer is computed once for each text and once for each
    audio; the hidden layer exists for a few texts at a time, in the backward pass too. The joined
    tensor of texts x audios x 2 width never does.
    """

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.text = nn.Linear(width, hidden)
        self.audio = nn.Linear(width, hidden, bias=False)
        self.out = nn.Linear(hidden, 1, bias=False)  # a bias is the same for all pairs

    def forward(self, text: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
        """float32 [texts, audios] of [texts, width] and [audios, width]."""
        texts, audios = self.text(text), self.audio(audio)
        num_rows = max(1, MAX_CHUNK // max(1, audios.numel()))
        chunks = texts.split(num_rows)
        if torch.is_grad_enabled():
            rows = [checkpoint(self._rows, chunk, audios, use_reentrant=False) for chunk in chunks]
        else:
            rows = [self._rows(chunk, audios) for chunk in chunks]
        return torch.cat(rows).float()

    def _rows(self, texts: torch.Tensor, audios: torch.Tensor) -> torch.Tensor:
        return self.out(functional.gelu(texts[:, None] + audios)).squeeze(-1)


class Contrast(NamedTuple):
    """Sums over the own pairs that have something to be contrasted with."""

    loss: torch.Tensor
    num_targets: int
    text_to_audio_hits: torch.Tensor
    audio_to_text_hits: torch.Tensor


def contrast(
    scorer: nn.Module,
    text: torch.Tensor,
    audio: torch.Tensor,
    own: torch.Tensor,
    allowed: torch.Tensor,
) -> Contrast:
    """Symmetric cross-entropy of the rows `own` (InfoNCE in both directions, as CLIP).

    text, audio: [pairs, width], of all processes; own: int64 [own], this process's places;
    allowed: bool [own, pairs], what each is contrasted with, itself included. A pair that has
    nothing but itself is no target.
    """
    if len(own) == len(text):
        scores = scorer(text, audio)
        forth, back = scores[own], scores.mT[own]
    else:
        forth, back = scorer(text[own], audio), scorer(text, audio[own]).mT
    counted = allowed.sum(1) > 1
    losses, hits = [], []
    for logits in (forth, back):
        logits = logits.masked_fill(~allowed, -torch.inf)[counted]
        losses.append(functional.cross_entropy(logits, own[counted], reduction="sum"))
        hits.append((logits.detach().argmax(1) == own[counted]).sum())
    return Contrast(sum(losses) / 2, int(counted.sum()), *hits)


def may_contrast(
    groups: torch.Tensor, texts: torch.Tensor, own: torch.Tensor, same_group: bool
) -> torch.Tensor:
    """bool [own, pairs]: pairs of another text (of the same group, if `same_group`), and itself.

    Two readings of the very same place in the book are both right, so they are no negatives.
    """
    allowed = texts != texts[own, None]
    if same_group:
        allowed &= groups == groups[own, None]
    allowed[torch.arange(len(own), device=own.device), own] = True
    return allowed
