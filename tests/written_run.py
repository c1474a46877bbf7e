"""The results of a run, written by hand: one reader, two chapters, names that would be markup."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from aubert import tables
from aubert.corpus.books import Bookshelf
from aubert.evaluate.dataset import STAGES, measure_shard, merge_shards
from aubert.evaluate.metrics import write_metrics
from aubert.report.run import Run

RATE_HZ = 16_000
EVIL = "<script>alert(1)</script>"
BOOK = f"The cat sat. {EVIL} A dog & a bird ran off. Nobody saw."
CHAPTER_S, UTTERANCE_S = 20.0, 5.0


def write_run(directory: Path) -> Run:
    """Two chapters of 20 s: the first gives two utterances of 5 s, one of which is in no book;
    the second holds no speech. A second shard is empty."""
    root, books, results = (directory / name for name in ("audio", "books", "results"))
    books.mkdir(parents=True)
    (books / f"{EVIL.replace('/', '_')}.txt").write_text(BOOK)
    shelf = Bookshelf(books)
    run = Run(results, root, shelf, {"match": {"min_similarity": 0.5}, "name": EVIL})
    recordings = [_recording(root, number) for number in range(2)]
    first = recordings[0]["recording_id"]
    utterances = [
        {
            "utterance_id": f"{first}_{index:04}",
            "recording_id": first,
            "index": index,
            "slices": [_slice(index)],
            "num_samples": int(UTTERANCE_S * RATE_HZ),
        }
        for index in range(2)
    ]
    read, unread = (row["utterance_id"] for row in utterances)
    transcripts = [
        {"utterance_id": one, "text": text, "score": -1.0, "num_frames": 100}
        for one, text in ((read, "the cat sat a hog and a bird"), (unread, "this is librivox"))
    ]
    (book_id,) = shelf
    refined = _refined(read, book_id)
    words = _words(read)
    rows = {
        "recordings": (recordings, 2, []),
        "utterances": (utterances, 2, [(recordings[1]["recording_id"], "no_speech")]),
        "transcripts": (transcripts, 2, []),
        "matches": ([_without_runs(refined)], 2, [(unread, "not_in_book")]),
        "refined": ([refined], 1, []),
        "words": (words, 1, []),
    }
    for stage, (table, _) in STAGES.items():
        own, num_in, rejected = rows[table]
        empty = {"aubert.stage": stage, "aubert.ids_in": "0"}
        tables.write(results / table / "1.parquet", table, [], empty)
        tables.write(results / "rejects" / stage / "1.parquet", "rejects", [], empty)
        notes = {"aubert.stage": stage, "aubert.ids_in": str(num_in)}
        tables.write(results / table / "0.parquet", table, own, notes)
        lost = [
            {"stage": stage, "id": one, "reason": reason, "detail": EVIL}
            for one, reason in rejected
        ]
        tables.write(results / "rejects" / stage / "0.parquet", "rejects", lost, notes)
    shards = [measure_shard(results, shard, shelf, None) for shard in "01"]
    write_metrics(results / "metrics.json", merge_shards(shards, results))
    (results / "benchmarks").mkdir()
    times = "s\tmax_rss\tcpu_time\n2.5\t100\t2.0\n"
    (results / "benchmarks/index.tsv").write_text(times)
    (results / "benchmarks/cut").mkdir()
    (results / "benchmarks/cut/0.tsv").write_text(times.replace("2.0", "NA"))
    return run


def opened(run: Run) -> Run:
    """The same run as it lies there now."""
    return replace(run)


def _recording(root: Path, number: int) -> dict:
    recording_id = f"small/1/{EVIL.replace('/', '_')}/chapter{number}"
    path = root / f"{recording_id}.flac"
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(int(CHAPTER_S * RATE_HZ)) / RATE_HZ
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 220 * times), RATE_HZ)
    return {
        "recording_id": recording_id,
        "path": f"{recording_id}.flac",
        "speaker": "1",
        "book_id": None,
        "chapter": f"chapter{number}",
        "chapter_index": number,
        "sample_rate_hz": RATE_HZ,
        "num_samples": len(times),
        "language": None,
        "snr_db": None,
        "voice_activity": None,
    }


def _slice(index: int) -> dict:
    start = int(index * 10 * RATE_HZ)
    return {"start_sample": start, "end_sample": start + int(UTTERANCE_S * RATE_HZ)}


def _refined(utterance_id: str, book_id: str) -> dict:
    end, back = BOOK.index("A dog"), BOOK.index(" ran off")
    skipped = BOOK.index(EVIL)
    spans = [
        ("READ", 0, skipped, 0, 11),
        ("SKIPPED", skipped, end, 11, 11),
        ("READ", end, back, 12, 28),
    ]
    names = ("label", "char_start", "char_end", "text_start", "text_end")
    return {
        "utterance_id": utterance_id,
        "book_id": book_id,
        "char_start": 0,
        "char_end": back,
        "similarity": 0.9,
        "raw_similarity": 0.4,
        "status": "placed",
        "language": "en",
        "runs": [dict(zip(names, span, strict=True)) for span in spans],
    }


def _without_runs(refined: dict) -> dict:
    return {name: value for name, value in refined.items() if name != "runs"}


def _words(utterance_id: str) -> list[dict]:
    rows, place = [], 0
    for index, word in enumerate("The cat sat A dog a bird".split()):
        place = BOOK.index(word, place)
        rows.append(
            {
                "utterance_id": utterance_id,
                "index": index,
                "word": word,
                "spoken": word.lower(),
                "char_start": place,
                "char_end": place + len(word),
                "start_ms": 600 * index,
                "end_ms": 600 * index + 500,
                "recording_start_ms": 600 * index,
                "confidence": 0.5 + index / 20,
            }
        )
        place += len(word)
    return rows
