"""How well embeddings of time-frequency bins fall into the clusters that the speakers are."""

from __future__ import annotations

from itertools import permutations

import torch
from torch.nn import functional

_RIDGE = 1e-4  # of what is inverted, relative to its trace


def affinity_loss(
    embeddings: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """float32 [batch]: sum_ij w_i w_j (v_i . v_j - y_i . y_j)^2 / (sum_i w_i)^2, the mean square
    error of the affinity matrix, in the low-rank form |V'V|^2 - 2 |V'Y|^2 + |Y'Y|^2 that never
    makes the matrix (Hershey et al. 2016, with diagonal weights).

    embeddings: [batch, bins, dim]; labels: int64 [batch, bins], any numbers from 0 on; weights:
    [batch, bins], 0 where a bin does not count. 0 where none does.
    """
    embeddings, members, shares = _weighted(embeddings, labels, weights)
    within = _square(embeddings.mT @ embeddings)
    across = _square(embeddings.mT @ members)
    # Y'Y is diagonal: the speakers' shares.
    return within - 2 * across + shares.square().sum(1)


def whitened_loss(
    embeddings: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """float32 [batch]: K - tr[(V'V)^-1 V'Y (Y'Y)^-1 Y'V] with K the labels that occur, from 0
    (each speaker's indicator lies in the span of V) to K (Le Roux, Wichern, Watanabe, Sarroff
    and Hershey 2018, there with the dimension in place of K). Arguments as of affinity_loss.
    """
    embeddings, members, shares = _weighted(embeddings, labels, weights)
    gram = embeddings.mT @ embeddings
    trace = gram.diagonal(dim1=1, dim2=2).sum(1)
    # A silent mixture has a gram of zeros; one plus the ridge can always be solved.
    ridge = _RIDGE * trace + (trace == 0)
    eye = torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
    cross = embeddings.mT @ members
    solved = torch.linalg.solve(gram + ridge[:, None, None] * eye, cross)
    explained = (cross * solved).sum(1) / shares.clamp_min(torch.finfo(shares.dtype).tiny)
    return (shares > 0).sum(1) - explained.sum(1)


def mask_loss(masks: torch.Tensor, spectrum: torch.Tensor, sources: torch.Tensor) -> torch.Tensor:
    """float32 [batch]: of the best order of speakers the sum of | |X| m_s - t_s |, relative to
    sum |X|, where t_s = |S_s| cos(phase difference) cut to 0..|X| (truncated phase-sensitive
    approximation: Wang, Le Roux and Hershey 2018). 0 for silence.

    masks: [batch, frames, bins, speakers]; spectrum: complex [batch, frames, bins] X; sources:
    complex [batch, at most as many speakers, frames, bins]
    """
    magnitude = spectrum.abs()
    missing = masks.shape[-1] - sources.shape[1]
    assert missing >= 0, f"{sources.shape[1]} sources for {masks.shape[-1]} masks"
    sources = functional.pad(torch.view_as_real(sources), (0, 0) * 3 + (0, missing))
    aligned = (sources * torch.view_as_real(spectrum)[:, None]).sum(-1)
    targets = aligned / magnitude[:, None].clamp_min(1e-8)
    targets = torch.minimum(targets.clamp_min(0), magnitude[:, None])
    found = (masks * magnitude[..., None]).movedim(-1, 1)
    # [batch, mask, source]
    apart = torch.stack(
        [(found[:, index, None] - targets).abs().sum((2, 3)) for index in range(found.shape[1])],
        dim=1,
    )
    speakers = range(found.shape[1])
    orders = [
        sum(apart[:, mask, source] for mask, source in zip(speakers, order, strict=True))
        for order in permutations(speakers)
    ]
    return torch.stack(orders).amin(0) / magnitude.sum((1, 2)).clamp_min(1e-8)


def _weighted(
    embeddings: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows of V and of Y times the root of their weights, which then sum to 1 (or are all 0);
    and the labels' shares of the weight [batch, labels]."""
    total = weights.sum(1, keepdim=True)
    weights = weights / torch.where(total > 0, total, 1)
    members = functional.one_hot(labels).to(weights.dtype) * weights[..., None]
    roots = weights.sqrt()[..., None]
    ones = members / torch.where(roots > 0, roots, 1)
    return embeddings * roots, ones, members.sum(1)


def _square(matrices: torch.Tensor) -> torch.Tensor:
    return matrices.square().sum((1, 2))
