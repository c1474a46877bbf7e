"""Quality of a corpus's units against phones with times."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aubert import tables
from aubert.corpus.clips import drawn
from aubert.corpus.held_out import NOTHING, HeldOut
from aubert.evaluate.intervals import interval
from aubert.evaluate.metrics import Figure, count, read_metrics
from aubert.evaluate.reference import phones_within, read_phones
from aubert.progress import progress
from aubert.stage import Reject
from aubert.units.codebook import Codebook, learn_codebook
from aubert.units.encoder_features import Encoder
from aubert.units.features import ShardTables, features, shards_of_corpus
from aubert.units.kmeans import KMeansOptions
from aubert.units.labels import Labels
from aubert.units.quality import QualityTally
from aubert.units.sample import survey

# What ranks layers: 20 hours of speech, and frames of all layers that a GPU's machine has room for.
_COMPARED_UTTERANCES = 3_000
_SAMPLE_BYTES = 2_000_000_000
_PNMI_DRAWS = 200  # for a standard deviation within 5%


def measure(
    results: Path, labels: Labels, reference: Path | None, *, key: str, baseline: Path | None
) -> dict[str, Figure]:
    """The figures `<key>.pnmi` and so on of a corpus's labels against its phones.

    reference: as `phones_of_utterances` takes it. baseline: a file of figures, whose pnmi
    becomes `<key>.pnmi.baseline`. Raises ValueError when no labelled utterance has phones.
    """
    figures = _figures(key, tally(results, labels, reference))
    if baseline is not None:
        figures[f"{key}.pnmi.baseline"] = _pnmi_of(baseline)
    return figures


def tally(results: Path, labels: Labels, reference: Path | None) -> QualityTally:
    """Phones, units and speakers of every utterance that has labels and phones.

    labels: with a label set named as each shard. reference: as `phones_of_utterances` takes it
    """
    found = QualityTally(labels.num_units, labels.rate_hz)
    for shard, utterances in phones_of_shards(results, reference):
        own = labels.shard(shard.utterances.stem)
        for utterance_id, speaker, phones in utterances if own is not None else ():
            if utterance_id in own:
                found.add(speaker, own.of(utterance_id), phones)
    return found


def best_layer(
    results: Path,
    corpus_root: Path,
    encoder: Encoder,
    reference: Path | None,
    num_clusters: int,
    options: KMeansOptions,
    held_out: HeldOut = NOTHING,
) -> dict:
    """{layer, pnmi: {layer: pnmi}, num_frames}: which layer's units share most information with the
    phones.

    encoder: that reads all layers. held_out: what the choice is not made on. Takes two passes over
    utterances with phones, of which _COMPARED_UTTERANCES are drawn by hash: one draws a sample, on
    which each layer's codebook is learned (options.passes has no effect), one labels. Memory: up to
    five times the sample, of sample_frames or _SAMPLE_BYTES.
    """
    ids = (
        name
        for shard, utterances in phones_of_shards(results, reference)
        for unread in [held_out.utterances_of(*shard)]
        for name, _, _ in utterances
        if name not in unread
    )
    chosen = set(drawn(ids, _COMPARED_UTTERANCES))

    def utterances() -> Iterator[tuple[str, np.ndarray, str, list[dict]]]:
        for shard, items in phones_of_shards(results, reference):
            known = {name: rest for name, *rest in items if name in chosen}
            for item in features(encoder, [shard], corpus_root, only=known):
                if not isinstance(item, Reject):
                    yield *item, *known[item[0]]

    def shown() -> Iterator[tuple[str, np.ndarray, str, list[dict]]]:
        return progress(utterances(), what="best-layer", total=len(chosen), unit="utterance")

    size = min(options.sample_frames, _SAMPLE_BYTES // (4 * encoder.num_columns))
    sample = survey(lambda: (item[:2] for item in shown()), size, options.seed).frames
    books = [
        _codebook_of(frames, num_clusters, encoder, options) for frames in encoder.by_layer(sample)
    ]
    tallies = [QualityTally(num_clusters, encoder.rate_hz) for _ in books]
    for _, frames, speaker, phones in shown():
        for one, book, own in zip(tallies, books, encoder.by_layer(frames), strict=True):
            one.add(speaker, book.label(own), phones)
    found = [one.quality() for one in tallies]
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
    for _, utterances in phones_of_shards(results, reference):
        yield from utterances


def phones_of_shards(
    results: Path, reference: Path | None
) -> Iterator[tuple[ShardTables, Iterator[tuple[str, str, list[dict]]]]]:
    """Each shard, and what `phones_of_utterances` gives of it."""
    known = {} if reference is None else read_phones(reference)
    for shard in shards_of_corpus(results):
        if reference is None:
            yield shard, _aligned_of_shard(results, shard)
        else:
            yield shard, _known_of_shard(shard, known)


def _known_of_shard(
    shard: ShardTables, known: dict[str, list[dict]]
) -> Iterator[tuple[str, str, list[dict]]]:
    for row, recording in _utterances(shard, "recording_id", known):
        phones = known[row["recording_id"]]
        within = phones_within(phones, row["slices"], recording["sample_rate_hz"])
        yield row["utterance_id"], recording["speaker"], within


def _aligned_of_shard(results: Path, shard: ShardTables) -> Iterator[tuple[str, str, list[dict]]]:
    aligned = _aligned_phones(results / "phones" / shard.utterances.name)
    for row, recording in _utterances(shard, "utterance_id", aligned):
        yield row["utterance_id"], recording["speaker"], aligned[row["utterance_id"]]


def _utterances(
    shard: ShardTables, column: str, known: Collection[str]
) -> Iterator[tuple[dict, dict]]:
    """(utterance, its recording) where the utterance's `column` is known."""
    recordings = tables.read(
        shard.recordings, "recordings", ["recording_id", "speaker", "sample_rate_hz"]
    )
    of = {row["recording_id"]: row for row in recordings.to_pylist()}
    found = tables.read(shard.utterances, "utterances", ["utterance_id", "recording_id", "slices"])
    there = pc.is_in(found[column], pa.array(list(known), pa.string()))
    for row in found.filter(there).to_pylist():
        yield row, of[row["recording_id"]]


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


def pnmi_figure(tally: QualityTally) -> Figure:
    """pnmi; the interval is the spread over draws of speakers, or of utterances, around it.

    Not the draws' percentiles: a draw repeats utterances, and the fewer there are, the higher is
    the mutual information that chance alone gives.
    """
    found = tally.quality()
    owners = {"speakers": tally.speakers, "utterances": range(len(tally.speakers))}
    ends = interval(tally.pnmi_of_draws(), owners, centre=found.pnmi, draws=_PNMI_DRAWS)
    if ends is None:
        return Figure(found.pnmi, found.num_frames)
    within = (max(0.0, ends.low), min(1.0, ends.high))
    return Figure(found.pnmi, found.num_frames, within, (ends.unit, ends.number))


def _figures(key: str, tally: QualityTally) -> dict[str, Figure]:
    found = tally.quality()
    n = found.num_frames
    figures = {
        name: count(getattr(found, name), n)
        for name in ("phone_purity", "cluster_purity", "dead_clusters", "mean_unit_ms")
    }
    figures["pnmi"] = pnmi_figure(tally)
    if not np.isnan(found.speaker_nmi):  # with one speaker there is nothing to leak
        figures["speaker_nmi"] = count(found.speaker_nmi, n)
    return {f"{key}.{name}": figure for name, figure in figures.items()}
