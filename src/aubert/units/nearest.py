"""The nearest centroid of each frame, and exact sums per centroid.

Both are exact on purpose. A product of matrices in float32 rounds differently in every
shape of batch, and sums of floats depend on their order: left alone, another number of
shards would give other centroids. Near ties are therefore settled in float64, row by row,
and sums are taken over whole numbers.
"""

from __future__ import annotations

import numpy as np

_ROWS = {"cpu": 1024, "cuda": 16_384}  # on a CPU a block of distances should stay in the cache
_BITS = 26  # of a frame's value in the sums: 2 ** 37 frames fit into int64


class Nearest:
    """Nearest centroids. centroids: float32 [num_clusters, dim] tensor on its device."""

    def __init__(self, centroids):
        import torch

        self._centroids = centroids
        self._norms = centroids.square().sum(dim=1)
        self._exact = centroids.double()
        self._with_norms = torch.cat([-2 * centroids.T, self._norms[None]]).cpu().numpy()
        self._rows = _ROWS[centroids.device.type]
        # What float32 may be wrong by, relative to the squared norms: rounding errors of a
        # dot product grow like the root of its length.
        self._slack = 2.5e-7 * centroids.shape[1] ** 0.5

    def __call__(self, frames):
        """Labels int64 [n] of frames float32 [n, dim] on the same device; of equally near
        centroids the first."""
        import torch

        if not len(frames):
            return torch.zeros(0, dtype=torch.int64, device=frames.device)
        return torch.cat([self._labels(block) for block in frames.split(self._rows)])

    def of_utterance(self, frames: np.ndarray) -> np.ndarray:
        """Labels as above, of and as an array, near ties left as float32 has them: an utterance
        that is always labelled alone is always rounded alike, and need not pay for more."""
        import torch

        labels = np.empty(len(frames), np.int64)
        for start in range(0, len(frames), self._rows):
            block, own = frames[start : start + self._rows], labels[start : start + self._rows]
            if self._centroids.is_cuda:
                on_device = torch.tensor(block, device=self._centroids.device)
                own[:] = _first_least(self._scores(on_device)).cpu().numpy()
            else:
                self._label_block(block, own)
        return labels

    def _label_block(self, frames: np.ndarray, labels: np.ndarray) -> None:
        """One product gives the scores whole: the frames get a column of ones, and the
        centroids their norms as the row that meets it."""
        ones = np.empty((len(frames), len(self._with_norms)), np.float32)
        ones[:, :-1] = frames
        ones[:, -1] = 1
        np.matmul(ones, self._with_norms).argmin(axis=1, out=labels)

    def distances(self, frames):
        """Squared distances [n] of the frames to their nearest centroids, rounded as float32 is."""
        import torch

        found = [
            self._scores(block).amin(dim=1) + block.square().sum(dim=1)
            for block in frames.split(self._rows)
        ]
        return torch.cat(found).clamp_min_(0)

    def _scores(self, frames):
        """Squared distances less the frames' own squared norms: [n, num_clusters]."""
        import torch

        return torch.addmm(self._norms, frames, self._centroids.T, alpha=-2)

    def _labels(self, frames):
        import torch

        scores = self._scores(frames)
        labels = _first_least(scores)[:, None]
        least = scores.gather(1, labels)
        second = scores.scatter_(1, labels, torch.inf).amin(dim=1, keepdim=True)
        slack = self._slack * (frames.square().sum(dim=1, keepdim=True) + self._norms.max())
        labels = labels[:, 0]
        unsure = (second <= least + slack)[:, 0].nonzero()[:, 0]
        if len(unsure):
            labels[unsure] = self._settle(frames[unsure])
        return labels

    def _settle(self, frames):
        """The nearest in float64, pair by pair, without a product of matrices."""
        import torch

        apart = torch.cdist(
            frames.double(), self._exact, compute_mode="donot_use_mm_for_euclid_dist"
        )
        return _first_least(apart)


def _first_least(scores):
    """The first of the lowest columns of each row; numpy has the fast argmin on a CPU."""
    import torch

    if scores.is_cuda:
        return scores.argmin(dim=1)
    return torch.from_numpy(scores.numpy().argmin(axis=1))


class Sums:
    """Sums and counts of the frames of each cluster, the same in any order.

    peak: float64 [dim], which no value passes
    """

    def __init__(self, num_clusters: int, peak: np.ndarray, device: str):
        import torch

        exponents = _BITS - np.ceil(np.log2(np.where(peak > 0, peak, 1.0)))
        # Powers of two: frames are scaled without rounding.
        self._scale = torch.from_numpy(np.exp2(exponents)).to(device)
        # The last column counts, so that one exchange between processes is enough.
        self._totals = torch.zeros(num_clusters, len(peak) + 1, dtype=torch.int64, device=device)

    def add(self, frames, labels) -> None:
        import torch

        scale, rows = self._scale.float(), _ROWS[frames.device.type]
        for block, own in zip(frames.split(rows), labels.split(rows), strict=True):
            self._totals[:, :-1].index_add_(0, own, (block * scale).to(torch.int64))
        self._totals[:, -1] += labels.bincount(minlength=len(self._totals))

    @property
    def totals(self):
        """Whole numbers int64 [num_clusters, dim + 1]: scaled sums, and counts."""
        return self._totals

    def result(self):
        """Sums float64 [num_clusters, dim] and counts int64 [num_clusters]."""
        return self.unscaled(self._totals)

    def unscaled(self, totals):
        """Sums and counts from the totals of all parts."""
        return totals[:, :-1].double() / self._scale, totals[:, -1]
