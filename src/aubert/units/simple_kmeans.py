"""fairseq's simple_kmeans, step by step: its arguments, its files.

What differs: a shard appears only when it is complete, and is not made twice; long audio
has the frames of one pass; k-means draws frames from all shards and holds a sample of them
only; features that a codebook was not learned from are refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import soundfile

from aubert import audio
from aubert.progress import progress
from aubert.units import mfcc
from aubert.units.codebook import Codebook, learn_codebook
from aubert.units.encoder_features import Encoder
from aubert.units.kmeans import KMeansOptions, learn_sklearn
from aubert.units.sample import Source
from aubert.units.shards import (
    FeatureKind,
    FeatureShard,
    check_count,
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
    settings: dict | None = None,
) -> str:
    """Learns a codebook from all shards: `<km_path>` is fairseq's joblib file, beside it lie
    `<km_path>.npy` and `.json`, which are what aubert reads.

    percent: the share, 0 to 1, of each shard's utterances that is taken, those that fairseq's
    learn_kmeans.py draws with this seed; -1: all. settings: of its MiniBatchKMeans, other than
    FAIRSEQ_SETTINGS. With some, or method sklearn, the fit is that script's: of all frames that
    are taken, in memory, with the same centroids.
    """
    if not (0 < percent <= 1 or percent == -1):
        raise ValueError(f"percent is {percent:g}; it is a share above 0, up to 1, or -1 for all")
    shards = shards_of(feat_dir, split, nshard)

    kind, random = kind_of(shards), np.random.RandomState(options.seed)
    drawn = [_drawn(shard, percent, random) for shard in shards]
    if settings or options.method == "sklearn":
        frames = np.concatenate(
            [
                frames
                for shard, own in zip(shards, drawn, strict=True)
                for frames in _in_order(shard, own)
            ]
        )
        found = learn_sklearn(frames, n_clusters, random, settings or {})
        book = Codebook(found.centroids, kind, None, found.inertia, found.num_frames)
    else:
        book = learn_codebook(_source(split, shards, drawn), n_clusters, kind, options)
    book.save(km_path)
    book.export_joblib(km_path)
    return f"learn: {n_clusters} clusters of {book.num_frames} frames, inertia {book.inertia:.5f}"


def _drawn(shard: FeatureShard, percent: float, random: np.random.RandomState) -> list[int] | None:
    """The utterances of a shard that are taken, in the order in which fairseq joins them; None:
    all."""
    if percent == -1:
        return None
    num_utterances = shard.num_utterances()
    wanted = math.ceil(num_utterances * percent)
    return random.choice(num_utterances, wanted, replace=False).tolist() if wanted else []


def _in_order(shard: FeatureShard, drawn: list[int] | None) -> Iterator[np.ndarray]:
    if drawn is None:
        yield from shard.read()
    else:
        utterances = list(shard.read())  # mapped: what is not looked at is not read
        yield from (utterances[position] for position in drawn)


def _source(split: str, shards: list[FeatureShard], drawn: list[list[int] | None]) -> Source:
    """Names are places in the split, so that the sample of frames does not depend on the shards."""

    def source() -> Iterator[tuple[str, np.ndarray]]:
        position = 0
        for shard, own in zip(shards, drawn, strict=True):
            taken = None if own is None else set(own)
            for index, frames in enumerate(shard.read()):
                if taken is None or index in taken:
                    yield f"{split}:{position + index}", frames
            position += shard.num_utterances()

    return source


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
    tsv = Path(tsv_dir) / f"{split}.tsv"
    root, names, counted = read_tsv(tsv)
    start, end = shard_range(len(names), nshard, rank)
    own = list(zip(names, counted, strict=True))[start:end]
    for name, count in progress(own, what="dump", total=end - start, unit="file"):
        path = root / name
        try:
            samples = audio.decode(path, sample_rate_hz=sample_rate_hz)
            if count is not None:
                check_count(path, count, _num_samples(path, samples, sample_rate_hz), tsv)
            yield name, samples
        except audio.AudioError as error:
            raise ValueError(f"{path}: {error}; mend it or take it off the tsv") from None


def _num_samples(path: Path, samples: np.ndarray, rate_hz: int) -> int:
    """At the file's own rate. samples: of all of it, at `rate_hz`; probe would decode an Ogg or MP3
    once more."""
    with suppress(soundfile.LibsndfileError):  # a format that ffmpeg reads
        if soundfile.info(str(path)).samplerate == rate_hz:
            return len(samples)
    return audio.probe(path).num_samples


def _dump(shard: FeatureShard, features: Iterator[np.ndarray], kind: FeatureKind, dim: int) -> str:
    if shard.is_written(kind):
        return f"{shard.path('.npy')} is there already"
    num_frames = shard.write(features, kind)
    return f"{num_frames} frames of {dim} in {shard.path('.npy')}"
