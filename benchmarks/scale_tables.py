"""Tables of a run on a part of Libri-Light's 60,000 hours, as the dataset flow and the labelling
would have written them: 219,041 recordings of 16.4 minutes by 7,439 speakers, 38 utterances of 26 s
each, 65 words an utterance, a hundred million pairs.

Numbers of recordings and speakers are Libri-Light's, how much each speaker read is drawn. All
recordings are one file of noise in bursts, and the books links to 20 texts. Labels are zeros in
sparse files. Written a shard at a time, by columns.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import soundfile

from aubert import tables
from aubert.corpus.shards import shard_names, shard_of
from aubert.evaluate.dataset import STAGES

SPEAKERS, RECORDINGS, SHARDS, BOOKS = 7_439, 219_041, 1_024, 10_000
RATE_HZ, SECONDS = 16_000, 983
UTTERANCES, SLICES, UTTERANCE_SAMPLES = 38, 3, 25 * RATE_HZ
WORDS, PAIRS_A_RECORDING = 65, 440
BOOK_WORDS = 100_000
LABEL_SETS = {"mfcc": (100, 100.0), "iter1_layer6": (500, 50.0)}  # clusters, labels a second
PHONES_S = 3_600  # of a shard, as units.phones.max_minutes
VOCABULARY = [a + b + c for a in "bdfgklmnprst" for b in "aeiou" for c in ("", "n", "rs", "led")]


class Corpus:
    """A share of the whole, below `house`. hours: of audio"""

    def __init__(self, house: Path, share: float):
        self.house, self.results = house, house / "results"
        self.shards = shard_names(max(2, round(SHARDS * share)))
        self.books = [str(book) for book in range(max(20, round(BOOKS * share)))]
        self.counts = _recordings_of_speakers(
            round(RECORDINGS * share), max(4, round(SPEAKERS * share))
        )
        self.hours = sum(self.counts.values()) * SECONDS / 3600
        self.random = np.random.default_rng(0)

    def write(self) -> None:
        """Goes on where it was broken off."""
        if not (self.house / "audio/one.flac").exists():
            self._write_sources()
        speakers: dict[int, list[str]] = {}
        for speaker in self.counts:
            speakers.setdefault(shard_of(speaker, len(self.shards)), []).append(speaker)
        for number, shard in enumerate(self.shards):
            if not (self.labels("iter1_layer6") / shard / "labels.json").exists():
                self.random = np.random.default_rng([0, number])
                self._write_shard(shard, speakers.get(number, []))

    def _write_sources(self) -> None:
        texts, books = self.house / "texts", self.house / "books"
        texts.mkdir(parents=True)
        books.mkdir()
        for number in range(20):
            words = self.random.choice(VOCABULARY, BOOK_WORDS)
            lines = (" ".join(words[at : at + 12]) for at in range(0, BOOK_WORDS, 12))
            (texts / f"{number}.txt").write_text(".\n".join(lines))
        for number, book in enumerate(self.books):
            (books / f"{book}.txt").hardlink_to(texts / f"{number % 20}.txt")
        noise = self.random.standard_normal(SECONDS * RATE_HZ).astype(np.float32) / 20
        noise[np.arange(len(noise)) // 4_000 % 3 == 2] /= 100  # pauses
        (self.house / "audio").mkdir()
        soundfile.write(self.house / "audio/one.flac", noise, RATE_HZ)

    def _write_shard(self, shard: str, speakers: list[str]) -> None:
        counts = [self.counts[speaker] for speaker in speakers]
        num = sum(counts)
        speaker = pa.array(np.repeat(np.array(speakers, dtype=object), counts), pa.string())
        folders = pc.binary_join_element_wise("large", speaker, "a_book_librivox_64kb_mp3", "/")
        names = pa.array([f"chapter_{number:05}_64kb" for number in range(num)], pa.string())
        recording_id = pc.binary_join_element_wise(folders, names, "/")
        book = pa.array(self.random.choice(self.books, num).astype(object), pa.string())
        self._table("recordings", shard, {
            "recording_id": recording_id, "path": ["one.flac"] * num, "speaker": speaker,
            "book_id": book, "chapter": names, "chapter_index": np.arange(num),
            "sample_rate_hz": np.full(num, RATE_HZ), "num_samples": np.full(num, SECONDS * RATE_HZ),
            "snr_db": np.full(num, 9.5), "voice_activity": pa.nulls(num),
            "language": ["en"] * num,
        })  # fmt: skip
        of = np.repeat(np.arange(num), UTTERANCES)
        index = np.tile(np.arange(UTTERANCES), num)
        numbers = pa.array([f"{number:04}" for number in range(UTTERANCES)])
        recording = recording_id.take(of)
        utterance_id = pc.binary_join_element_wise(recording, numbers.take(pa.array(index)), "_")
        starts = index * (UTTERANCE_SAMPLES + RATE_HZ // 2)
        length = UTTERANCE_SAMPLES // SLICES
        slices = starts[:, None] + np.arange(SLICES) * (length + RATE_HZ // 8)
        self._table("utterances", shard, {
            "utterance_id": utterance_id, "recording_id": recording, "index": index,
            "slices": _slices(slices.ravel(), length, SLICES),
            "num_samples": np.full(len(of), SLICES * length),
        })  # fmt: skip
        self._write_places(shard, utterance_id, book.take(of))
        self._write_words(shard, utterance_id, index, starts)
        self._write_pairs(shard, recording_id, speaker, book)
        self._write_labels(shard, utterance_id)

    def _write_places(self, shard: str, utterance_id: pa.Array, book: pa.Array) -> None:
        num = len(utterance_id)
        texts = [" ".join(self.random.choice(VOCABULARY, WORDS)) for _ in range(200)]
        text = pa.array(texts).take(pa.array(self.random.integers(0, 200, num)))
        self._table("transcripts", shard, {
            "utterance_id": utterance_id, "text": text, "score": np.full(num, -0.1),
            "num_frames": np.full(num, UTTERANCE_SAMPLES // 320),
        })  # fmt: skip
        start = self.random.integers(0, 4 * BOOK_WORDS, num)
        match = {
            "utterance_id": utterance_id, "book_id": book, "char_start": start,
            "char_end": start + 300, "similarity": self.random.uniform(0.8, 1, num),
            "raw_similarity": self.random.uniform(0.6, 0.9, num), "status": ["placed"] * num,
            "language": ["en"] * num,
        }  # fmt: skip
        self._table("matches", shard, match)
        labels = pa.array(["READ", "EXTRA", "READ"] * num)
        edges = {
            "char_start": (start[:, None] + [0, 150, 150]).ravel(),
            "char_end": (start[:, None] + [150, 150, 300]).ravel(),
            "text_start": np.tile([0, 140, 150], num), "text_end": np.tile([140, 150, 280], num),
        }  # fmt: skip
        runs = pa.StructArray.from_arrays([labels, *map(pa.array, edges.values())],
                                          fields=list(tables.RUN))  # fmt: skip
        offsets = pa.array(np.arange(num + 1) * 3, pa.int32())
        self._table("refined", shard, {**match, "runs": _list(offsets, runs)})

    def _write_words(self, shard: str, utterance_id, index, starts) -> None:
        num = len(utterance_id) * WORDS
        word = pa.array(VOCABULARY).take(pa.array(self.random.integers(0, len(VOCABULARY), num)))
        place = np.tile(np.arange(WORDS), len(utterance_id))
        begin = place * (25_000 // WORDS)
        chars = np.repeat(self.random.integers(0, 4 * BOOK_WORDS, len(utterance_id)), WORDS)
        self._table("words", shard, {
            "utterance_id": utterance_id.take(np.repeat(np.arange(len(utterance_id)), WORDS)),
            "index": place, "word": word, "spoken": word, "char_start": chars + 5 * place,
            "char_end": chars + 5 * place + 4, "start_ms": begin, "end_ms": begin + 300,
            "recording_start_ms": np.repeat(starts // 16, WORDS) + begin,
            "confidence": self.random.uniform(0.3, 1, num).astype(np.float32),
        })  # fmt: skip
        some = min(len(utterance_id), PHONES_S // 25)
        num, each = some * 300, 300
        phone = pa.array(["AA", "B", "S", "T"]).take(pa.array(self.random.integers(0, 4, num)))
        begin = np.tile(np.arange(each) / 12, some)
        self._table("phones", shard, {
            "utterance_id": utterance_id.take(np.repeat(np.arange(some), each)),
            "index": np.tile(np.arange(each), some), "phone": phone, "start_s": begin,
            "end_s": begin + 1 / 12,
        })  # fmt: skip

    def _write_pairs(self, shard: str, recording_id, speaker, book) -> None:
        num = len(recording_id) * PAIRS_A_RECORDING
        of = np.repeat(np.arange(len(recording_id)), PAIRS_A_RECORDING)
        number = np.tile(np.arange(PAIRS_A_RECORDING), len(recording_id))
        ids = pa.array([f"{one % UTTERANCES:04}" for one in range(PAIRS_A_RECORDING)])
        recording = recording_id.take(of)
        char = 700 * number
        start = number % UTTERANCES * (UTTERANCE_SAMPLES + RATE_HZ // 2) + 500 * number
        split = pa.array(["train"] * 24 + ["held_out_speaker"])
        self._table("pairs", shard, {
            "utterance_id": pc.binary_join_element_wise(recording, ids.take(pa.array(number)), "_"),
            "word_index": number // UTTERANCES, "num_words": np.ones(num, int),
            "ngram": pa.array(VOCABULARY).take(pa.array(self.random.integers(0, 240, num))),
            "speaker": speaker.take(of), "book_id": book.take(of),
            "split": split.take(pa.array(of // PAIRS_A_RECORDING % 25)),
            "char_start": char, "char_end": char + 6, "context_start": np.maximum(char - 512, 0),
            "context_end": char + 518, "recording_id": recording,
            "slices": _slices(start, 8_000, 1), "num_samples": np.full(num, 8_000),
        })  # fmt: skip

    def _write_labels(self, shard: str, utterance_id: pa.Array) -> None:
        names = "".join(f"{name}\n" for name in utterance_id.to_pylist())
        for kind, (num_clusters, rate_hz) in LABEL_SETS.items():
            folder = self.labels(kind) / shard
            folder.mkdir(parents=True)
            each = int(UTTERANCE_SAMPLES // SLICES * SLICES / RATE_HZ * rate_hz) - 1
            offsets = np.arange(len(utterance_id) + 1, dtype=np.int64) * each
            np.save(folder / "offsets.npy", offsets)
            np.save(folder / "labels.npy", np.zeros(0, np.int16))
            header = np.lib.format.header_data_from_array_1_0(np.zeros(0, np.int16))
            with (folder / "labels.npy").open("wb") as file:
                np.lib.format.write_array_header_1_0(file, header | {"shape": (int(offsets[-1]),)})
                file.truncate(file.tell() + 2 * int(offsets[-1]))
            (folder / "ids.txt").write_text(names)
            counts = [int(offsets[-1]), *[0] * (num_clusters - 1)]
            layer = 6 if kind != "mfcc" else None
            features = {"name": "hidden" if layer else "mfcc", "rate_hz": rate_hz, "layer": layer,
                        "encoder": "x" if layer else None}  # fmt: skip
            notes = {"features": features, "num_clusters": num_clusters, "codebook": "x",
                     "num_utterances": len(utterance_id), "num_frames": int(offsets[-1]),
                     "hash": shard, "counts": counts}  # fmt: skip
            (folder / "labels.json").write_text(json.dumps(notes))

    def labels(self, kind: str) -> Path:
        return self.results / "units" / kind / f"k{LABEL_SETS[kind][0]}" / "labels"

    def _table(self, name: str, shard: str, columns: dict) -> None:
        schema = tables.TABLES[name].schema
        arrays = [pa.array(columns[field.name]).cast(field.type) for field in schema]
        stages = [stage for stage, (table, _) in STAGES.items() if table == name]
        key = "recording_id" if name in ("recordings", "utterances") else "utterance_id"
        num_in = pc.count_distinct(arrays[schema.names.index(key)]).as_py()
        notes = {"aubert.table": name, "aubert.ids_in": str(num_in)}
        path = self.results / name / f"{shard}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_arrays(arrays, schema=schema.with_metadata(notes))
        pq.write_table(table, path, compression="zstd", row_group_size=tables.ROWS_PER_GROUP)
        for stage in stages:
            tables.write(self.results / f"rejects/{stage}/{shard}.parquet", "rejects", [], notes)


def _recordings_of_speakers(num_recordings: int, num_speakers: int) -> dict[str, int]:
    """Few read much: the weights are log-normal. Everyone reads something."""
    random = np.random.default_rng(0)
    weights = random.lognormal(sigma=1.5, size=num_speakers)
    more = random.multinomial(num_recordings - num_speakers, weights / weights.sum())
    return {str(10 + 2 * number): 1 + int(count) for number, count in enumerate(more)}


def _slices(starts: np.ndarray, length: int, each: int) -> pa.Array:
    ends = [pa.array(starts), pa.array(starts + length)]
    values = pa.StructArray.from_arrays(ends, fields=list(tables.SLICE))
    return _list(pa.array(np.arange(len(starts) // each + 1) * each, pa.int32()), values)


def _list(offsets: pa.Array, values: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(offsets, values, type=tables._list(values.type))
