"""fairseq's simple_kmeans, step by step: its arguments, its files.

What differs: a shard appears only when it is complete, and is not made twice; long audio
has the frames of one pass; k-means draws frames from all shards and holds a sample of them
only; features that a codebook was not learned from are refused.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aubert import audio
from aubert.progress import progress
from aubert.units import mfcc
from aubert.units.codebook import Codebook, learn_codebook
from aubert.units.encoder_features import Encoder
from aubert.units.kmeans import KMeansOptions
from aubert.units.shards import (
    FeatureKind,
    FeatureShard,
    kind_of,
    read_tsv,
    shard_range,
    shards_of,
    write_dict,
    write_km,
)


def dump_mfcc(
    tsv_dir: Path, split: str, nshard: int, rank: int, feat_dir: Path, normalise_mean: bool
) -> str:
    """Writes the MFCC of a shard of `<tsv_dir>/<split>.tsv`; returns a summary line."""
    kind = FeatureKind("mfcc_normalised" if normalise_mean else "mfcc", mfcc.RATE_HZ)
    shard = FeatureShard(feat_dir, split, rank, nshard)
    features = (
        mfcc.mfcc(samples, normalise_mean)
        for _, samples in _shard_audio(tsv_dir, split, nshard, rank, audio.SAMPLE_RATE_HZ)
    )
    return _dump(shard, features, kind, mfcc.DIM)


def dump_features(
    tsv_dir: Path, split: str, encoder: Encoder, nshard: int, rank: int, feat_dir: Path
) -> str:
    """Writes the encoder's features of a shard of `<tsv_dir>/<split>.tsv`."""
    shard = FeatureShard(feat_dir, split, rank, nshard)
    sounds = _shard_audio(tsv_dir, split, nshard, rank, encoder.sample_rate_hz)
    features = (frames for _, frames in encoder.run(sounds))
    return _dump(shard, features, encoder.kind, encoder.num_columns)


def learn(
    feat_dir: Path,
    split: str,
    nshard: int,
    km_path: Path,
    n_clusters: int,
    options: KMeansOptions,
    percent: float = -1,
) -> str:
    """Learns a codebook from all shards: `<km_path>` is fairseq's joblib file, beside it lie
    `<km_path>.npy` and `.json`, which are what aubert reads.

    percent: the share, 0 to 1, of the utterances that are taken, drawn by options.seed; -1: all
    """
    if not (0 < percent <= 1 or percent == -1):
        raise ValueError(f"percent is {percent:g}; it is a share above 0, up to 1, or -1 for all")
    shards = shards_of(feat_dir, split, nshard)

    def utterances() -> Iterator[tuple[str, np.ndarray]]:
        position = 0  # in the split, so that the sample does not depend on the shards
        for shard in shards:
            for frames in shard.read():
                yield f"{split}:{position}", frames
                position += 1

    names = [name for name, _ in utterances()]
    drawn = set(names) if percent == -1 else _drawn(names, percent, options.seed)

    def source() -> Iterator[tuple[str, np.ndarray]]:
        return (item for item in utterances() if item[0] in drawn)

    book = learn_codebook(source, n_clusters, kind_of(shards), options)
    book.save(km_path)
    book.export_joblib(km_path)
    return f"learn: {n_clusters} clusters of {book.num_frames} frames, inertia {book.inertia:.5f}"


def _drawn(names: list[str], share: float, seed: int) -> set[str]:
    """The share of the names with the smallest hashes: the same whatever the shards."""

    def drawn_at(name: str) -> bytes:
        return hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=8).digest()

    return set(sorted(names, key=drawn_at)[: math.ceil(share * len(names))])


def dump_label(
    feat_dir: Path, split: str, km_path: Path, nshard: int, rank: int, lab_dir: Path
) -> str:
    """Writes `<split>_<rank>_<nshard>.km`, and the dictionary, which is the same for all."""
    book = Codebook.load(km_path)
    shard = FeatureShard(feat_dir, split, rank, nshard)
    found = shard.kind()
    if FeatureKind() not in (found, book.kind) and found != book.kind:
        raise ValueError(
            f"{shard.path('.npy')} holds {found.as_json()}, but {km_path} was learned from "
            f"{book.kind.as_json()}; use the features of the codebook"
        )
    out = Path(lab_dir) / f"{split}_{rank}_{nshard}.km"
    num_lines = write_km(out, (book.label(frames) for frames in shard.read()))
    write_dict(Path(lab_dir) / "dict.km.txt", book.num_clusters)
    return f"dump-label: {num_lines} utterances in {out}"


def _shard_audio(
    tsv_dir: Path, split: str, nshard: int, rank: int, sample_rate_hz: int
) -> Iterator[tuple[str, np.ndarray]]:
    root, names, _ = read_tsv(Path(tsv_dir) / f"{split}.tsv")
    start, end = shard_range(len(names), nshard, rank)
    for name in progress(names[start:end], what="dump", total=end - start, unit="file"):
        try:
            yield name, audio.decode(root / name, sample_rate_hz=sample_rate_hz)
        except audio.AudioError as error:
            raise ValueError(f"{root / name}: {error}; mend it or take it off the tsv") from None


def _dump(shard: FeatureShard, features: Iterator[np.ndarray], kind: FeatureKind, dim: int) -> str:
    if shard.is_written(kind):
        return f"{shard.path('.npy')} is there already"
    num_frames = shard.write(features, kind)
    return f"{num_frames} frames of {dim} in {shard.path('.npy')}"
