"""Every table of the pipeline: its schema, and how it is read and written.

One Parquet file per shard. A file appears under its final name only when it is
complete and valid: rows go to a temporary file beside it, which is renamed at
the end. Units stand in the column names (`_ms`, `_s`, `_hz`, `_sample`);
`char_*` columns are offsets into the book's text exactly as `corpus.books`
decodes it. All intervals are half-open: [start, end).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aubert.files import complete

ROWS_PER_GROUP = 50_000  # bounds the memory of writing, whatever the size of the shard


def _field(name: str, kind: pa.DataType, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable)


def _struct(**kinds: pa.DataType) -> pa.DataType:
    return pa.struct([_field(name, kind) for name, kind in kinds.items()])


def _list(kind: pa.DataType) -> pa.DataType:
    return pa.list_(_field("item", kind))


INTERVAL_S = _struct(start_s=pa.float64(), end_s=pa.float64())
SLICE = _struct(start_sample=pa.int64(), end_sample=pa.int64())

# One stretch of an utterance's text. READ: book characters that were spoken (and
# the transcript characters of them); SKIPPED: book characters that were
# not spoken; EXTRA: transcript characters that are not in the book.
RUN = _struct(
    label=pa.string(),
    char_start=pa.int64(),
    char_end=pa.int64(),
    text_start=pa.int64(),
    text_end=pa.int64(),
)

_MATCH_FIELDS = [
    _field("utterance_id", pa.string()),
    _field("book_id", pa.string()),
    _field("char_start", pa.int64()),
    _field("char_end", pa.int64()),
    _field("similarity", pa.float64()),  # of the normalised texts, 0..1
    _field("raw_similarity", pa.float64()),  # of the texts as written, 0..1
    _field("status", pa.string()),
    _field("language", pa.string()),  # BCP 47, in which the book was read
]


@dataclass(frozen=True)
class Table:
    """A table's key (unique, and the sort order of rows within a recording) and schema.

    group_rows: rows that are written at a time; None: ROWS_PER_GROUP
    """

    key: tuple[str, ...]
    schema: pa.Schema
    group_rows: int | None = None


TABLES: dict[str, Table] = {
    "recordings": Table(
        key=("recording_id",),
        schema=pa.schema(
            [
                _field("recording_id", pa.string()),  # <subset>/<speaker>/<book_dir>/<chapter>
                _field("path", pa.string()),  # relative to corpus.root
                _field("speaker", pa.string()),
                _field("book_id", pa.string(), nullable=True),  # null: to be found by content
                _field("chapter", pa.string()),
                _field("chapter_index", pa.int32()),  # place in the book's directory, natural order
                _field("sample_rate_hz", pa.int32()),
                _field("num_samples", pa.int64()),
                _field("language", pa.string(), nullable=True),  # BCP 47; null: unknown
                _field("snr_db", pa.float64(), nullable=True),
                # null: the VAD must run
                _field("voice_activity", _list(INTERVAL_S), nullable=True),
            ]
        ),
    ),
    "books": Table(
        key=("book_id",),
        schema=pa.schema(
            [
                _field("book_id", pa.string()),
                _field("sketch", _list(pa.uint64())),  # sampled hashes of its shingles
            ]
        ),
        group_rows=500,  # of 128 kB
    ),
    "utterances": Table(
        key=("utterance_id",),
        schema=pa.schema(
            [
                _field("utterance_id", pa.string()),  # <recording_id>_<index:04>
                _field("recording_id", pa.string()),
                _field("index", pa.int32()),
                _field("slices", _list(SLICE)),  # in samples of the recording as stored
                _field("num_samples", pa.int64()),  # sum over the slices
            ]
        ),
    ),
    "transcripts": Table(
        key=("utterance_id",),
        schema=pa.schema(
            [
                _field("utterance_id", pa.string()),
                _field("text", pa.string()),  # lower-case spoken words, one space between
                _field("score", pa.float64()),  # log-probability per frame, of the backend
                _field("num_frames", pa.int32()),
            ]
        ),
    ),
    "matches": Table(key=("utterance_id",), schema=pa.schema(_MATCH_FIELDS)),
    "refined": Table(
        key=("utterance_id",), schema=pa.schema([*_MATCH_FIELDS, _field("runs", _list(RUN))])
    ),
    "words": Table(
        key=("utterance_id", "index"),
        schema=pa.schema(
            [
                _field("utterance_id", pa.string()),
                _field("index", pa.int32()),
                _field("word", pa.string()),  # as the book writes it: book[char_start:char_end]
                _field("spoken", pa.string()),  # spoken form: "mister", "eighteen forty eight"
                _field("char_start", pa.int64()),
                _field("char_end", pa.int64()),
                _field("start_ms", pa.int32()),  # in the utterance, its slices joined
                _field("end_ms", pa.int32()),
                _field("recording_start_ms", pa.int64()),
                _field("confidence", pa.float64()),  # 0..1
            ]
        ),
    ),
    "phones": Table(  # of some utterances: what units are measured against
        key=("utterance_id", "index"),
        schema=pa.schema(
            [
                _field("utterance_id", pa.string()),
                _field("index", pa.int32()),
                _field("phone", pa.string()),  # one of the 39 CMU phones
                _field("start_s", pa.float64()),  # in the utterance, its slices joined
                _field("end_s", pa.float64()),
            ]
        ),
    ),
    "pairs": Table(
        key=("utterance_id", "word_index", "num_words"),
        schema=pa.schema(
            [
                _field("utterance_id", pa.string()),
                _field("word_index", pa.int32()),  # of the first word, in the words table
                _field("num_words", pa.int32()),  # spoken ones
                _field("ngram", pa.string()),  # spoken form: "of the"
                _field("speaker", pa.string()),
                _field("book_id", pa.string()),
                _field("split", pa.string()),  # train, held_out_book, held_out_speaker
                _field("char_start", pa.int64()),
                _field("char_end", pa.int64()),
                _field("context_start", pa.int64()),  # the book's text around the span
                _field("context_end", pa.int64()),
                _field("recording_id", pa.string()),
                _field("slices", _list(SLICE)),  # in samples of the recording as stored
                _field("num_samples", pa.int64()),  # sum over the slices
            ]
        ),
    ),
    "rejects": Table(
        key=("stage", "id", "reason"),
        schema=pa.schema(
            [
                _field("stage", pa.string()),
                _field("id", pa.string()),
                _field("reason", pa.string()),  # one of stage.REASONS
                _field("detail", pa.string()),
            ]
        ),
    ),
    # What really happened in a synthesised recording; beside the corpus, never inside it.
    "reference_words": Table(
        key=("recording_id", "index"),
        schema=pa.schema(
            [
                _field("recording_id", pa.string()),
                _field("index", pa.int32()),
                _field("book_id", pa.string()),  # the book that was really read
                _field("label", pa.string()),  # READ, or EXTRA for speech that is not in the book
                _field("word", pa.string()),  # READ: book[char_start:char_end]; EXTRA: as spoken
                _field("spoken", pa.string()),
                _field("char_start", pa.int64(), nullable=True),  # null for EXTRA
                _field("char_end", pa.int64(), nullable=True),
                _field("start_s", pa.float64()),
                _field("end_s", pa.float64()),
            ]
        ),
    ),
    "reference_phones": Table(
        key=("recording_id", "index"),
        schema=pa.schema(
            [
                _field("recording_id", pa.string()),
                _field("index", pa.int32()),
                _field("phone", pa.string()),
                _field("start_s", pa.float64()),
                _field("end_s", pa.float64()),
            ]
        ),
    ),
    "reference_skips": Table(  # book text inside the chapter's range that was not read
        key=("recording_id", "char_start"),
        schema=pa.schema(
            [
                _field("recording_id", pa.string()),
                _field("char_start", pa.int64()),
                _field("char_end", pa.int64()),
                _field("reason", pa.string()),  # skipped_sentence, heading, epigraph, footnote
            ]
        ),
    ),
}


class Writer:
    """Writes one table, in groups of rows; the file appears only when all rows are in.

    Use as a context manager. An exception inside leaves nothing under the final name.
    """

    def __init__(self, path: str | Path, name: str, metadata: dict[str, str] | None = None):
        self.path = Path(path)
        self.table = TABLES[name]
        self._name = name
        self._schema = self.table.schema.with_metadata({"aubert.table": name, **(metadata or {})})
        self._rows: list[dict] = []
        self._keys: set[tuple] = set()
        self.num_rows = 0

    def __enter__(self) -> Writer:
        with ExitStack() as stack:
            part = stack.enter_context(complete(self.path))
            parquet = pq.ParquetWriter(part, self._schema, compression="zstd")
            self._parquet = stack.enter_context(parquet)
            self._exit = stack.pop_all()
        return self

    def append(self, row: dict) -> None:
        key = tuple(row[column] for column in self.table.key)
        if key in self._keys:
            raise ValueError(f"{self.path}: two rows of table {self._name} have the key {key}")
        self._keys.add(key)
        self._rows.append(row)
        self.num_rows += 1
        if len(self._rows) >= (self.table.group_rows or ROWS_PER_GROUP):
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        for row in self._rows:
            if row.keys() != set(self._schema.names):
                wrong = row.keys() ^ set(self._schema.names)
                raise ValueError(f"table {self._name}: missing or unknown columns {sorted(wrong)}")
        batch = pa.Table.from_pylist(self._rows, schema=self._schema)
        batch.validate(full=True)
        for name in self._schema.names:
            if not self._schema.field(name).nullable and batch[name].null_count:
                raise ValueError(f"table {self._name}: column {name} holds nulls")
        self._parquet.write_table(batch)
        self._rows = []

    def __exit__(self, *error) -> None:
        if error == (None, None, None):
            self._exit.push(lambda *_: self._flush())
        self._exit.__exit__(*error)


def write(path: str | Path, name: str, rows: Iterable[dict], metadata: dict | None = None) -> int:
    """Writes `rows` (dicts with exactly the table's columns); returns their number.

    Raises ValueError for a wrong column, a null where none may be, or a repeated key.
    """
    with Writer(path, name, metadata) as writer:
        for row in rows:
            writer.append(row)
    return writer.num_rows


def read(path: str | Path, name: str, columns: list[str] | None = None) -> pa.Table:
    """Reads one shard of table `name`.

    Raises ValueError when the file is not that table (the message names the remedy).
    """
    try:
        schema = pq.read_schema(path)
    except pa.ArrowInvalid as error:
        raise ValueError(
            f"{path} is not a Parquet file ({error}); delete it and run again"
        ) from None
    if schema.names != TABLES[name].schema.names:
        raise ValueError(
            f"{path} does not hold the table {name} of this version (its columns are "
            f"{', '.join(schema.names)}); delete it and run again"
        )
    return pq.read_table(path, columns=columns)


def rows(path: str | Path, name: str) -> Iterator[dict]:
    """The rows of one shard as dicts, in file order, a row group in memory at a time."""
    read(path, name, columns=[])  # checks the file
    for batch in pq.ParquetFile(path).iter_batches(batch_size=ROWS_PER_GROUP):
        yield from batch.to_pylist()


def shards(results: str | Path, name: str) -> list[Path]:
    """The files of a table below <results_dir>/<name>, in order of shards."""
    return sorted((Path(results) / name).glob("*.parquet"))


def all_rows(results: str | Path, name: str) -> Iterator[dict]:
    """The rows of every shard as dicts, in order of shards. A dict takes kilobytes: of a table with
    a row for each utterance, a corpus does not fit into memory."""
    for path in shards(results, name):
        yield from rows(path, name)


def all_columns(results: str | Path, name: str, columns: list[str]) -> Iterator[pa.Table]:
    """Some columns of every shard, in order of shards."""
    for path in shards(results, name):
        yield read(path, name, columns)


def rows_of_ids(results: str | Path, name: str, ids: Collection[str]) -> list[dict]:
    """The rows of some ids of the table's first key column, in order of shards. Only they become
    dicts."""
    key, wanted = TABLES[name].key[0], pa.array(list(ids), pa.string())
    found: list[dict] = []
    for path in shards(results, name):
        there = pc.is_in(read(path, name, [key])[key], wanted)
        if pc.any(there).as_py():
            found += read(path, name).filter(there).to_pylist()
    return found


def num_rows(results: str | Path, name: str) -> int:
    """Of all shards."""
    return sum(pq.read_metadata(path).num_rows for path in shards(results, name))


def drawn(names: pa.ChunkedArray, share: float) -> pa.ChunkedArray:
    """Which of the names are drawn: bools. About a share of the different names, by their hashes,
    so that no division into shards changes the draw."""
    if share >= 1:
        return pc.is_valid(names)
    limit = int(share * 2**64)
    chosen = [
        name
        for name in pc.unique(names).to_pylist()
        if int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big") < limit
    ]
    return pc.is_in(names, value_set=pa.array(chosen, pa.string()))


def metadata(path: str | Path) -> dict[str, str]:
    """What the writer noted about the table (stage, rows in)."""
    stored = pq.read_schema(path).metadata or {}
    return {key.decode(): value.decode() for key, value in stored.items()}
