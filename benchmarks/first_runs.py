"""First runs of a folder of audiobooks: does any fail, or give another corpus than the others?

A folder of twelve readers, each with a book; of one the text lies elsewhere and has to be found,
beside one that belongs to no book. Again and again the corpus is made from nothing, by Snakemake
with four cores, in as many shards as there are books. When jobs removed what was not their own,
four of 24 such runs failed: a job deleted what another was writing.

    python benchmarks/first_runs.py [RUNS [CORES [TARGET]]]

TARGET is corpus, or results/first/corpus/files.json for the jobs of the folder alone. Imports are
done once, as in the tests: what takes no part in it takes no time either.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import soundfile
from figures import figure, keep, table
from real_recordings import ROOT

sys.path.insert(0, str(ROOT / "tests/workflow"))

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


def main(runs: str = "100", cores: str = "4", target: str = "corpus") -> None:
    from snakemake_run import Run

    failed, seconds = 0, []
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as directory:
        run = Run(Path(directory), CONFIG)
        write_folder(run.directory / "books")
        for number in range(int(runs)):
            for left in ("results", "logs", ".snakemake"):
                shutil.rmtree(run.directory / left, ignore_errors=True)
            start = time.monotonic()
            try:
                run.snakemake("--cores", cores, target)
                made = digest(run.results())
                found[made] += 1
            except AssertionError as error:
                failed += 1
                made = f"failed: {error}"
            seconds.append(time.monotonic() - start)
            print(f"run {number + 1}, {seconds[-1]:.1f} s: {made}", flush=True)
    columns = ["first runs of", "cores", "runs", "median", "failed", "different corpora"]
    median = figure(float(np.median(seconds)), unit="s", digits=1)
    keep("first-runs", columns, [[target, int(cores), int(runs), median, failed, len(found)]],
         command=" ".join(["python benchmarks/first_runs.py", *sys.argv[1:]]),
         seconds=None)  # fmt: skip
    print(table("first-runs"))
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
    main(*sys.argv[1:])
