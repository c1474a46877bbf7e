"""k-means over more frames than fit into memory.

A uniform sample of the frames is drawn in a first pass. On it, k-means++ and Lloyd's
algorithm run several times; the best result goes through further passes of Lloyd's
algorithm over all frames. The centroids are the same to the bit however the frames are
ordered, blocked, sharded or spread over processes, on one machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from aubert.files import complete
from aubert.options import (
    Device,
    NaturalFloat,
    NaturalInt,
    PositiveFloat,
    PositiveInt,
    options_class,
)
from aubert.progress import progress
from aubert.units.nearest import Nearest, Sums
from aubert.units.npy import sort_metadata
from aubert.units.sample import SQUARES_SCALE, Source, Survey, survey
from aubert.units.workers import Alone

_BATCH_FRAMES = 16_384
SAMPLE_ITERATIONS = 10  # a restart; more do not change which one is best
_MINI_BATCH = 10_000
_ALONE = Alone()

# learn_kmeans.py of fairseq's simple_kmeans, its defaults.
FAIRSEQ_SETTINGS = {
    "init": "k-means++",
    "max_iter": 100,
    "batch_size": 10_000,
    "tol": 0.0,
    "max_no_improvement": 100,
    "n_init": 20,
    "reassignment_ratio": 0.0,
    "compute_labels": False,
}


@options_class
class KMeansOptions:
    """How a codebook is learned.

    method: lloyd; minibatch takes the sample in batches (Sculley 2010), for many clusters and a
      large sample; sklearn is MiniBatchKMeans with fairseq's settings, on the sample
    sample_frames: frames of the sample, held in memory; 100,000 are 1,000 for each of 100 clusters
    sample_hours: audio that the sample is drawn from, in hours: utterances of a corpus, drawn by
      hash; null: ten times what sample_frames last at 50 frames per second. Features of other
      audio are not computed
    restarts: starts on the sample; the one of lowest inertia goes on; no effect on sklearn, which
      has 20 of its own
    passes: most passes of Lloyd's algorithm over all frames after the sample, each as long as
      labelling; the sample alone gives the same inertia within the spread of seeds; no effect
      unless method is lloyd
    tolerance: movement of the centroids that ends the passes, relative to the features' standard
      deviation
    seed: of the sample and the starts
    device: auto takes a GPU where there is one
    """

    method: Literal["lloyd", "minibatch", "sklearn"] = "lloyd"
    sample_frames: PositiveInt = 100_000
    sample_hours: PositiveFloat | None = None
    restarts: PositiveInt = 3
    passes: NaturalInt = 0
    tolerance: NaturalFloat = 1e-3
    seed: NaturalInt = 0
    device: Device = "auto"


SAMPLE_RATE_FRAMES = 50  # per second: of the features that sample_hours is reckoned for


def hours_of_sample(options: KMeansOptions) -> float:
    """Audio that a corpus's sample is drawn from, in hours."""
    needed = options.sample_frames / SAMPLE_RATE_FRAMES / 3600
    return options.sample_hours or 10 * needed


@dataclass(frozen=True)
class Clusters:
    """centroids: float32 [num_clusters, dim]. inertia: mean squared distance of a frame to its
    centroid, in the last assignment (with minibatch and sklearn: of the sample)."""

    centroids: np.ndarray
    inertia: float
    num_frames: int


def learn_kmeans(
    source: Source, num_clusters: int, options: KMeansOptions, workers: Alone = _ALONE
) -> Clusters:
    """Learns `num_clusters` centroids of the source's frames (in each process its own part).

    Memory: about twice the sample, whatever the number of frames. Raises ValueError
    for more clusters than sampled frames and for frames that are not finite.
    """
    import torch

    known = survey(source, options.sample_frames, options.seed, workers)
    found = fit_sample(known, num_clusters, options)
    if options.method != "lloyd":
        return found
    with torch.inference_mode():
        fit = _Fit(known, num_clusters, options)
        for _ in range(options.passes):
            sums = pass_sums(found.centroids, known.peak, source, options)
            squares = int(known.sum_of_squares * SQUARES_SCALE)
            sums = PassSums(workers.total(sums.totals), known.num_frames, squares)
            found, settled = fit.moved(found.centroids, sums)
            if settled:
                break
    return found


def fit_sample(known: Survey, num_clusters: int, options: KMeansOptions) -> Clusters:
    """Learns `num_clusters` centroids of a sample. Raises ValueError for more clusters than
    sampled frames."""
    import torch

    if num_clusters > len(known.frames):
        raise ValueError(
            f"{num_clusters} clusters cannot be learned from {len(known.frames)} frames "
            f"({known.num_frames} in all, sample_frames {options.sample_frames}); take fewer "
            f"clusters or more audio"
        )
    if options.method == "sklearn":
        return _sklearn(known, num_clusters, options.seed)
    with torch.inference_mode():
        fit = _Fit(known, num_clusters, options)
        return fit.clusters(
            fit.best(fit.mini_batches if options.method == "minibatch" else fit.lloyd)
        )


