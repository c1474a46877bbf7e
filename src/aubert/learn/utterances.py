"""Utterances and segments as audio, read piece by piece from the recordings that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aubert import audio, tables
from aubert.audio import SAMPLE_RATE_HZ
from aubert.corpus import held_out as held
from aubert.corpus.held_out import NOTHING, HeldOut
from aubert.corpus.slices import within
from aubert.learn.data import Piece
from aubert.units.shards import audio_of_tsv

RECORDING_COLUMNS = ["recording_id", "path", "sample_rate_hz"]
COLUMNS = ["recording_id", "num_samples", "slices"]


class Located(NamedTuple):
    """Samples [start, start + num_samples) at 16 kHz of slices of a file: small, and all that a
    process needs to read them."""

    path: str
    rate_hz: int
    slices: tuple[tuple[int, int], ...]
    start: int
    num_samples: int

    def read(self) -> np.ndarray:
        """float32 [num_samples]. Raises audio.AudioError when the file cannot be decoded."""
        if self.rate_hz == SAMPLE_RATE_HZ:
            parts = within(self.slices, self.start, self.num_samples)
            return audio.decode(self.path, parts)
        # Only the whole utterance is resampled as the other stages resample it.
        samples = audio.decode(self.path, self.slices)
        return samples[self.start : self.start + self.num_samples]


class VirtualUtterances:
    """Rows of the utterances table, or of another with its COLUMNS, as audio at 16 kHz.

    ids: pyarrow strings [num_utterances]; none where the rows have no utterance_id
    num_samples: int64 [num_utterances], at 16 kHz

    It holds some 60 bytes an utterance beside its name: a large corpus has millions.
    """

    def __init__(
        self, recordings: pa.Table, utterances: Iterable[pa.Table], corpus_root: str | Path
    ):
        """recordings: RECORDING_COLUMNS of the recordings table. utterances: one shard after the
        other. Raises ValueError where one is of a recording that is not there."""
        self._paths = [str(Path(corpus_root) / path) for path in recordings["path"].to_pylist()]
        self._rates = recordings["sample_rate_hz"].to_numpy().astype(np.int64)
        ids, recording, stored, counts, slices = [], [], [], [], []
        for table in utterances:
            if "utterance_id" in table.column_names:
                ids += table["utterance_id"].chunks
            recording.append(recording_places(table["recording_id"], recordings["recording_id"]))
            stored.append(table["num_samples"].to_numpy())
            counts.append(pc.list_value_length(table["slices"]).to_numpy())
            pieces = pc.list_flatten(table["slices"])
            ends = (pc.struct_field(pieces, name) for name in ("start_sample", "end_sample"))
            slices.append(np.stack([end.to_numpy() for end in ends], axis=1))
        self.ids = pa.chunked_array(ids, pa.string()).combine_chunks()
        self._recording = _joined(recording, np.int32)
        self._slices = np.concatenate(slices) if slices else np.empty((0, 2), np.int64)
        self._counts = _joined(counts, np.int32)
        self._first = np.cumsum(self._counts, dtype=np.int64) - self._counts
        rates = np.maximum(self._rates[self._recording], 1)
        self.num_samples = _joined(stored, np.int64) * SAMPLE_RATE_HZ // rates

    @classmethod
    def of_corpus(
        cls, results: Path, corpus_root: str | Path, held_out: HeldOut = NOTHING
    ) -> VirtualUtterances:
        """Every utterance below <results_dir>/<name> that is not held out."""
        recordings = held_out.learnable(recordings_of(results, held.COLUMNS))
        utterances = (
            table.filter(pc.is_in(table["recording_id"], recordings["recording_id"]))
            if held_out
            else table
            for table in tables.all_columns(results, "utterances", ["utterance_id", *COLUMNS])
        )
        return cls(recordings, utterances, corpus_root)

    @classmethod
    def of_manifest(cls, tsv: Path) -> VirtualUtterances:
        """Every line of fairseq's manifest; ids are its paths. Raises ValueError as audio_of_tsv
        does, and where there is none."""
        root, names, headers = audio_of_tsv(tsv)
        if not names:
            raise ValueError(f"{tsv} names no audio: a line is <path><tab><samples>")
        lengths = [header.num_samples for header in headers]
        rates = pa.array([header.sample_rate_hz for header in headers], pa.int32())
        recordings = pa.table({"recording_id": names, "path": names, "sample_rate_hz": rates})
        slices = [[{"start_sample": 0, "end_sample": length}] for length in lengths]
        utterances = pa.table(
            {
                "utterance_id": names,
                "recording_id": names,
                "num_samples": pa.array(lengths, pa.int64()),
                "slices": slices,
            }
        )
        return cls(recordings, [utterances], root)

    def take(self, indices: np.ndarray) -> VirtualUtterances:
        """Those of these indices, in their order."""
        taken = copy(self)
        taken.ids = self.ids.take(pa.array(indices)) if len(self.ids) else self.ids
        for name in ("num_samples", "_recording", "_first", "_counts"):
            setattr(taken, name, getattr(self, name)[indices])
        return taken

    def in_order_of_ids(self) -> VirtualUtterances:
        """The same, in an order that no division into shards changes."""
        return self.take(pc.sort_indices(self.ids).to_numpy())

    def located(self, piece: Piece) -> Located:
        """Where a piece is."""
        recording, first = self._recording[piece.index], self._first[piece.index]
        slices = self._slices[first : first + self._counts[piece.index]].tolist()
        rate_hz = int(self._rates[recording])
        spans = tuple((start, end) for start, end in slices)
        return Located(self._paths[recording], rate_hz, spans, piece.start, piece.num_samples)

    def read(self, piece: Piece) -> np.ndarray:
        """float32 [num_samples]. Raises audio.AudioError when the file cannot be decoded."""
        return self.located(piece).read()


def recordings_of(results: Path, more: Sequence[str] = ()) -> pa.Table:
    """RECORDING_COLUMNS and `more` of all recordings below <results_dir>/<name>."""
    columns = [*RECORDING_COLUMNS, *more]
    shards = tables.all_columns(results, "recordings", columns)
    schema = pa.schema([tables.TABLES["recordings"].schema.field(name) for name in columns])
    return pa.concat_tables([schema.empty_table(), *shards])


def recording_places(recording_ids: pa.ChunkedArray, known: pa.ChunkedArray) -> np.ndarray:
    """Where each stands among `known`, int32. Raises ValueError for one that does not."""
    places = pc.index_in(recording_ids, value_set=known)
    if places.null_count:
        missing = recording_ids.filter(pc.is_null(places))[0]
        raise ValueError(f"the recordings table lacks {missing}: run `index` and `cut` again")
    return places.to_numpy()


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.empty(0, dtype)
