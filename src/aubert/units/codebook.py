"""A codebook: the centroids of units, what they were learned from, and their files.

`<path>.npy` holds the centroids, `<path>.json` the rest. The joblib file that fairseq's
scripts read is written on request; published.py reads such files.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from aubert.files import complete, write_json
from aubert.units.kmeans import Clusters, KMeansOptions, learn_kmeans
from aubert.units.mfcc import NUM_CEPSTRA
from aubert.units.npy import read_npy
from aubert.units.sample import Source
from aubert.units.shards import FeatureKind
from aubert.units.workers import Alone

# Product k-means of 39-d MFCC: a codebook each for static, first and second differences.
MFCC_PARTS = tuple((start, start + NUM_CEPSTRA) for start in (0, 13, 26))


@dataclass(frozen=True)
class Codebook:
    """centroids: float32 [num_clusters, dim]. kind: of the features. columns: [start, end) of
    the features that it looks at, or None for all. inertia: a frame, when it was learned. peak:
    float64 [dim], of the frames that it was learned from, where passes may follow. is_settled:
    whether the last pass moved it less than the tolerance. projection: RandomProjectionOptions of a
    codebook that was drawn at random, None of one that was learned."""

    centroids: np.ndarray
    kind: FeatureKind
    columns: tuple[int, int] | None = None
    inertia: float | None = None
    num_frames: int | None = None
    peak: np.ndarray | None = None
    is_settled: bool = False
    projection: dict[str, Any] | None = None
    _on_device: dict = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def num_clusters(self) -> int:
        return len(self.centroids)

    @property
    def hash(self) -> str:
        """Of the centroids and the columns: equal for codebooks that label alike."""
        content = np.ascontiguousarray(self.centroids, "<f4")
        head = f"{content.shape} {self.columns}".encode()
        return hashlib.blake2b(head + content.tobytes(), digest_size=8).hexdigest()

    def label(self, features: np.ndarray, device: str = "cpu") -> np.ndarray:
        """Units int64 [num_frames] of one utterance's features [num_frames, dim].

        Raises ValueError for another number of columns and for features that are not finite.
        """
        import torch

        wanted = features if self.columns is None else features[:, slice(*self.columns)]
        if wanted.shape[1] != self.centroids.shape[1]:
            raise ValueError(
                f"the features have {wanted.shape[1]} columns, the codebook "
                f"{self.centroids.shape[1]}; it was learned from other features"
            )
        frames = np.ascontiguousarray(wanted, np.float32)
        if not np.isfinite(np.vdot(frames, frames)):
            raise ValueError("features are not finite; look at the audio, or run in float32")
        with torch.inference_mode():
            return self._nearest(device).of_utterance(frames)

    def _nearest(self, device: str):
        import torch

        from aubert.units.nearest import Nearest

        if device not in self._on_device:
            self._on_device[device] = Nearest(torch.from_numpy(self.centroids).to(device))
        return self._on_device[device]

    def save(self, path: str | Path) -> None:
        with complete(_beside(path, ".npy")) as part, part.open("wb") as file:
            np.save(file, np.ascontiguousarray(self.centroids, "<f4"))
        write_json(
            _beside(path, ".json"),
            {
                "num_clusters": self.num_clusters,
                "dim": self.centroids.shape[1],
                "features": self.kind.as_json(),
                "columns": self.columns,
                "hash": self.hash,
                "inertia": self.inertia,
                "num_frames": self.num_frames,
                "peak": None if self.peak is None else self.peak.tolist(),
                "is_settled": self.is_settled,
                "projection": self.projection,
            },
        )

    @classmethod
    def load(cls, path: str | Path) -> Codebook:
        """Raises ValueError where the files are missing or do not belong together."""
        arrays, notes = _beside(path, ".npy"), _beside(path, ".json")
        for file in (arrays, notes):
            if not file.exists():
                raise ValueError(
                    f"{file} is missing: a codebook is an .npy and a .json; make one of a "
                    f"published k-means with `aubert units import`"
                )
        try:
            stored = json.loads(notes.read_text(encoding="utf-8"))
            wanted = stored["hash"]
            book = cls(
                centroids=read_npy(arrays),
                kind=FeatureKind(**stored["features"]),
                columns=tuple(stored["columns"]) if stored["columns"] else None,
                inertia=stored["inertia"],
                num_frames=stored["num_frames"],
                peak=None if stored.get("peak") is None else np.array(stored["peak"]),
                is_settled=stored.get("is_settled", False),
                projection=stored.get("projection"),
            )
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(
                f"{notes} is no codebook's json ({error}); make a codebook of centroids with "
                f"`aubert units import`"
            ) from None
        if book.hash != wanted:
            raise ValueError(f"{arrays} and {notes} are of different codebooks; learn it again")
        return book

    def export_joblib(self, path: str | Path) -> None:
        """The scikit-learn model that fairseq's dump_km_label and its kin load."""
        import joblib
        from sklearn.cluster import MiniBatchKMeans

        model = MiniBatchKMeans(self.num_clusters, n_init=1)
        model.cluster_centers_ = np.ascontiguousarray(self.centroids, np.float32)
        model.n_features_in_ = self.centroids.shape[1]
        model._n_threads = 1  # predict() wants it
        with complete(path) as part:
            joblib.dump(model, part)


def learn_codebook(
    source: Source,
    num_clusters: int,
    kind: FeatureKind,
    options: KMeansOptions,
    columns: tuple[int, int] | None = None,
    workers: Alone | None = None,
) -> Codebook:
    """Learns a codebook of the source's features, or of some of their columns."""
    clusters: Clusters = learn_kmeans(
        source if columns is None else _columns_of(source, columns),
        num_clusters,
        options,
        workers or Alone(),
    )
    return Codebook(clusters.centroids, kind, columns, clusters.inertia, clusters.num_frames)


def _columns_of(source: Source, columns: tuple[int, int]) -> Source:
    def narrowed():
        for utterance, frames in source():
            yield utterance, frames[:, slice(*columns)]

    return narrowed


def _beside(path: str | Path, suffix: str) -> Path:
    return Path(f"{path}{suffix}")
