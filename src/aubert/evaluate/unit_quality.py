"""Quality of a corpus's units against phones with times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from aubert import tables
from aubert.evaluate.metrics import Figure, count, read_metrics
from aubert.evaluate.reference import phones_within, read_phones
from aubert.progress import progress
from aubert.stage import Reject
from aubert.units.codebook import Codebook, learn_codebook
from aubert.units.encoder_features import Encoder
from aubert.units.features import features, shards_of_corpus
from aubert.units.kmeans import KMeansOptions
from aubert.units.labels import Labels
from aubert.units.quality import QualityTally
from aubert.units.sample import survey


def measure(
    results: Path, labels: Labels, reference: Path | None, *, key: str, baseline: Path | None
) -> dict[str, Figure]:
    """The figures `<key>.pnmi` and so on of a corpus's labels against its phones.

    reference: as `phones_of_utterances` takes it. baseline: a file of figures, whose pnmi
    becomes `<key>.pnmi.baseline`. Raises ValueError when no labelled utterance has phones.
    """
    tally = QualityTally(labels.num_units, labels.rate_hz)
    for utterance_id, speaker, phones in phones_of_utterances(results, reference):
        if utterance_id in labels:
            tally.add(speaker, labels.labels(utterance_id), phones)
    figures = _figures(key, tally)
    if baseline is not None:
        figures[f"{key}.pnmi.baseline"] = _pnmi_of(baseline)
    return figures


def best_layer(
    results: Path,
    corpus_root: Path,
    encoder: Encoder,
    reference: Path | None,
    num_clusters: int,
    options: KMeansOptions,
) -> dict:
    """{layer, pnmi: {layer: pnmi}, num_frames}: which layer's units share most information with the
    phones.

    encoder: that reads all layers. Takes two passes over the recordings that the reference
    knows: one draws a sample, on which each layer's codebook is learned (options.passes has no
    effect), one labels. Memory: up to five times sample_frames x layers x hidden size.
    """
    known = {name: rest for name, *rest in phones_of_utterances(results, reference)}

    def frames_of_utterances() -> Iterator[tuple[str, np.ndarray]]:
        items = features(encoder, shards_of_corpus(results), corpus_root, only=known)
        for item in progress(items, what="best-layer", total=len(known), unit="utterance"):
            if not isinstance(item, Reject):
                yield item

    sample = survey(frames_of_utterances, options.sample_frames, options.seed).frames
    books = [
        _codebook_of(frames, num_clusters, encoder, options) for frames in encoder.by_layer(sample)
    ]
    tallies = [QualityTally(num_clusters, encoder.rate_hz) for _ in books]
    for name, frames in frames_of_utterances():
        speaker, phones = known[name]
        for tally, book, own in zip(tallies, books, encoder.by_layer(frames), strict=True):
            tally.add(speaker, book.label(own), phones)
    found = [tally.quality() for tally in tallies]
    pnmi = {layer: quality.pnmi for layer, quality in enumerate(found)}
    return {
        "layer": max(pnmi, key=pnmi.__getitem__),
        "pnmi": pnmi,
        "num_frames": found[0].num_frames,
    }


def _codebook_of(
    sample: np.ndarray, num_clusters: int, encoder: Encoder, options: KMeansOptions
) -> Codebook:
    own = np.ascontiguousarray(sample)
    options = replace(options, sample_frames=len(own), passes=0)
    return learn_codebook(lambda: iter([("sample", own)]), num_clusters, encoder.kind, options)


def phones_of_utterances(
    results: Path, reference: Path | None
) -> Iterator[tuple[str, str, list[dict]]]:
    """(utterance_id, speaker, phones on the utterance's clock) of every utterance whose phones
    are known.

    reference: the directory that holds phones.parquet; None: the table phones of the run.
    """
    known = {} if reference is None else read_phones(reference)
    for shard in shards_of_corpus(results):
        recordings = {
            row["recording_id"]: row for row in tables.rows(shard.recordings, "recordings")
        }
        aligned = {} if reference else _aligned_phones(results / "phones" / shard.utterances.name)
        for row in tables.rows(shard.utterances, "utterances"):
            name, recording = row["utterance_id"], recordings[row["recording_id"]]
            if name in aligned:
                yield name, recording["speaker"], aligned[name]
            elif row["recording_id"] in known:
                phones = known[row["recording_id"]]
                within = phones_within(phones, row["slices"], recording["sample_rate_hz"])
                yield name, recording["speaker"], within


def _aligned_phones(path: Path) -> dict[str, list[dict]]:
    phones: dict[str, list[dict]] = {}
    for row in tables.rows(path, "phones"):
        phones.setdefault(row["utterance_id"], []).append(row)
    return phones


def _pnmi_of(path: Path) -> Figure:
    found = [figure for name, figure in read_metrics(path).items() if name.endswith(".pnmi")]
    if len(found) != 1:
        raise ValueError(f"{path} holds no pnmi; give a file that `aubert evaluate units` wrote")
    return found[0]


def _figures(key: str, tally: QualityTally) -> dict[str, Figure]:
    found = tally.quality()
    n = found.num_frames
    figures = {
        name: count(getattr(found, name), n)
        for name in ("phone_purity", "cluster_purity", "dead_clusters", "mean_unit_ms")
    }
    figures["pnmi"] = Figure(found.pnmi, n, tally.pnmi_ci95())
    if not np.isnan(found.speaker_nmi):  # with one speaker there is nothing to leak
        figures["speaker_nmi"] = count(found.speaker_nmi, n)
    return {f"{key}.{name}": figure for name, figure in figures.items()}
