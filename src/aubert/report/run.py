"""What a section of the report is made from: the results of one run, a shard at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aubert import tables
from aubert.corpus.books import BookError, Bookshelf
from aubert.evaluate.metrics import Figure, read_metrics


@dataclass(frozen=True)
class Run:
    """results: <results_dir>/<name>. root, shelf: the corpus and its books. config: the whole.
    reference: the folder of true words and times, where there is one."""

    results: Path
    root: Path
    shelf: Bookshelf
    config: Mapping[str, Any]
    reference: Path | None = None

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """Of the run, and of stages that were asked for by name beside it."""
        found: dict[str, Figure] = {}
        for path in sorted(self.results.glob("*/*.json")):
            with suppress(ValueError):  # another json
                found |= read_metrics(path)
        return found | read_metrics(self.results / "metrics.json")

    @cached_property
    def shards(self) -> list[str]:
        return sorted(path.stem for path in (self.results / "recordings").glob("*.parquet"))

    def read(self, table: str, shard: str, columns: list[str]) -> pa.Table:
        """Some columns of a shard's table."""
        return tables.read(self.results / table / f"{shard}.parquet", table, columns)

    def column(self, table: str, column: str) -> Iterator[np.ndarray]:
        """A column of numbers, a shard at a time."""
        for shard in self.shards:
            yield self.read(table, shard, [column])[column].to_numpy()

    def rejects(self, stage: str, shard: str) -> pa.Table:
        return tables.read(self.results / "rejects" / stage / f"{shard}.parquet", "rejects")

    def rows_of(self, table: str, ids: Collection[str]) -> dict[str, list[dict]]:
        """The rows of some ids of the table's first key column; only they become dicts."""
        found: dict[str, list[dict]] = {one: [] for one in ids}
        for row in tables.rows_of_ids(self.results, table, ids):
            found[row[tables.TABLES[table].key[0]]].append(row)
        return found

    def text(self, book_id: str) -> str:
        """Of a book; empty where it went away since the run."""
        try:
            return self.shelf.text(book_id)
        except BookError:
            return ""

    def seconds(self, shard: str) -> tuple[pa.Table, pa.Table]:
        """(recording_id, seconds) of the shard's recordings, and (utterance_id, recording_id,
        seconds) of its utterances."""
        recordings = self.read(
            "recordings", shard, ["recording_id", "sample_rate_hz", "num_samples"]
        )
        utterances = self.read("utterances", shard, ["utterance_id", "recording_id", "num_samples"])
        place = pc.index_in(utterances["recording_id"], recordings["recording_id"])
        rates = recordings["sample_rate_hz"].take(place)
        return (
            pa.table(
                {
                    "recording_id": recordings["recording_id"],
                    "seconds": _seconds(recordings["num_samples"], recordings["sample_rate_hz"]),
                }
            ),
            pa.table(
                {
                    "utterance_id": utterances["utterance_id"],
                    "recording_id": utterances["recording_id"],
                    "seconds": _seconds(utterances["num_samples"], rates),
                }
            ),
        )


def _seconds(num_samples: pa.ChunkedArray, rates_hz: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.divide(pc.cast(num_samples, pa.float64()), pc.cast(rates_hz, pa.float64()))
