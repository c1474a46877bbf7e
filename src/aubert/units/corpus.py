"""Units of a corpus: a codebook from samples of its shards, passes over them, labels of each."""

from __future__ import annotations

import json
from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from aubert import tables
from aubert.files import complete_directory
from aubert.progress import progress
from aubert.stage import Accounts, Reject
from aubert.units.choice import Choice
from aubert.units.codebook import Codebook
from aubert.units.dump import Dumped
from aubert.units.features import Computed
from aubert.units.kmeans import KMeansOptions, PassSums, fit_sample, move, pass_sums
from aubert.units.labels import label
from aubert.units.sample import Survey, draw, load_samples, merged
from aubert.units.shards import FeatureKind

Columns = tuple[int, int] | None
Features = Computed | Dumped


def sample_shard(
    features: Features,
    out: Path,
    columns: Columns,
    choice: Choice,
    options: KMeansOptions,
    held_out: Collection[str] = (),
) -> str:
    """Writes the shard's part of the sample that codebooks are learned from.

    Only the chosen utterances are decoded. held_out: ids of utterances that are not learned from,
    whether chosen or not. Those without features are left out; the shard's labels
    list them as rejects.
    """
    source = _Source(features, columns, _Without(held_out, choice))
    sample = draw(source, options.sample_frames, options.seed, choice.share)
    notes = {"kind": json.dumps(features.kind.as_json()), "columns": json.dumps(columns)}
    sample.save(out, notes)
    return f"sample: {len(sample.keys)} of {sample.num_frames} frames, {source.summary}"


def learn(samples: Iterable[Path], out: Path, num_clusters: int, options: KMeansOptions) -> str:
    """Learns `<out>.npy` and `.json` from the samples of all shards; returns a summary line.

    The codebook is the same to the bit for any number of shards. Memory: three times the sample.
    Raises ValueError for samples of different features.
    """
    known, kind, columns = _known(samples, options)
    found = fit_sample(known, num_clusters, options)
    book = Codebook(found.centroids, kind, columns, found.inertia, found.num_frames, known.peak)
    book.save(out)
    return (
        f"learn: {num_clusters} clusters of {len(known.frames)} frames out of {known.num_frames}, "
        f"inertia {book.inertia:.5f}"
    )


def pass_shard(
    features: Features,
    out: Path,
    book: Codebook,
    options: KMeansOptions,
    held_out: Collection[str] = (),
) -> str:
    """Writes the shard's sums of one pass of Lloyd's algorithm over all frames but those of the
    utterances `held_out`.

    A codebook that is settled needs no pass: the sums are those of no frame. Raises ValueError for
    one that was not learned from a sample.
    """
    _check_learned(book)
    source = _Source(features, book.columns, _Without(held_out))
    frames = (lambda: iter(())) if book.is_settled else source
    sums = pass_sums(book.centroids, book.peak, frames, options)
    sums.save(out)
    return f"pass: {sums.num_frames} frames, {source.summary}"


def merge(
    book: Codebook,
    parts: Iterable[Path],
    samples: Iterable[Path],
    out: Path,
    options: KMeansOptions,
) -> str:
    """Writes the codebook that follows `book` after a pass over all shards.

    parts: sums of each shard. samples: that the first codebook was learned from; empty clusters
    start anew at frames of theirs. A settled codebook is written as it is. Raises ValueError for
    one that was not learned from a sample.
    """
    _check_learned(book)
    if book.is_settled:
        book.save(out)
        return "merge: the codebook is settled"
    known, _, _ = _known(samples, options)
    found, is_settled = move(known, book.centroids, PassSums.of_parts(parts), options)
    moved = replace(
        book,
        centroids=found.centroids,
        inertia=found.inertia,
        num_frames=found.num_frames,
        is_settled=is_settled,
    )
    moved.save(out)
    settled = ", settled" if is_settled else ""
    return f"merge: {found.num_frames} frames, inertia {found.inertia:.5f}{settled}"


def label_shard(
    features: Features,
    utterances: Path,
    out: Path,
    book: Codebook,
    *,
    stage: str,
    rejects: Path,
    max_reject_fraction: float,
) -> str:
    """Writes the label set `out` of one shard, whole or not at all, and its rejects. utterances:
    the shard's table. Raises ValueError for features that the codebook was not learned from."""
    if features.kind != book.kind:
        raise ValueError(
            f"the features are {features.kind.as_json()}, but the codebook was learned from "
            f"{book.kind.as_json()}: give its encoder, or learn the codebook again"
        )
    ids = tables.read(utterances, "utterances", ["utterance_id"])["utterance_id"].to_pylist()
    accounts = Accounts(stage, ids, rejects, max_reject_fraction)
    kept = accounts.kept(features.items(), lambda item: item[0])
    with complete_directory(out) as part:
        num_labelled = len(label(part, kept, book))
    return accounts.summary(num_labelled)


def _check_learned(book: Codebook) -> None:
    if book.peak is None:
        how = "imported" if book.projection is None else "drawn at random"
        raise ValueError(
            f"the codebook was {how}: passes move one that was learned with `aubert units learn`; "
            f"label with this one as it is"
        )


def _known(samples: Iterable[Path], options: KMeansOptions) -> tuple[Survey, FeatureKind, Columns]:
    """The sample of the whole corpus, and what its frames are."""
    samples = list(samples)
    loaded = zip(samples, load_samples(samples, options.sample_frames), strict=True)
    kept = [(path, sample, notes) for path, (sample, notes) in loaded if sample.num_frames]
    if not kept:
        raise ValueError("there are no frames to learn from: every chosen utterance is empty")
    first, _, notes = kept[0]
    for path, _, own in kept:
        if own != notes:
            raise ValueError(f"{path} holds {own}, but {first} holds {notes}: draw both alike")
    columns = json.loads(notes["columns"])
    known = merged([sample for _, sample, _ in kept], options.sample_frames)
    return known, FeatureKind(**json.loads(notes["kind"])), tuple(columns) if columns else None


class _Without:
    """Ids of utterances: those of `of`, or all, without some."""

    def __init__(self, without: Collection[str], of: Container[str] | None = None):
        self._without, self._of = without, of

    def __contains__(self, utterance_id: str) -> bool:
        return utterance_id not in self._without and (self._of is None or utterance_id in self._of)


class _Source:
    """The features of a shard's utterances, for a pass; call it to start one.

    only: ids of utterances; None: all. summary: how many utterances there were, in words
    """

    def __init__(self, features: Features, columns: Columns, only: Container[str] | None = None):
        self._features, self._columns, self._only = features, columns, only
        self._num_used, self._num_left_out = 0, 0

    def __call__(self) -> Iterator[tuple[str, np.ndarray]]:
        columns = slice(*self._columns) if self._columns else slice(None)
        items = self._features.items(self._only)
        for item in progress(items, what="features", total=None, unit="utterance"):
            if isinstance(item, Reject):
                self._num_left_out += 1
            else:
                self._num_used += 1
                yield item[0], item[1][:, columns]

    @property
    def summary(self) -> str:
        return f"{self._num_used} utterances ({self._num_left_out} without features)"
