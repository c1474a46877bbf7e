"""Figures of the word-aligned corpus: what came out, what was lost, how exact it is.

Exactness needs a reference (the miniature corpus has one). Each such figure stands
beside a baseline that never listens: it knows where the chapter's text begins and ends,
and spreads it evenly over the time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from aubert import tables
from aubert.corpus.books import Bookshelf
from aubert.evaluate.against_reference import Tally
from aubert.evaluate.metrics import Figure, count, mean
from aubert.evaluate.reference import read_reference
from aubert.progress import progress

# stage -> its output table and the column that names an input of the stage
STAGES = {
    "index": ("recordings", "recording_id"),
    "cut": ("utterances", "recording_id"),
    "transcribe": ("transcripts", "utterance_id"),
    "match": ("matches", "utterance_id"),
    "refine": ("refined", "utterance_id"),
    "words": ("words", "utterance_id"),
}


def evaluate_dataset(
    results: Path, shelf: Bookshelf, reference: Path | None, more_stages: Sequence[str] = ()
) -> dict[str, Figure | None]:
    """Every figure of the run below `results` (<results_dir>/<name>).

    more_stages: that are not of the dataset, and whose rejects are counted too. Raises ValueError
    when a stage's accounts do not balance.
    """
    shards = sorted(path.name for path in (results / "recordings").glob("*.parquet"))
    figures = {**_accounts(results, shards), **_sizes(results, shards)}
    for stage in more_stages:
        figures[f"rejects.{stage}"] = _rejects_of(results / "rejects" / stage, shards)
    if reference is not None:
        tally = Tally(shelf, read_reference(reference))
        for shard in progress(shards, what="metrics", total=len(shards), unit="shard"):
            tally.add(*(_rows(results, name, shard) for name in Tally.TABLES))
        figures.update(tally.figures())
    return figures


def _accounts(results: Path, shards: list[str]) -> dict[str, Figure]:
    """`rejects.<stage>` of n inputs, after the check that nothing was lost on the way."""
    figures = {}
    for stage, (table, id_column) in STAGES.items():
        num_in = num_out = num_rejected = 0
        for shard in shards:
            path = results / table / shard
            num_in += int(tables.metadata(path)["aubert.ids_in"])
            column = tables.read(path, table, [id_column])[id_column]
            num_out += pc.count_distinct(column).as_py()
            rejects = tables.read(results / "rejects" / stage / shard, "rejects", ["id"])
            num_rejected += rejects.num_rows
        if num_in != num_out + num_rejected:
            raise ValueError(
                f"{stage}: {num_in} in, but {num_out} out + {num_rejected} rejected; "
                f"delete {results / table} and run again"
            )
        figures[f"rejects.{stage}"] = count(num_rejected, num_in)
    return figures


def _rejects_of(directory: Path, shards: list[str]) -> Figure:
    num_in = sum(int(tables.metadata(directory / shard)["aubert.ids_in"]) for shard in shards)
    num_rejected = sum(tables.read(directory / shard, "rejects", []).num_rows for shard in shards)
    return count(num_rejected, num_in)


def _sizes(results: Path, shards: list[str]) -> dict[str, Figure | None]:
    hours = {"recordings": 0.0, "utterances": 0.0}
    num_rows = {table: 0 for table, _ in STAGES.values()}
    similarity, confidence = [], []
    speakers: set[str] = set()  # one may be in several shards
    for shard in shards:
        recordings = list(_rows(results, "recordings", shard))
        rates_hz = {row["recording_id"]: row["sample_rate_hz"] for row in recordings}
        speakers |= {row["speaker"] for row in recordings}
        for table in hours:
            columns = tables.read(results / table / shard, table, ["recording_id", "num_samples"])
            for recording_id, num_samples in zip(*columns.to_pydict().values(), strict=True):
                hours[table] += num_samples / rates_hz[recording_id] / 3600
        for table in num_rows:
            num_rows[table] += tables.read(results / table / shard, table, []).num_rows
        similarity.append(_column(results, "refined", shard, "similarity"))
        confidence.append(_column(results, "words", shard, "confidence"))
    return {
        "corpus.speakers": count(len(speakers), len(speakers)),
        "corpus.recordings": count(num_rows["recordings"], num_rows["recordings"]),
        "corpus.hours": count(hours["recordings"], num_rows["recordings"]),
        "corpus.utterances": count(num_rows["utterances"], num_rows["utterances"]),
        "corpus.speech_hours": count(hours["utterances"], num_rows["utterances"]),
        "corpus.words": count(num_rows["words"], num_rows["words"]),
        "match.similarity_mean": mean(np.concatenate(similarity)),
        "words.confidence_mean": mean(np.concatenate(confidence)),
    }


def _rows(results: Path, table: str, shard: str) -> Iterator[dict]:
    return tables.rows(results / table / shard, table)


def _column(results: Path, table: str, shard: str, column: str) -> np.ndarray:
    return tables.read(results / table / shard, table, [column])[column].to_numpy()
