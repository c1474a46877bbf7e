"""Units of a corpus: one codebook from all of it, labels shard by shard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aubert import tables
from aubert.files import complete_directory
from aubert.progress import progress
from aubert.stage import Accounts, Reject
from aubert.units.codebook import Codebook, learn_codebook
from aubert.units.features import (
    Extractor,
    ShardTables,
    features,
    num_utterances,
    shards_of_corpus,
)
from aubert.units.kmeans import KMeansOptions
from aubert.units.labels import label


def learn(
    results: Path,
    out: Path,
    corpus_root: Path,
    extractor: Extractor,
    columns: tuple[int, int] | None,
    num_clusters: int,
    options: KMeansOptions,
) -> str:
    """Learns `<out>.npy` and `.json` from the utterances of all shards; returns what to tell.

    Utterances without features are left out; their shard's labels list them as rejects.
    """
    shards = shards_of_corpus(results)
    total = num_utterances(shards)
    left_out: set[str] = set()

    def source() -> Iterator[tuple[str, np.ndarray]]:
        items = features(extractor, shards, corpus_root)
        for item in progress(items, what="learn", total=total, unit="utterance"):
            if isinstance(item, Reject):
                left_out.add(item.id)
            else:
                yield item

    book = learn_codebook(source, num_clusters, extractor.kind, options, columns)
    book.save(out)
    return (
        f"learn: {num_clusters} clusters of {book.num_frames} frames of {total} utterances "
        f"({len(left_out)} left out), inertia {book.inertia:.5f}"
    )


def label_shard(
    shard: ShardTables,
    out: Path,
    corpus_root: Path,
    extractor: Extractor,
    book: Codebook,
    *,
    stage: str,
    rejects: Path,
    max_reject_fraction: float,
) -> str:
    """Writes the label set `out` of one shard, whole or not at all, and its rejects."""
    ids = tables.read(shard.utterances, "utterances", ["utterance_id"])["utterance_id"].to_pylist()
    accounts = Accounts(stage, ids, rejects, max_reject_fraction)
    kept = accounts.kept(features(extractor, [shard], corpus_root), lambda item: item[0])
    with complete_directory(out) as part:
        num_labelled = len(label(part, kept, book))
    return accounts.summary(num_labelled)
