"""Features of a corpus's utterances, computed as they are needed (dump.py stores them)."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import numpy as np

from aubert import audio, tables
from aubert.encoders.network import NetworkOptions, utterance_audio
from aubert.options import options_class
from aubert.stage import Reject
from aubert.units import mfcc
from aubert.units.codebook import MFCC_PARTS, Codebook
from aubert.units.encoder_features import Encoder, EncoderOptions
from aubert.units.random_projection import (
    NAME,
    RandomProjection,
    RandomProjectionOptions,
    projection_of,
)
from aubert.units.shards import FeatureKind

PARTS = {"mfcc_static": MFCC_PARTS[0], "mfcc_delta": MFCC_PARTS[1], "mfcc_delta2": MFCC_PARTS[2]}


@options_class
class FeatureOptions(EncoderOptions):
    """The features that units are made of.

    feature: mfcc has 39 dimensions; mfcc_static, mfcc_delta and mfcc_delta2 are its thirds, for
      product k-means; random_projection has no k-means; hidden is a layer of an encoder
    normalise_mean: whether each utterance's mean is subtracted from its MFCC, which removes voice
      and channel; fairseq keeps it; no effect on other features
    encoder: directory or Hugging Face id; needed for hidden
    layer_from: json of `aubert evaluate layers`, whose choice goes before layer
    """

    feature: Literal[
        "mfcc", "mfcc_static", "mfcc_delta", "mfcc_delta2", "random_projection", "hidden"
    ] = "mfcc"
    normalise_mean: bool = True
    encoder: str | None = None
    layer_from: str | None = None

    @property
    def columns(self) -> tuple[int, int] | None:
        """[start, end) of the MFCC that the units look at; None: all."""
        return PARTS.get(self.feature)


class Extractor(Protocol):
    """Turns audio into features.

    kind: of the features
    sample_rate_hz: of the audio that it takes
    """

    kind: FeatureKind
    sample_rate_hz: int

    def run(
        self, utterances: Iterable[tuple[str, np.ndarray] | Reject]
    ) -> Iterator[tuple[str, np.ndarray] | Reject]:
        """(utterance_id, float32 [num_frames, dim]) for each (utterance_id, mono samples), in
        their order; rejects pass through."""
        ...


class Mfcc:
    """39-d MFCC as an Extractor."""

    sample_rate_hz = audio.SAMPLE_RATE_HZ

    def __init__(self, normalise_mean: bool):
        self._normalise_mean = normalise_mean
        name = "mfcc_normalised" if normalise_mean else "mfcc"
        self.kind = FeatureKind(name, mfcc.RATE_HZ)

    def run(self, utterances):
        for item in utterances:
            if isinstance(item, Reject):
                yield item
            else:
                yield item[0], mfcc.mfcc(item[1], self._normalise_mean)


def extractor_of(
    options: FeatureOptions, projection: RandomProjectionOptions | None = None
) -> Extractor:
    """projection: None where k-means is to follow. Raises ValueError for hidden without an encoder,
    for one that lacks the layer, and for a random projection where k-means is to follow."""
    if options.feature == NAME:
        if projection is None:
            raise ValueError(
                "random_projection has no k-means and needs no sample: draw its codebook with "
                "`aubert units draw`"
            )
        return RandomProjection(projection)
    if options.feature != "hidden":
        return Mfcc(options.normalise_mean)
    if options.layer_from is not None:
        layer = json.loads(Path(options.layer_from).read_text())["layer"]
        options = replace(options, layer=layer)
    return _encoder(options.encoder, options)


def extractor_for(book: Codebook, encoder: str | None, options: NetworkOptions) -> Extractor:
    """The features that a codebook was learned from, or drawn for. Raises ValueError when `encoder`
    is not the one that it was learned from."""
    if book.kind.name in ("mfcc", "mfcc_normalised"):
        return Mfcc(book.kind.name == "mfcc_normalised")
    if book.kind.name == NAME:
        return projection_of(book)
    if book.kind.name != "hidden":
        raise ValueError(
            f"the codebook was learned from {book.kind.name or 'unknown'} features; learn it "
            f"with `aubert units learn`"
        )
    found = _encoder(encoder, EncoderOptions(layer=book.kind.layer, **vars(options)))
    if found.kind != book.kind:
        raise ValueError(
            f"{encoder} gives {found.kind.as_json()}, but the codebook was learned from "
            f"{book.kind.as_json()}; give its encoder, or learn the codebook again"
        )
    return found


def _encoder(encoder: str | None, options: EncoderOptions) -> Encoder:
    if encoder is None:
        raise ValueError("hidden features need an encoder; give one with --encoder")
    return Encoder.load(encoder, options)


class ShardTables(NamedTuple):
    """Files of one shard's recordings and utterances."""

    recordings: Path
    utterances: Path


def shards_of_corpus(results: str | Path) -> list[ShardTables]:
    """The tables below <results_dir>/<name>, in order of shards."""
    recordings = sorted((Path(results) / "recordings").glob("*.parquet"))
    return [ShardTables(path, Path(results) / "utterances" / path.name) for path in recordings]


def num_utterances(shards: Iterable[ShardTables]) -> int:
    return sum(tables.read(shard.utterances, "utterances", []).num_rows for shard in shards)


@dataclass(frozen=True)
class Computed:
    """A shard's features, computed as they are asked for: none are stored."""

    shard: ShardTables
    corpus_root: Path
    extractor: Extractor

    @property
    def kind(self) -> FeatureKind:
        return self.extractor.kind

    def items(
        self, only: Container[str] | None = None
    ) -> Iterator[tuple[str, np.ndarray] | Reject]:
        """As `features` gives them."""
        return features(self.extractor, [self.shard], self.corpus_root, only)


def features(
    extractor: Extractor,
    shards: Iterable[ShardTables],
    corpus_root: Path,
    only: Container[str] | None = None,
) -> Iterator[tuple[str, np.ndarray] | Reject]:
    """(utterance_id, float32 [num_frames, dim]), or a reject, for each utterance in order.

    only: ids of utterances; None: all. Rejects carry audio's reasons, audio_too_short or
    features_not_finite.
    """
    sounds = _sounds(shards, corpus_root, extractor.sample_rate_hz, only)
    for item in extractor.run(sounds):
        yield item if isinstance(item, Reject) else checked(*item)


def _sounds(shards, corpus_root: Path, sample_rate_hz: int, only: Container[str] | None):
    for shard in shards:
        recordings = {
            row["recording_id"]: row for row in tables.rows(shard.recordings, "recordings")
        }
        utterances = (
            row
            for row in tables.rows(shard.utterances, "utterances")
            if only is None or row["utterance_id"] in only
        )
        yield from utterance_audio(recordings, utterances, corpus_root, sample_rate_hz)


def checked(utterance_id: str, frames: np.ndarray) -> tuple[str, np.ndarray] | Reject:
    if not len(frames):
        return Reject(utterance_id, "audio_too_short", "shorter than one frame")
    if not np.isfinite(np.vdot(frames, frames)):
        bad = np.flatnonzero(~np.isfinite(frames).all(axis=1))
        if len(bad):
            detail = f"{len(bad)} of {len(frames)} frames, the first is {bad[0]}"
            return Reject(utterance_id, "features_not_finite", detail)
    return utterance_id, frames
