"""A word-aligned corpus of seconds, whose words are tones at known times."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from aubert import tables
from aubert.align.timeline import Timeline
from aubert.corpus.books import Bookshelf
from aubert.export.corpus import Corpus
from aubert.text.normalise import tokenize

WORD_S, GAP_S, PAUSE_S = 0.2, 0.1, 1.5
SPOKEN_LINES = (
    "Chapter One\n\nIt was a “fine” morning & Mr. Hale had 3 cups of tea.",
    "“More,” he said;\nand there was more.\n\nThen the rain came down.",
)
NOBODY_READ = "\n\nThis paragraph <was> read by nobody.\n\n"
BOOK = (
    "\ufeffTHE TINY BOOK\r\n\r\nby Nobody\n\n"
    + SPOKEN_LINES[0]
    + NOBODY_READ
    + SPOKEN_LINES[1]
    + "\n\nTHE END\n"
)


@dataclass
class Aligned:
    """words: recording_id -> [(word, start_s, end_s)] in the recording, as it was made."""

    results: Path
    root: Path
    books: Path
    words: dict[str, list[tuple[str, float, float]]] = field(default_factory=dict)

    def corpus(self) -> Corpus:
        return Corpus(self.results, self.root, Bookshelf(self.books))

    def arguments(self) -> list[str]:
        return ["--root", str(self.root), "--books-dir", str(self.books)]


def write_aligned(directory: Path) -> Aligned:
    """Two speakers, a shard each. The first reads both parts of the book, a recording each;
    the second, in stereo at 44.1 kHz, the second part, and says something before it."""
    made = Aligned(directory / "results/tiny", directory / "audio", directory / "books")
    made.books.mkdir(parents=True)
    (made.books / "tiny book.txt").write_text(BOOK, encoding="utf-8", newline="")
    shards = {
        "0": [("118", "01", SPOKEN_LINES[0], 16_000, False),
              ("118", "02", SPOKEN_LINES[1], 16_000, False)],
        "1": [("O'Hara 2", "02", SPOKEN_LINES[1], 44_100, True)],
        "2": [],
    }  # fmt: skip
    for shard, readings in shards.items():
        rows = {name: [] for name in ("recordings", "utterances", "refined", "words")}
        for reading in readings:
            _add(made, rows, *reading)
        for name, table in rows.items():
            tables.write(made.results / name / f"{shard}.parquet", name, table)
    return made


def _add(made, rows, speaker, chapter, text, rate_hz, is_extra) -> None:
    recording_id = f"small/{speaker}/tiny_64kb/{chapter}"
    offset = BOOK.index(text)
    tokens = [token for token in tokenize(BOOK) if offset <= token.char_start < offset + len(text)]
    path = made.root / f"{recording_id}.flac"
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = {"title": "The Tiny Book", "authors": [{"first_name": "No", "last_name": "Body"}]}
    path.with_suffix(".json").write_text(json.dumps({"book_meta": meta}))

    samples, spans = _speech(len(tokens), rate_hz)
    stereo = np.stack([samples, samples], axis=1) if rate_hz != 16_000 else samples
    soundfile.write(path, stereo, rate_hz)
    made.words[recording_id] = [
        (BOOK[token.char_start : token.char_end], start / rate_hz, end / rate_hz)
        for token, (start, end) in zip(tokens, spans, strict=True)
    ]
    rows["recordings"].append(
        {"recording_id": recording_id, "path": f"{recording_id}.flac", "speaker": speaker,
         "book_id": "tiny book", "chapter": chapter, "chapter_index": int(chapter),
         "sample_rate_hz": rate_hz, "num_samples": len(samples), "language": None, "snr_db": None,
         "voice_activity": None}
    )  # fmt: skip
    half = len(tokens) // 2
    edge = int(GAP_S * rate_hz) // 2
    for index, (first, last) in enumerate(((0, half), (half, len(tokens)))):
        utterance_id = f"{recording_id}_{index:04}"
        middle = (first + last) // 2
        slices = [
            {"start_sample": spans[low][0] - edge, "end_sample": spans[high - 1][1] + edge}
            for low, high in ((first, middle), (middle, last))
        ]
        rows["utterances"].append(
            {"utterance_id": utterance_id, "recording_id": recording_id, "index": index,
             "slices": slices,
             "num_samples": sum(s["end_sample"] - s["start_sample"] for s in slices)}
        )  # fmt: skip
        start, end = tokens[first].char_start, tokens[last - 1].char_end
        run = {
            "label": "READ",
            "char_start": start,
            "char_end": end,
            "text_start": 0,
            "text_end": 9,
        }
        extra = {**run, "label": "EXTRA", "char_end": start, "text_end": 0}
        rows["refined"].append(
            {"utterance_id": utterance_id, "book_id": "tiny book", "char_start": start,
             "char_end": end, "similarity": 1.0, "raw_similarity": 0.9, "status": "ok",
             "language": "en",
             "runs": [extra, run] if is_extra and index == 0 else [run]}
        )  # fmt: skip
        rows["words"] += _word_rows(
            utterance_id, slices, rate_hz, tokens[first:last], spans[first:last]
        )


def _speech(num_words: int, rate_hz: int) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Tones with silence between, a long one after each third; and where they lie, in samples."""
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(WORD_S * rate_hz)) / rate_hz)
    parts, spans = [np.zeros(rate_hz)], []
    for _ in range(num_words):
        start = sum(map(len, parts))
        spans.append((start, start + len(tone)))
        parts += [tone, np.zeros(int(PAUSE_S * rate_hz))]
    return np.concatenate([*parts, np.zeros(rate_hz)]).astype(np.float32), spans


def _word_rows(utterance_id, slices, rate_hz, tokens, spans) -> list[dict]:
    timeline = Timeline(slices, rate_hz)
    rows, before = [], 0
    for index, (token, (start, end)) in enumerate(zip(tokens, spans, strict=True)):
        (at,) = [n for n, s in enumerate(slices) if s["start_sample"] <= start < s["end_sample"]]
        before = sum(s["end_sample"] - s["start_sample"] for s in slices[:at])
        place = before + start - slices[at]["start_sample"]
        start_ms = round(place * 1000 / rate_hz)
        rows.append(
            {"utterance_id": utterance_id, "index": index,
             "word": BOOK[token.char_start : token.char_end], "spoken": " ".join(token.spoken),
             "char_start": token.char_start, "char_end": token.char_end, "start_ms": start_ms,
             "end_ms": round((place + end - start) * 1000 / rate_hz),
             "recording_start_ms": timeline.recording_ms(start_ms), "confidence": 0.9}
        )  # fmt: skip
    return rows
