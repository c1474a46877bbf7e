"""Figures of the word-aligned corpus: what came out, what was lost, how exact it is.

Exactness needs a reference (the miniature corpus has one). Each such figure stands
beside a baseline that never listens: it knows where the chapter's text begins and ends,
and spreads it evenly over the time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from aubert import tables
from aubert.corpus.books import Bookshelf
from aubert.corpus.held_out import NOTHING, HeldOut
from aubert.evaluate.against_reference import Tally, figures_of
from aubert.evaluate.metrics import Figure, count, mean_of_sums
from aubert.evaluate.reference import read_reference

# stage -> its output table and the column that names an input of the stage
STAGES = {
    "index": ("recordings", "recording_id"),
    "cut": ("utterances", "recording_id"),
    "transcribe": ("transcripts", "utterance_id"),
    "match": ("matches", "utterance_id"),
    "refine": ("refined", "utterance_id"),
    "words": ("words", "utterance_id"),
}

# (table, column) -> the figure that is the column's mean
MEANS = {
    ("refined", "similarity"): "match.similarity_mean",
    ("words", "confidence"): "words.confidence_mean",
}


def measure_shard(
    results: Path,
    shard: str,
    shelf: Bookshelf,
    reference: Path | None,
    held_out: HeldOut = NOTHING,
) -> dict:
    """What the figures of a run are made of, of one shard below `results` (<results_dir>/<name>).

    {"sums": numbers that add up over shards, "speakers": of each speaker, who may be in several
    shards, the sums of MEANS as [sum, sum of squares, number], "values": what Tally collects
    against the reference}. Raises ValueError when a stage's accounts do not balance.
    """
    name = f"{shard}.parquet"
    sums = {**_accounts(results, name), **_sizes(results, name)}
    values: dict[str, dict] = {}
    if reference is not None:
        recordings = tables.read(results / "recordings" / name, "recordings", ["recording_id"])
        tally = Tally(shelf, read_reference(reference, recordings["recording_id"]), held_out)
        tally.add(*(tables.rows(results / table / name, table) for table in Tally.TABLES))
        values = tally.values
    return {"sums": sums, "speakers": _by_speaker(results, name), "values": values}


def merge_shards(
    shards: Iterable[dict], results: Path, more_stages: Sequence[str] = ()
) -> dict[str, Figure | None]:
    """Every figure of the run, from what `measure_shard` found.

    more_stages: that are not of the dataset, and whose rejects are counted too.
    """
    sums: Counter[str] = Counter()
    means: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
    values: dict[str, dict[str, list]] = defaultdict(lambda: defaultdict(list))
    for shard in shards:
        sums.update(shard["sums"])
        for speaker, own in shard["speakers"].items():
            for name, added in own.items():
                known = means[name].get(speaker, np.zeros(3))
                means[name][speaker] = known + added
        for name, found in shard["values"].items():
            for speaker, outcomes in found.items():
                values[name][speaker] += outcomes
    num_speakers = len(means["similarity"])
    figures = {**_figures(sums), "corpus.speakers": count(num_speakers, num_speakers)}
    for (_, column), key in MEANS.items():
        figures[key] = mean_of_sums(means[column])
    for stage in more_stages:
        figures[f"rejects.{stage}"] = _rejects_of(results / "rejects" / stage)
    return {**figures, **(figures_of(values) if values else {})}


def _accounts(results: Path, shard: str) -> dict[str, int]:
    """Of each stage: how many went in and were rejected, after the check that none was lost."""
    sums = {}
    for stage, (table, id_column) in STAGES.items():
        path = results / table / shard
        num_in = int(tables.metadata(path)["aubert.ids_in"])
        num_out = pc.count_distinct(tables.read(path, table, [id_column])[id_column]).as_py()
        num_rejected = tables.read(results / "rejects" / stage / shard, "rejects", []).num_rows
        if num_in != num_out + num_rejected:
            raise ValueError(
                f"{stage}: {num_in} in, but {num_out} out + {num_rejected} rejected; "
                f"delete {path} and run again"
            )
        sums |= {f"{stage}.in": num_in, f"{stage}.rejected": num_rejected}
    return sums


def _sizes(results: Path, shard: str) -> dict[str, float]:
    sums: dict[str, float] = {
        f"{table}.rows": tables.read(results / table / shard, table, []).num_rows
        for table, _ in STAGES.values()
    }
    recordings = tables.read(
        results / "recordings" / shard, "recordings", ["recording_id", "sample_rate_hz"]
    )
    for table in ("recordings", "utterances"):
        rows = tables.read(results / table / shard, table, ["recording_id", "num_samples"])
        place = pc.index_in(rows["recording_id"], value_set=recordings["recording_id"])
        rates_hz = recordings["sample_rate_hz"].take(place).to_numpy()
        sums[f"{table}.hours"] = float((rows["num_samples"].to_numpy() / rates_hz).sum()) / 3600
    return sums


def _by_speaker(results: Path, shard: str) -> dict[str, dict[str, list[float]]]:
    """Of every speaker of the shard the sums of MEANS."""
    recordings = tables.read(
        results / "recordings" / shard, "recordings", ["recording_id", "speaker"]
    )
    utterances = tables.read(
        results / "utterances" / shard, "utterances", ["utterance_id", "recording_id"]
    )
    names = pc.unique(recordings["speaker"])
    of_recording = pc.index_in(recordings["speaker"], value_set=names)
    place = pc.index_in(utterances["recording_id"], value_set=recordings["recording_id"])
    of_utterance = of_recording.take(place)
    sums: dict[str, dict[str, list[float]]] = {name: {} for name in names.to_pylist()}
    for table, column in MEANS:
        rows = tables.read(results / table / shard, table, ["utterance_id", column])
        place = pc.index_in(rows["utterance_id"], value_set=utterances["utterance_id"])
        speaker, found = of_utterance.take(place).to_numpy(), rows[column].to_numpy()
        parts = [
            np.bincount(speaker, weights, minlength=len(names))
            for weights in (found, np.square(found), np.ones(len(found)))
        ]
        for name, own in zip(sums, np.stack(parts, axis=1).tolist(), strict=True):
            sums[name][column] = own
    return sums


def _figures(sums: Mapping[str, float]) -> dict[str, Figure | None]:
    rows = {table: sums[f"{table}.rows"] for table, _ in STAGES.values()}
    return {
        **{
            f"rejects.{stage}": count(sums[f"{stage}.rejected"], sums[f"{stage}.in"])
            for stage in STAGES
        },
        "corpus.recordings": count(rows["recordings"], rows["recordings"]),
        "corpus.hours": count(sums["recordings.hours"], rows["recordings"]),
        "corpus.utterances": count(rows["utterances"], rows["utterances"]),
        "corpus.speech_hours": count(sums["utterances.hours"], rows["utterances"]),
        "corpus.words": count(rows["words"], rows["words"]),
    }


def _rejects_of(directory: Path) -> Figure:
    shards = sorted(directory.glob("*.parquet"))
    num_in = sum(int(tables.metadata(path)["aubert.ids_in"]) for path in shards)
    return count(sum(tables.read(path, "rejects", []).num_rows for path in shards), num_in)
