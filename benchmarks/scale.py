"""Libri-Light's 60,000 hours as a directory tree: what the workflow costs before anything runs.

Writes 219,041 empty recordings of 7,439 speakers with their jsons (the numbers of files and
speakers per subset are Libri-Light's, its table 1; how chapters spread over speakers is drawn),
and 10,000 empty books. Prints the time and the peak memory of a dry run of the dataset flow
with 256 shards: nothing made yet, and with all recordings indexed, when each shard's books are
looked at as well. Then the pace of `index` on FLAC files of one second. What it writes, 1.5 GB
in 460,000 files, goes below the directory for temporary files and is removed.

    python benchmarks/scale.py
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import soundfile
from figures import cpu_of_children, figure, keep, table
from real_recordings import ROOT

from aubert import tables
from aubert.corpus.index import index
from aubert.corpus.shards import fingerprints, scan_shard, shard_names, shard_of

# Recordings, and speakers that have any up to and with this subset.
SUBSETS = {"small": (2_588, 489), "medium": (18_739, 1_742), "large": (197_714, 7_439)}
CHAPTERS_PER_BOOK = 22
NUM_BOOKS = 10_000
NUM_SHARDS = 256
NUM_PROBED = 5_000
MOST_SECONDS, MOST_BYTES = 60, 2e9
OVERLAY = {
    "name": "scale",
    "num_shards": NUM_SHARDS,
    "transcribe": {"backend": "ctc", "ctc": {"model": "facebook/hubert-large-ls960-ft"}},
    "words": {"backend": "ctc", "ctc": {"model": "facebook/hubert-large-ls960-ft"}},
    "corpus": {
        "source": "librilight",
        "root": "librilight",
        "subsets": list(SUBSETS),
        "books_dir": "books",
        "book_meta": "book_meta.json",
    },
}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="aubert_scale_") as directory:
        house = Path(directory)
        started = time.perf_counter()
        chapters = write_corpus(house)
        write_books(house)
        (house / "overlay.json").write_text(json.dumps(OVERLAY))
        num_recordings = sum(map(len, chapters.values()))
        print(f"{num_recordings:,} recordings written in {time.perf_counter() - started:.0f} s")
        began = started = time.process_time()
        fingerprints(house / "librilight", SUBSETS, NUM_SHARDS)
        seconds = time.process_time() - started
        rows = [[f"fingerprints of {NUM_SHARDS} shards", "", figure(seconds, digits=1), ""]]
        rows.append(dry_run(house, "nothing made yet"))
        write_recordings(house, chapters)
        rows.append(dry_run(house, "recordings indexed"))
        rows.append(index_pace(house / "probe"))
        columns = [
            "",
            f"s (limit {MOST_SECONDS})",
            "CPU s",
            f"peak (limit {MOST_BYTES / 1e9:g} GB)",
        ]
        seconds = time.process_time() - began + cpu_of_children()
        keep("scale", columns, rows, command="python benchmarks/scale.py", seconds=seconds)
    print(table("scale"))


def write_corpus(house: Path) -> dict[str, list[tuple[str, str]]]:
    """Returns speaker -> (recording id, book id) of its recordings."""
    random = np.random.default_rng(0)
    chapters: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for subset, (num_recordings, num_speakers) in SUBSETS.items():
        # Few read much: the weights are log-normal. Everyone of the newcomers reads something.
        weights = random.lognormal(sigma=1.5, size=num_speakers)
        newcomers = range(len(chapters), num_speakers)
        others = random.choice(
            num_speakers, num_recordings - len(newcomers), p=weights / weights.sum()
        )
        for speaker, count in zip(
            *np.unique([*newcomers, *others], return_counts=True), strict=True
        ):
            name = str(10 + 2 * speaker)
            chapters[name] += _write_speaker(house / "librilight", subset, name, count, random)
    return chapters


def _write_speaker(
    root: Path, subset: str, speaker: str, count: int, random: np.random.Generator
) -> list[tuple[str, str]]:
    written = []
    for number in range(count):
        if number % CHAPTERS_PER_BOOK == 0:
            book = str(random.integers(NUM_BOOKS))
            folder = f"{subset}/{speaker}/a_book_of_title_{book}_librivox_64kb_mp3"
            (root / folder).mkdir(parents=True, exist_ok=True)
            described = json.dumps({"speaker": speaker, "book_meta": {"id": book}, "snr": 9.5})
        recording_id = f"{folder}/book_{number:03}_{subset}_64kb"
        (root / f"{recording_id}.flac").touch()
        (root / f"{recording_id}.json").write_text(described)
        written.append((recording_id, book))
    return written


def write_books(house: Path) -> None:
    (house / "books").mkdir()
    meta = {str(book): {"url": "", "name": f"{book}.txt"} for book in range(NUM_BOOKS)}
    for entry in meta.values():
        (house / "books" / entry["name"]).touch()
    (house / "book_meta.json").write_text(json.dumps(meta))


def write_recordings(house: Path, chapters: dict[str, list[tuple[str, str]]]) -> None:
    """The recordings tables as `index` would write them, had the files held any audio."""
    shards: dict[int, list[dict]] = {shard: [] for shard in range(NUM_SHARDS)}
    for speaker, read in chapters.items():
        shards[shard_of(speaker, NUM_SHARDS)] += [
            {
                "recording_id": recording_id,
                "path": f"{recording_id}.flac",
                "speaker": speaker,
                "book_id": book,
                "chapter": recording_id.split("/")[-1],
                "chapter_index": 0,
                "sample_rate_hz": 16_000,
                "num_samples": 16_000_000,
                "language": None,
                "snr_db": None,
                "voice_activity": None,
            }
            for recording_id, book in read
        ]
    for shard, name in enumerate(shard_names(NUM_SHARDS)):
        path = house / f"results/scale/recordings/{name}.parquet"
        tables.write(path, "recordings", shards[shard])


def dry_run(house: Path, what: str) -> list:
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(house), "--configfile", str(house / "overlay.json")]
    command += ["--cores", "2", "--workflow-profile", "none", "--dry-run", "dataset"]
    started = time.perf_counter()
    with (house / "dry_run.txt").open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    seconds, peak = time.perf_counter() - started, usage.ru_maxrss * 1024
    text = (house / "dry_run.txt").read_text()
    if status:
        raise SystemExit(text[-4000:])
    num_jobs = text.rsplit("total", 1)[1].split()[0]
    return [
        f"dry run, {what}, {int(num_jobs):,} jobs", figure(seconds, digits=1),
        figure(usage.ru_utime + usage.ru_stime, digits=1),
        figure(peak / 1e9, unit="GB", digits=2),
    ]  # fmt: skip


def index_pace(root: Path) -> list:
    samples = np.random.default_rng(0).normal(scale=0.1, size=16_000)
    folder = root / "small/14/book"
    folder.mkdir(parents=True)
    soundfile.write(folder / "0.flac", samples, 16_000)
    for number in range(NUM_PROBED):
        if number:
            shutil.copy(folder / "0.flac", folder / f"{number}.flac")
        speech = [[float(second), second + 0.5] for second in range(300)]  # as of 16 minutes
        described = {"book_meta": {"id": "1"}, "snr": 9.5, "voice_activity": speech}
        (folder / f"{number}.json").write_text(json.dumps(described))
    started = time.process_time()
    rows = list(index(root, scan_shard(root, ["small"], 0, 1)))
    seconds = time.process_time() - started
    assert len(rows) == NUM_PROBED and all(isinstance(row, dict) for row in rows)
    num_recordings = sum(count for count, _ in SUBSETS.values())
    every = num_recordings / NUM_PROBED * seconds
    name = f"`index` of all headers and jsons, by {NUM_PROBED:,} of them"
    return [name, "", figure(every, digits=0), ""]


if __name__ == "__main__":
    main()
