"""Features of a corpus on disk, a file a shard, as fairseq's scripts write and read them.

`units.features: dumped` computes features once and reads them for the sample, each pass and each
label set: dearer in disk, cheaper in time where several of these follow.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aubert import tables
from aubert.files import write_bytes
from aubert.stage import Accounts, Reject
from aubert.units.features import Computed
from aubert.units.shards import FeatureKind, FeatureShard

SPLIT = "corpus"  # in the names of the files: corpus_<rank>_<shards>.npy


@dataclass(frozen=True)
class Dumped:
    """The features of one shard as `dump_shard` wrote them.

    directory: of all shards' files. rank: the shard's number. num_shards: of the corpus
    """

    directory: Path
    rank: int
    num_shards: int

    @property
    def _files(self) -> FeatureShard:
        return FeatureShard(self.directory, SPLIT, self.rank, self.num_shards)

    @property
    def kind(self) -> FeatureKind:
        return self._files.kind()

    def items(
        self, only: Container[str] | None = None
    ) -> Iterator[tuple[str, np.ndarray] | Reject]:
        """(utterance_id, float32 [num_frames, dim]), or the reject that the dump recorded, for each
        utterance. only: ids of utterances; None: all."""
        ids = self._files.path(".ids").read_text(encoding="utf-8").split("\n")[:-1]
        for name, frames in zip(ids, self._files.read(), strict=True):
            if only is None or name in only:
                yield name, np.asarray(frames, np.float32)
        for row in tables.rows(self._files.path(".rejects.parquet"), "rejects"):
            if only is None or row["id"] in only:
                yield Reject(row["id"], row["reason"], row["detail"])


def dump_shard(
    features: Computed,
    out: Dumped,
    dtype: str,
    *,
    stage: str,
    max_reject_fraction: float,
) -> str:
    """Writes the shard's features, whole or not at all: `.npy`, `.len`, `.ids`, `.json` and the
    utterances that have none, `.rejects.parquet`. dtype: float32, or float16 for half the disk."""
    files = out._files
    table = tables.read(features.shard.utterances, "utterances", ["utterance_id"])
    utterance_ids = table["utterance_id"].to_pylist()
    rejects = files.path(".rejects.parquet")
    rejects.parent.mkdir(parents=True, exist_ok=True)
    accounts = Accounts(stage, utterance_ids, rejects, max_reject_fraction)
    ids: list[str] = []

    def frames() -> Iterator[np.ndarray]:
        for name, own in accounts.kept(features.items(), lambda item: item[0]):
            ids.append(name)
            yield own

    num_frames = files.write(frames(), features.kind, dtype=dtype)
    write_bytes(files.path(".ids"), "".join(f"{name}\n" for name in ids).encode())
    return f"{accounts.summary(len(ids))}, {num_frames} frames"
