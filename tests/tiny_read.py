"""A run of seconds in which given stretches of given texts were read, a recording each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from aubert import tables
from aubert.corpus.books import Bookshelf
from aubert.export.corpus import Corpus
from aubert.text.normalise import tokenize

RATE_HZ, WORD_MS, STEP_MS = 16_000, 120, 200


class Read(NamedTuple):
    """text[start:end] of a book, read aloud. about: what the recording's json says"""

    book_id: str
    chapter: str
    start: int
    end: int
    speaker: str = "Ann"
    about: dict | None = None


def write_read(directory: Path, shelf: Bookshelf, reads: Sequence[Read]) -> Corpus:
    """Word n of a recording is spoken from n * STEP_MS on for WORD_MS; all is in one shard."""
    root, results = directory / "audio", directory / "results/tiny"
    rows: dict[str, list[dict]] = {
        name: [] for name in ("recordings", "utterances", "refined", "words")
    }
    for number, read in enumerate(reads):
        text = shelf.text(read.book_id)
        tokens = [
            t for t in tokenize(text) if read.start <= t.char_start and t.char_end <= read.end
        ]
        recording_id = f"folder/{read.speaker}/{read.book_id}/{read.chapter}"
        path = root / f"{recording_id}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        num_samples = (len(tokens) + 1) * STEP_MS * RATE_HZ // 1000
        soundfile.write(path, np.zeros(num_samples, np.float32), RATE_HZ)
        if read.about:
            path.with_name(f"{path.stem}.json").write_text(json.dumps(read.about))
        language = (read.about or {}).get("book_meta", {}).get("language")
        utterance_id = f"{recording_id}_0000"
        rows["recordings"].append(
            {"recording_id": recording_id, "path": f"{recording_id}.flac", "speaker": read.speaker,
             "book_id": read.book_id, "chapter": read.chapter, "chapter_index": number,
             "sample_rate_hz": RATE_HZ, "num_samples": num_samples, "snr_db": None,
             "voice_activity": None, "language": language}
        )  # fmt: skip
        rows["utterances"].append(
            {"utterance_id": utterance_id, "recording_id": recording_id, "index": 0,
             "slices": [{"start_sample": 0, "end_sample": num_samples}],
             "num_samples": num_samples}
        )  # fmt: skip
        start, end = tokens[0].char_start, tokens[-1].char_end
        run = {"label": "READ", "char_start": start, "char_end": end, "text_start": 0,
               "text_end": 9}  # fmt: skip
        rows["refined"].append(
            {"utterance_id": utterance_id, "book_id": read.book_id, "char_start": start,
             "char_end": end, "similarity": 1.0, "raw_similarity": 1.0, "status": "ok",
             "language": shelf.language(read.book_id, {"language": language}), "runs": [run]}
        )  # fmt: skip
        rows["words"] += [
            {"utterance_id": utterance_id, "index": index,
             "word": text[token.char_start : token.char_end], "spoken": " ".join(token.spoken),
             "char_start": token.char_start, "char_end": token.char_end,
             "start_ms": index * STEP_MS, "end_ms": index * STEP_MS + WORD_MS,
             "recording_start_ms": index * STEP_MS, "confidence": 0.9}
            for index, token in enumerate(tokens)
        ]  # fmt: skip
    for name, table in rows.items():
        tables.write(results / name / "0.parquet", name, table)
    return Corpus(results, root, shelf)
