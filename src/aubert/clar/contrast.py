"""The contrast of views: NT-Xent (Chen et al., 2020) and SupCon (Khosla et al., 2020) in one.

Both are a cross-entropy of each view over all other views; they differ in which of these are
right: the other view of the same clip, or all views of the same class.
"""

from __future__ import annotations

import torch
from torch.nn import functional

# Of a vector's length, below which it is taken for 0: its gradient must stay finite.
SMALLEST_NORM = 1e-6


def contrast_views(
    own: torch.Tensor,
    every: torch.Tensor,
    places: torch.Tensor,
    keys: torch.Tensor,
    groups: torch.Tensor,
    temperature: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(loss summed over the own views, how many of them are nearest to a right one).

    own: [own, width], of this process; every: [views, width], of all; places: int64 [own],
    where the own ones are in `every`. keys: int64 [views]; views of one key are right for each
    other: the clip's number for NT-Xent, the class's for SupCon. groups: int64 [views]; views
    of other groups are not contrasted with. With s the cosines, A the other views of i's group
    and P those of its key, the loss of i is the mean over p in P of
    -log(exp(s_ip / t) / sum over a in A of exp(s_ia / t)): SupCon's L_out, and NT-Xent where P is
    one view. A view that has no other of its key costs nothing.
    """
    with torch.autocast(own.device.type, enabled=False):  # / t magnifies rounding
        scores = _unit(own) @ _unit(every).mT / temperature
    others = torch.ones_like(scores, dtype=torch.bool)
    others[torch.arange(len(own), device=own.device), places] = False
    others &= groups[places, None] == groups
    right = others & (keys[places, None] == keys)
    scores = scores.masked_fill(~others, -torch.inf)
    # A view alone in its group: any finite row, which counts for nothing below.
    scores = scores.masked_fill(~others.any(1, keepdim=True), 0.0)
    losses = -functional.log_softmax(scores, 1).masked_fill(~right, 0.0).sum(1)
    loss = (losses / right.sum(1).clamp(min=1)).sum()
    hits = right.gather(1, scores.detach().argmax(1, keepdim=True)).sum()
    return loss, hits


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    return functional.normalize(vectors.float(), dim=-1, eps=SMALLEST_NORM)