@dataclass(frozen=True)
class PassSums:
    """Sums over a part of the frames in one pass of Lloyd's algorithm, exact whole numbers.

    totals: int64 tensor [num_clusters, dim + 1], sums of each cluster's frames and their count
    num_frames: of the part
    squares: their sum of squares in units of 2**-20
    """

    totals: Any
    num_frames: int
    squares: int

    def save(self, path: str | Path) -> None:
        from safetensors.torch import save_file

        counts = {"num_frames": str(self.num_frames), "squares": str(self.squares)}
        with complete(path) as part:
            save_file({"totals": self.totals}, part, counts)
            sort_metadata(part)

    @classmethod
    def of_parts(cls, paths: Iterable[str | Path]) -> PassSums:
        """The sums of all parts. Raises ValueError where a file holds no sums."""
        from safetensors import SafetensorError, safe_open

        totals, num_frames, squares = 0, 0, 0
        for path in paths:
            try:
                with safe_open(path, "pt") as file:
                    totals = totals + file.get_tensor("totals")
                    num_frames += int(file.metadata()["num_frames"])
                    squares += int(file.metadata()["squares"])
            except (SafetensorError, KeyError) as error:
                raise ValueError(f"{path} holds no sums ({error}): make the pass again") from None
        return cls(totals, num_frames, squares)


def pass_sums(
    centroids: np.ndarray, peak: np.ndarray, source: Source, options: KMeansOptions
) -> PassSums:
    """One pass over a part of the frames. peak: of the sample, the same for all parts."""
    import torch

    device = _device(options)
    num_frames, squares = 0, 0

    def counted() -> Iterator[tuple[str, np.ndarray]]:
        nonlocal num_frames, squares
        for name, frames in source():
            num_frames += len(frames)
            squares += int(float(np.square(frames, dtype=np.float64).sum()) * SQUARES_SCALE)
            yield name, frames

    with torch.inference_mode():
        nearest = Nearest(torch.from_numpy(centroids).to(device))
        sums = Sums(len(centroids), peak, device)
        for frames in _batches(counted):
            on_device = _tensor(frames).to(device)
            sums.add(on_device, nearest(on_device))
    return PassSums(sums.totals.cpu(), num_frames, squares)


def move(
    known: Survey, centroids: np.ndarray, sums: PassSums, options: KMeansOptions
) -> tuple[Clusters, bool]:
    """The centroids after a pass over all frames, and whether they moved less than tolerance.

    known: the sample that they were learned from. sums: of all parts together
    """
    import torch

    with torch.inference_mode():
        return _Fit(known, len(centroids), options).moved(centroids, sums)


