"""Units of an hour of real speech: aubert's commands beside fairseq's three scripts.

    python benchmarks/real_speech.py data/real
    python benchmarks/units_hour.py FAIRSEQ [--venv /tmp/aubert-fairseq]

FAIRSEQ is a checkout of fairseq, whose examples/hubert/simple_kmeans is run as it is, with PyPI's
fairseq-fixed, torchaudio and scikit-learn in an environment of its own. Both read the same .tsv and
write the same kinds of files, in one thread. Prints wall time, CPU time and peak memory of each
step, the inertia of both codebooks on all frames, and how far features and labels agree.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import real_fairseq
import soundfile
from figures import figure, keep

from aubert.units.published import read_centroids

SPEECH = Path("data/real/train.jsonl")
HOURS, NUM_UNITS = 1.0, 100
PACKAGES = ("torchaudio", "scikit-learn", "npy-append-array", "joblib", "tqdm")
# fairseq imports what torchaudio no longer has, for conversions that 16 kHz mono does not need.
RUN = """
import runpy, sys, types
sys.modules["torchaudio.sox_effects"] = types.ModuleType("torchaudio.sox_effects")
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Cost(NamedTuple):
    wall_s: float
    cpu_s: float
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fairseq", type=Path)
    parser.add_argument("--venv", type=Path, default=Path(tempfile.gettempdir(), "aubert-fairseq"))
    given = parser.parse_args()
    python = real_fairseq.installed(given.venv)
    install = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", python, *PACKAGES]
    subprocess.run(install, check=True)
    scripts = given.fairseq / "examples/hubert/simple_kmeans"
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        seconds = write_tsv(work / "train.tsv")
        print(f"{seconds / 3600:.2f} h", flush=True)
        steps = {
            "MFCC": ("dump_mfcc_feature.py", "dump-mfcc", [work, "train", 1, 0, "{}"]),
            "k-means": ("learn_kmeans.py", "learn", ["{}", "train", 1, "{}/km", NUM_UNITS]),
            "labels": ("dump_km_label.py", "dump-label", ["{}", "train", "{}/km", 1, 0, "{}"]),
        }
        rows, sums = [], {"aubert": 0.0, "fairseq": 0.0}
        for what, (script, verb, arguments) in steps.items():
            theirs = cost_of(
                [python, "-c", RUN, scripts / script, *_in(arguments, work / "theirs")]
            )
            ours = cost_of(
                [sys.executable, "-m", "aubert", "kmeans", verb, *_in(arguments, work / "ours")]
            )
            for name, cost in (("aubert", ours), ("fairseq", theirs)):
                print(f"{what:8} {name:8} {cost.wall_s:7.1f} s {cost.cpu_s:7.1f} CPU s "
                      f"{cost.peak_mb:7.0f} MB", flush=True)  # fmt: skip
                sums[name] += cost.cpu_s
            rows.append([what, *_cells(ours), *_cells(theirs),
                         figure(theirs.cpu_s / ours.cpu_s, digits=2)])  # fmt: skip
        agreement(work)
    columns = ("step", "aubert, CPU s", "peak", "fairseq's scripts, CPU s", "peak", "ratio of CPU")
    keep("units-hour", columns, rows, command="python benchmarks/units_hour.py FAIRSEQ",
         seconds=sum(sums.values()))  # fmt: skip


def write_tsv(path: Path) -> float:
    """The first HOURS of the training speech, as fairseq's manifest. Returns seconds."""
    total, lines = 0.0, ["/"]
    with SPEECH.open() as file:
        for line in file:
            source = json.loads(line)["recording"]["sources"][0]["source"]
            info = soundfile.info(source)
            if info.samplerate != 16_000:
                continue
            lines.append(f"{source.lstrip('/')}\t{info.frames}")
            total += info.duration
            if total >= HOURS * 3600:
                break
    path.write_text("\n".join(lines) + "\n")
    return total


def cost_of(command: list) -> Cost:
    """Of one process."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    began = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            list(map(str, command)), stdout=log, stderr=subprocess.STDOUT, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            log.seek(0)
            sys.exit(f"{' '.join(map(str, command))}: {log.read().decode()[-2000:]}")
    return Cost(time.perf_counter() - began, usage.ru_utime + usage.ru_stime,
                usage.ru_maxrss / 1024)  # fmt: skip


def agreement(work: Path) -> None:
    ours, theirs = (np.load(work / side / "train_0_1.npy") for side in ("ours", "theirs"))
    print(f"{len(ours):,} frames; features differ by {np.abs(ours - theirs).max():.1e} at most")
    books = {side: read_centroids(work / side / "km") for side in ("ours", "theirs")}
    for side, centroids in books.items():
        print(f"inertia per frame, {side}: {_inertia(theirs, centroids):.1f}")


def _inertia(frames: np.ndarray, centroids: np.ndarray) -> float:
    """On all frames, in float64."""
    total = 0.0
    for start in range(0, len(frames), 50_000):
        block = frames[start : start + 50_000].astype(np.float64)
        squares = (block**2).sum(1)[:, None] + (centroids.astype(np.float64) ** 2).sum(1)
        total += float((squares - 2 * block @ centroids.T.astype(np.float64)).min(1).sum())
    return total / len(frames)


def _in(arguments: list, folder: Path) -> list[str]:
    return [str(one).replace("{}", str(folder)) for one in arguments]


def _cells(cost: Cost) -> list[dict]:
    return [figure(cost.cpu_s, digits=1), figure(cost.peak_mb, unit="MB", digits=0)]


if __name__ == "__main__":
    main()
