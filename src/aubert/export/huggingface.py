"""A Hugging Face dataset: Parquet with the audio inside, and a card.

`datasets.load_dataset(<folder>)` reads it. What the columns are stands in the Parquet
metadata, where `datasets` keeps it (key "huggingface").
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from aubert.audio import SAMPLE_RATE_HZ
from aubert.corpus.held_out import NOTHING, HeldOut
from aubert.export.audio import flac
from aubert.export.corpus import Corpus, Utterance
from aubert.files import complete_directory

SPLITS = ("train", "test")
_ROWS_PER_GROUP = 100  # a group holds the audio of as many utterances: some 30 MB
_WORD = pa.struct(
    {
        "word": pa.string(),
        "spoken": pa.string(),
        "char_start": pa.int64(),
        "char_end": pa.int64(),
        "start_s": pa.float64(),
        "end_s": pa.float64(),
        "recording_start_s": pa.float64(),
        "recording_end_s": pa.float64(),
        "confidence": pa.float64(),
    }
)
_SCHEMA = pa.schema(
    {
        "utterance_id": pa.string(),
        "audio": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        "text": pa.string(),
        "spoken": pa.string(),
        "has_extra": pa.bool_(),
        "language": pa.string(),
        "speaker": pa.string(),
        "book_id": pa.string(),
        "chapter": pa.string(),
        "recording_id": pa.string(),
        "duration_s": pa.float64(),
        "slices": pa.list_(pa.struct({"start_s": pa.float64(), "end_s": pa.float64()})),
        "char_start": pa.int64(),
        "char_end": pa.int64(),
        "similarity": pa.float64(),
        "words": pa.list_(_WORD),
    }
)
_CARD = """---
language: [{languages}]
task_categories:
- automatic-speech-recognition
- text-to-speech
pretty_name: {name}
configs:
- config_name: default
  data_files:
{splits}
---

# {name}

{num_utterances} utterances, {hours:.2f} hours, of {num_speakers} speakers and {num_books} books:
readings aligned with the books that were read, word by word, by aubert {version}.

```python
from datasets import load_dataset

dataset = load_dataset("path/to/this/folder", split="train")
```

| column | is |
|---|---|
| `audio` | FLAC, mono, {rate_hz} Hz; the pauses between `slices` are cut out |
| `text` | what was read, as the book writes it |
| `spoken` | the same as it is spoken: lower case, numbers in words |
| `has_extra` | whether the audio also holds speech that is not in the book |
| `language` | in which it was read, BCP 47 |
| `slices` | where the utterance lies in the recording, in seconds |
| `char_start`, `char_end` | where it lies in the book's text file, in characters |
| `similarity` | of the transcript and the text, 0 to 1 |
| `words` | each word as written and as spoken, its place in the book, its confidence |
| `words`: `start_s`, `end_s` | in the utterance |
| `words`: `recording_start_s`, `recording_end_s` | in the recording |

The rights in the recordings and the books are their owners'. Name the licence before you share it.
"""


def export_huggingface(corpus: Corpus, out: Path, held_out: HeldOut = NOTHING) -> str:
    """<out>/data/train-<shard>.parquet, test-<shard>.parquet of what is held out, and README.md,
    the card."""
    from aubert import __version__

    speakers: set[str] = set()
    books: set[str] = set()
    languages: set[str] = set()
    num_utterances, seconds = 0, 0.0
    with complete_directory(out) as part:
        (part / "data").mkdir()
        for shard, utterances in corpus.by_shard():
            splits: dict[str, list[Utterance]] = {split: [] for split in SPLITS}
            for one in utterances:
                is_held_out = held_out.has(one.speaker, one.recording["book_id"])
                splits["test" if is_held_out else "train"] += [one] if one.words else []
            for split, own in splits.items():
                rows = _rows(corpus, own)
                for row in _written(part / "data" / f"{split}-{shard}.parquet", rows):
                    num_utterances += 1
                    seconds += row["duration_s"]
                    speakers.add(row["speaker"])
                    books.add(row["book_id"])
                    languages.add(row["language"].partition("-")[0])
        card = _CARD.format(
            name=corpus.results.name,
            num_utterances=num_utterances,
            hours=seconds / 3600,
            num_speakers=len(speakers),
            num_books=len(books),
            splits="\n".join(
                f"  - split: {split}\n    path: data/{split}-*.parquet"
                for split in SPLITS
                if any((part / "data").glob(f"{split}-*"))
            ),
            languages=", ".join(sorted(languages)),
            rate_hz=SAMPLE_RATE_HZ,
            version=__version__,
        )
        (part / "README.md").write_text(card, encoding="utf-8")
    return f"huggingface: {num_utterances} utterances, {seconds / 3600:.2f} hours in {out}"


def _rows(corpus: Corpus, utterances: list[Utterance]) -> Iterator[dict]:
    for utterance in utterances:
        audio = flac(corpus.root, utterance)
        if audio is None:
            continue
        refined = utterance.refined
        yield {
            "utterance_id": utterance.utterance_id,
            "audio": {"bytes": audio, "path": utterance.piece.name},
            "text": utterance.written(corpus.book(utterance.book_id)),
            "spoken": utterance.spoken,
            "has_extra": utterance.has_extra,
            "language": utterance.language,
            "speaker": utterance.speaker,
            "book_id": utterance.book_id,
            "chapter": utterance.recording["chapter"],
            "recording_id": utterance.recording["recording_id"],
            "duration_s": utterance.duration_s,
            "slices": [{"start_s": start, "end_s": end} for start, end in utterance.slices_s],
            **{name: refined[name] for name in ("char_start", "char_end", "similarity")},
            "words": [word._asdict() for word in utterance.words],
        }


def _written(path: Path, rows: Iterator[dict]) -> Iterator[dict]:
    """Passes on the rows that it writes. A shard without any makes no file."""
    features = {
        "info": {"features": {name: _feature(_SCHEMA.field(name)) for name in _SCHEMA.names}}
    }
    schema = _SCHEMA.with_metadata({"huggingface": json.dumps(features)})
    writer, group = None, []
    for row in rows:
        writer = writer or pq.ParquetWriter(path, schema, compression="zstd")
        group.append(row)
        if len(group) == _ROWS_PER_GROUP:
            writer.write_table(pa.Table.from_pylist(group, schema))
            group = []
        yield row
    if writer:
        if group:
            writer.write_table(pa.Table.from_pylist(group, schema))
        writer.close()


def _feature(field: pa.Field) -> dict | list:
    """A column's type as `datasets` notes it (Features.to_dict)."""
    if field.name == "audio":
        return {"sampling_rate": SAMPLE_RATE_HZ, "_type": "Audio"}
    return _value(field.type)


def _value(kind: pa.DataType) -> dict | list:
    if pa.types.is_list(kind):
        return [_value(kind.value_type)]
    if pa.types.is_struct(kind):
        return {kind.field(n).name: _value(kind.field(n).type) for n in range(kind.num_fields)}
    names = {
        pa.string(): "string",
        pa.int64(): "int64",
        pa.float64(): "float64",
        pa.bool_(): "bool",
    }
    return {"dtype": names[kind], "_type": "Value"}