class _Fit:
    def __init__(self, known: Survey, num_clusters: int, options: KMeansOptions):
        import torch

        self._known = known
        self._num_clusters = num_clusters
        self._options = options
        self._device = _device(options)
        self._sample = torch.from_numpy(known.frames).to(self._device)
        # Some columns at a time: in float64 the sample would be twice as large.
        variance = sum(
            float(columns.double().var(dim=0, correction=0).sum())
            for columns in self._sample.split(16, dim=1)
        )
        self._least_move = options.tolerance * variance**0.5

    def best(self, improve):
        """The centroids of the restart whose inertia on the sample is lowest."""
        tried = []
        restarts = self._options.restarts
        for restart in progress(range(restarts), what="k-means", total=restarts, unit="restart"):
            rng = np.random.default_rng([self._options.seed, restart])
            centroids = improve(self._plus_plus(rng))
            tried.append(
                (float(Nearest(centroids).distances(self._sample).double().mean()), centroids)
            )
        return min(tried, key=lambda pair: pair[0])[1]

    def _plus_plus(self, rng: np.random.Generator):
        """Greedy k-means++ (Arthur and Vassilvitskii 2007; of several candidates the one that
        lowers the inertia most, as in scikit-learn), on part of the sample."""
        import torch

        frames = self._sample[: max(10_000, 20 * self._num_clusters)]
        norms = frames.square().sum(dim=1)
        num_candidates = 2 + int(np.log(self._num_clusters))

        def apart(rows):  # [rows, frames]
            products = frames[rows] @ frames.T
            return (norms[rows, None] - 2 * products + norms).clamp_min_(0)

        chosen = [int(rng.integers(len(frames)))]
        nearest = apart(chosen)[0]
        while len(chosen) < self._num_clusters:
            mass = nearest.double().cumsum(dim=0).cpu().numpy()
            drawn = np.searchsorted(mass, rng.random(num_candidates) * mass[-1], side="right")
            candidates = np.minimum(drawn, len(frames) - 1)
            lowered = torch.minimum(nearest, apart(candidates))
            winner = int(lowered.double().sum(dim=1).argmin())
            chosen.append(int(candidates[winner]))
            nearest = lowered[winner]
        return frames[chosen].clone()

    def lloyd(self, centroids):
        for _ in range(SAMPLE_ITERATIONS):
            sums = self._sums()
            sums.add(self._sample, Nearest(centroids)(self._sample))
            moved, _ = self._update(centroids, *sums.result())
            settled = self._settled(centroids, moved)
            centroids = moved
            if settled:
                break
        return centroids

    def mini_batches(self, centroids):
        """Each centroid goes towards a batch's mean by the batch's share of all it has seen.
        The sample's order is random already."""
        import torch

        seen = torch.zeros(self._num_clusters, dtype=torch.int64, device=self._device)
        for _ in range(SAMPLE_ITERATIONS):
            for batch in self._sample.split(_MINI_BATCH):
                sums = self._sums()
                sums.add(batch, Nearest(centroids)(batch))
                total, counts = sums.result()
                seen += counts
                step = total - counts[:, None] * centroids.double()
                centroids = (centroids + step / seen.clamp_min(1)[:, None]).float()
        return self._repaired(centroids, seen == 0)

    def moved(self, centroids: np.ndarray, sums: PassSums) -> tuple[Clusters, bool]:
        """One step of Lloyd's algorithm over all frames, from their sums."""
        import torch

        before = torch.from_numpy(centroids).to(self._device)
        exact = self._sums()
        total, counts = exact.unscaled(sums.totals.to(self._device))
        after, kept = self._update(before, total, counts)
        inertia = (sums.squares / SQUARES_SCALE - kept) / sums.num_frames
        found = Clusters(after.cpu().numpy(), inertia, sums.num_frames)
        return found, self._settled(before, after)

    def clusters(self, centroids, inertia: float | None = None) -> Clusters:
        if inertia is None:
            inertia = float(Nearest(centroids).distances(self._sample).double().mean())
        return Clusters(centroids.cpu().numpy(), inertia, self._known.num_frames)

    def _sums(self) -> Sums:
        return Sums(self._num_clusters, self._known.peak, self._device)

    def _update(self, centroids, sums, counts):
        """The means of the clusters, and what they take off the sum of squares."""
        means = sums / counts.clamp_min(1)[:, None]
        empty = counts == 0
        means[empty] = centroids[empty].double()
        kept = float((means.square().sum(dim=1) * counts).sum())
        return self._repaired(means.float(), empty), kept

    def _repaired(self, centroids, empty):
        """Empty clusters start anew at the frames of the sample that are worst served."""
        num_empty = int(empty.sum())
        if not num_empty:
            return centroids
        worst = Nearest(centroids).distances(self._sample).sort(descending=True, stable=True)[1]
        centroids = centroids.clone()
        centroids[empty] = self._sample[worst[:num_empty]]
        return centroids

    def _settled(self, before, after) -> bool:
        return float((after - before).double().norm(dim=1).max()) <= self._least_move


def _batches(source: Source) -> Iterator[np.ndarray]:
    """The source's frames in larger pieces."""
    held: list[np.ndarray] = []
    for _, frames in source():
        held.append(frames)
        if sum(map(len, held)) >= _BATCH_FRAMES:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


def _device(options: KMeansOptions) -> str:
    import torch

    if options.device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is cuda, but torch sees no GPU; set device to auto or cpu")
    return "cuda" if options.device != "cpu" and torch.cuda.is_available() else "cpu"


def _tensor(frames: np.ndarray):
    import torch

    return torch.from_numpy(np.ascontiguousarray(frames, np.float32))


def _sklearn(known: Survey, num_clusters: int, seed: int) -> Clusters:
    found = learn_sklearn(known.frames, num_clusters, seed, {})
    return replace(found, num_frames=known.num_frames)


def learn_sklearn(
    frames: np.ndarray, num_clusters: int, seed: int | np.random.RandomState, settings: dict
) -> Clusters:
    """scikit-learn's MiniBatchKMeans, as learn_kmeans.py of fairseq's simple_kmeans fits it.
    settings: other than FAIRSEQ_SETTINGS."""
    from sklearn.cluster import MiniBatchKMeans

    model = MiniBatchKMeans(num_clusters, random_state=seed, **{**FAIRSEQ_SETTINGS, **settings})
    model.fit(frames)
    inertia = -float(model.score(frames)) / len(frames)
    return Clusters(model.cluster_centers_.astype(np.float32), inertia, len(frames))
