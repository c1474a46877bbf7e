"""Peak memory and CPU time of the stages on one long recording: 44.1 kHz, stereo.

The recording is one chapter of the miniature corpus, read again and again; its words' times are
known. Every stage is the command that the workflow runs, in a process of its own. pocketsphinx,
which takes about as long as the speech lasts, gets utterances spread over the recording; all other
stages get all of it.

    python benchmarks/memory.py                               # one hour and ten
    python benchmarks/memory.py --hours 0.25 1 --format MP3   # only printed
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr
from figures import figure, keep

from aubert import tables
from aubert.mini.books import story_bytes
from aubert.mini.cast import ASSIGNMENTS
from aubert.mini.write import make_recordings

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

RATE_HZ = 44_100
RECORDING_ID = "small/1/long_64kb_mp3/01"
POCKETSPHINX_MINUTES = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, nargs="+", default=[1.0, 10.0])
    parser.add_argument("--format", choices=("FLAC", "MP3", "OGG", "WAV"), default="FLAC")
    arguments = parser.parse_args()
    print(f"{arguments.format}, {RATE_HZ} Hz, stereo")
    print(f"{'hours':>6}  {'stage':36}{'peak MB':>8}{'CPU s':>8}{'s':>7}  rows")
    stages: dict[str, list] = {}
    for hours in arguments.hours:
        with tempfile.TemporaryDirectory() as folder:
            for name, *measured in measure(Path(folder), hours, arguments.format):
                stages.setdefault(name, []).extend(measured)
    if vars(arguments) == vars(parser.parse_args([])):
        rows = [
            [f"`{name}`", *(figure(value, unit="MB" if at % 2 == 0 else "", digits=0)
                            for at, value in enumerate(measured))]
            for name, measured in stages.items()
        ]  # fmt: skip
        columns = ["", *(f"{what}, {hours:g} h" for hours in arguments.hours for what in
                         ("peak", "CPU s"))]  # fmt: skip
        seconds = sum(second for measured in stages.values() for second in measured[1::2])
        keep("memory", columns, rows, command="python benchmarks/memory.py", seconds=seconds)


def measure(house: Path, hours: float, format: str) -> list[tuple[str, float, float]]:
    """Stage, peak in MB, CPU seconds."""
    from tiny_checkpoints import save_checkpoint

    found = []

    def stage(name: str, *command: str | Path) -> None:
        *_, out = (part for part in command if str(part).endswith(".parquet"))
        words = [sys.executable, "-m", "aubert", *map(str, command)]
        rejects = house / "rejects.parquet"
        peak_bytes, cpu_s, wall_s = run([*words, "--rejects", str(rejects)])
        done = tables.read(out, out.stem, []).num_rows
        rejected = tables.read(rejects, "rejects", []).num_rows
        print(
            f"{hours:6g}  {name:36}{peak_bytes / 1e6:8.0f}{cpu_s:8.0f}{wall_s:7.0f}  "
            f"{done}, {rejected} rejected",
            flush=True,
        )
        found.append((name, peak_bytes / 1e6, cpu_s))

    words, chapter_s = write_recording(house, hours, format)
    whole_gb = hours * 3600 * RATE_HZ * 2 * 4 / 1e9
    print(f"{hours:6g}  {'(all samples as float32)':36}{1000 * whole_gb:8.0f}", flush=True)
    root = ["--root", str(house / "librilight")]
    shelf = ["--books-dir", str(house / "books")]
    paths = {name: house / f"{name}.parquet" for name in tables.TABLES}
    save_checkpoint(house / "ctc", "group")

    stage("corpus index", "corpus", "index", paths["recordings"], *root, "--subsets", "small")
    for detector in ("webrtcvad", "silero"):
        cut = ["corpus", "cut", paths["recordings"], paths["utterances"], *root]
        stage(f"corpus cut, {detector}", *cut, "--detector", detector, "--max-seconds", "15")
    both = [paths["recordings"], paths["utterances"]]
    ctc = ["--model", house / "ctc", "--device", "cpu"]
    stage("transcribe ctc", "transcripts", "ctc", *both, paths["transcripts"], *root, *shelf, *ctc,
          "--beam-width", "2")  # fmt: skip
    write_alignment(paths, words, chapter_s)
    aligned = [*both, paths["transcripts"], paths["refined"], paths["words"], *root, *shelf]
    stage("words ctc", "words", "ctc", *aligned, *ctc)

    every = keep_some(paths)
    print(f"{hours:6g}  (from here on 1 utterance in {every})")
    few = f", of {POCKETSPHINX_MINUTES} minutes"
    stage(f"words pocketsphinx{few}", "words", "pocketsphinx", *aligned)
    stage(f"transcribe pocketsphinx{few}", "transcripts", "pocketsphinx", *both,
          paths["transcripts"], *root, *shelf)  # fmt: skip
    return found


# A process begins with the peak of the one that starts it: this one is small.
MEASURED = """
import os, sys, time
started = time.monotonic()
_, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
seconds = time.monotonic() - started
print(usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime, seconds)
sys.exit(status != 0)
"""


def run(command: Sequence[str]) -> tuple[float, float, float]:
    """Peak resident memory in bytes, CPU seconds and seconds of a command that must succeed."""
    measured = [sys.executable, "-I", "-S", "-c", MEASURED, *command]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(measured, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"failed: {' '.join(command)}\n{done.stderr[-2000:]}")
    peak_bytes, cpu_s, wall_s = map(float, done.stdout.splitlines()[-1].split())
    return peak_bytes, cpu_s, wall_s


def write_recording(house: Path, hours: float, format: str) -> tuple[list[dict], float]:
    """The recording with its json and its book; of one reading of the chapter, the words that are
    in the book, and how long it lasts."""
    (made,) = make_recordings(house, ASSIGNMENTS[:1])
    book_id = ASSIGNMENTS[0].book_id
    (house / "books").mkdir()
    (house / "books" / f"{book_id}.txt").write_bytes(story_bytes(book_id))
    samples, rate_hz = soundfile.read(house / "librilight" / f"{made.recording_id}.flac")
    chapter = soxr.resample(samples, rate_hz, RATE_HZ).astype(np.float32)
    stereo = np.stack([chapter, 0.9 * chapter], axis=1)
    for path in (house / "librilight").rglob(f"{Path(made.recording_id).name}.*"):
        path.unlink()
    path = house / "librilight" / f"{RECORDING_ID}.{format.lower()}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps({"book_meta": {"id": book_id}}))
    left = int(hours * 3600 * RATE_HZ)
    with soundfile.SoundFile(path, "w", RATE_HZ, 2, format=format) as file:
        while left:
            file.write(stereo[:left])
            left -= min(left, len(stereo))
    return [word for word in made.words if word["label"] == "READ"], len(chapter) / RATE_HZ


def write_alignment(paths: dict[str, Path], words: list[dict], chapter_s: float) -> None:
    """Transcripts and refined matches as they are known; only of utterances within one reading."""
    utterances, transcripts, refined = [], [], []
    for utterance, inside in words_inside(paths["utterances"], words, chapter_s):
        if len(inside) < 2:
            continue
        name, text = utterance["utterance_id"], " ".join(word["spoken"] for word in inside)
        place = {"char_start": inside[0]["char_start"], "char_end": inside[-1]["char_end"]}
        run = {"label": "READ", **place, "text_start": 0, "text_end": len(text)}
        utterances.append(utterance)
        transcripts.append({"utterance_id": name, "text": text, "score": 0.0, "num_frames": 1})
        refined.append(
            {"utterance_id": name, "book_id": inside[0]["book_id"], **place, "similarity": 1.0,
             "raw_similarity": 1.0, "status": "ok", "language": "en", "runs": [run]}
        )  # fmt: skip
    write(paths, utterances=utterances, transcripts=transcripts, refined=refined)


def words_inside(
    path: Path, words: list[dict], chapter_s: float
) -> Iterator[tuple[dict, list[dict]]]:
    starts = [word["start_s"] for word in words]
    for utterance in list(tables.rows(path, "utterances")):
        start_s = utterance["slices"][0]["start_sample"] / RATE_HZ
        end_s = utterance["slices"][-1]["end_sample"] / RATE_HZ
        before_s = start_s // chapter_s * chapter_s
        first, last = (bisect_left(starts, at - before_s) for at in (start_s, end_s))
        yield utterance, words[first:last]


def keep_some(paths: dict[str, Path]) -> int:
    """Leaves one utterance in so many, over the whole recording; returns how many."""
    names = ("utterances", "transcripts", "refined")
    rows = {name: list(tables.rows(paths[name], name)) for name in names}
    minutes = sum(row["num_samples"] for row in rows["utterances"]) / RATE_HZ / 60
    every = max(1, round(minutes / POCKETSPHINX_MINUTES))
    write(paths, **{name: rows[name][::every] for name in names})
    return every


def write(paths: dict[str, Path], **rows: list[dict]) -> None:
    for name, table in rows.items():
        tables.write(paths[name], name, table)


if __name__ == "__main__":
    main()
