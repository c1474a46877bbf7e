"""First runs of a folder of audiobooks: does any fail, or give another corpus than the others?

A folder of twelve readers, each with a book; of one the text lies elsewhere and has to be found,
beside one that belongs to no book. Again and again the corpus is made from nothing, by Snakemake
with four cores, in as many shards as there are books. When jobs removed what was not their own,
four of 24 such runs failed: a job deleted what another was writing.

    python benchmarks/first_runs.py [RUNS [CORES]]
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import soundfile
from real_recordings import ROOT

NUM_READERS = 12
RATE_HZ = 16_000
CONFIG = {
    "name": "first",
    "num_shards": NUM_READERS,
    "corpus": {"source": "folder", "root": "books"},
    "cut": {"detector": "webrtcvad"},  # to which noise is speech
    "transcribe": {"backend": "pocketsphinx"},
    "words": {"backend": "pocketsphinx"},
}
MADE = ("corpus", "recordings", "utterances")


def main(runs: int = 100, cores: int = 4) -> None:
    failed, seconds = 0, []
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as directory:
        house = Path(directory)
        write_folder(house / "books")
        for number in range(runs):
            for left in ("results", "logs", ".snakemake"):
                shutil.rmtree(house / left, ignore_errors=True)
            start = time.monotonic()
            done = first_run(house, cores)
            seconds.append(time.monotonic() - start)
            if done.returncode:
                failed += 1
                print(f"run {number + 1} failed:\n{done.stdout[-4000:]}", file=sys.stderr)
            else:
                found[digest(house / "results/first")] += 1
    print(f"{runs} first runs with {cores} cores, {np.median(seconds):.1f} s each: {failed} failed")
    print("corpora that were made:", *(f"{name} ({times} times)" for name, times in found.items()))
    sys.exit(bool(failed) or len(found) > 1)


def write_folder(folder: Path, num_readers: int = NUM_READERS) -> None:
    for number in range(num_readers):
        book = folder / f"reader {number}" / "a book"
        book.mkdir(parents=True)
        random = np.random.default_rng(number)
        for chapter in (1, 2):
            noise = random.normal(0, 0.1, RATE_HZ * 2)
            soundfile.write(book / f"0{chapter}.flac", noise, RATE_HZ)
        if number:
            (book / "text.txt").write_text(f"What reader {number} reads. " * 4000)
    (folder / "another.txt").write_text("What nothing tells of. " * 4000)


def first_run(house: Path, cores: int) -> subprocess.CompletedProcess:
    config = house / "config.json"
    config.write_text(json.dumps(CONFIG))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(house), "--configfile", str(config)]
    command += ["--workflow-profile", "none", "--cores", str(cores), "corpus"]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def digest(results: Path) -> str:
    """Of the names and contents of all files of the corpus."""
    found = hashlib.blake2b(digest_size=6)
    for folder in MADE:
        for path in sorted((results / folder).rglob("*")):
            if path.is_file() and ".contents" not in path.parts:  # times of files
                found.update(str(path.relative_to(results)).encode())
                found.update(path.read_bytes())
    return found.hexdigest()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
