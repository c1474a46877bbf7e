"""What every job that looks at a whole corpus costs, at a hundredth, a tenth and all of
Libri-Light's 60,000 hours: CPU time, wall time, and the peak memory of all its processes together.

Tables are generated (scale_tables.py; all of them are 10 GB, and take half an hour). The networks
are tiny and the trainings take two steps, so what is measured is what a corpus's size costs: the
reading of tables, the choice of what is learned from, the start of a training and of its workers.
Audio is read where a job reads a sample of it.

    python benchmarks/scale_learning.py 0.01 0.1 1 [--jobs hubert_train,report] [--keep FOLDER]

Each measurement is a line of results/scale_learning.jsonl; a run that was stopped goes on there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
from figures import figure, keep
from real_recordings import ROOT
from scale_tables import LABEL_SETS, Corpus

sys.path.insert(0, str(ROOT / "tests"))
TRAIN = ["--steps=2", "--log-every=1", "--checkpoint-every=2", "--validate-every=2", "--device=cpu"]
HUBERT = """--front-end=logmel --frame-rate-hz=25 --hidden-size=16 --num-layers=2 --num-heads=2
    --intermediate-size=16 --conv-channels=8 --pos-conv-kernel=4 --pos-conv-groups=2
    --final-dim=8""".split()
MEASURED = ROOT / "results" / "scale_learning.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shares", type=float, nargs="+", help="of 60,000 hours")
    parser.add_argument("--jobs", help="only these, with commas between")
    parser.add_argument("--keep", type=Path, help="where tables are, or go and stay")
    arguments = parser.parse_args()
    for share in arguments.shares:
        with tempfile.TemporaryDirectory(prefix="aubert_scale_") as folder:
            house = (arguments.keep or Path(folder)) / f"{share:g}"
            corpus = Corpus(house, share)
            if not (house / "written").exists():
                corpus.write()
                save_networks(house)
                (house / "written").touch()
            print(f"{corpus.hours:,.0f} hours, {len(corpus.shards)} shards", flush=True)
            wanted = arguments.jobs.split(",") if arguments.jobs else None
            for name, command in jobs(corpus).items():
                is_done = any((one["job"], one["share"]) == (name, share) for one in measured())
                if (wanted is None or name in wanted) and not is_done:
                    measure(name, command, house, share, corpus.hours)
    keep_table()


def measured() -> list[dict]:
    if not MEASURED.exists():
        return []
    return [json.loads(line) for line in MEASURED.read_text().splitlines()]


def keep_table() -> None:
    """Of all that is measured: a row for each job, two columns for each size."""
    lines = measured()
    sizes = {one["share"]: one["hours"] for one in sorted(lines, key=lambda one: one["share"])}
    by_job: dict[str, dict] = {}
    for one in lines:
        cells = [figure(one["peak_gb"], unit="GB", digits=2), figure(one["cpu_s"], digits=0)]
        by_job.setdefault(one["job"], {})[one["share"]] = cells
    rows = [
        [f"`{job}`", *(cell for share in sizes for cell in cells.get(share, ["", ""]))]
        for job, cells in by_job.items()
    ]
    columns = [f"{what}, {hours:,.0f} h" for hours in sizes.values() for what in ("peak", "CPU s")]
    command = "python benchmarks/scale_learning.py " + " ".join(f"{share:g}" for share in sizes)
    seconds = sum(one["cpu_s"] for one in lines)
    keep("scale-learning", ["job", *columns], rows, command=command, seconds=seconds)


def save_networks(house: Path) -> None:
    from tiny_checkpoints import save_checkpoint
    from transformers import Wav2Vec2FeatureExtractor

    from aubert.crossmodal.options import SmallBertOptions
    from aubert.crossmodal.small_bert import save_small_bert

    save_checkpoint(house / "ctc", "group")
    init = [sys.executable, "-m", "aubert", "hubert", "init", str(house / "encoder"), *HUBERT]
    subprocess.run(init, check=True, stdout=subprocess.DEVNULL)
    text = (house / "texts/0.txt").read_text()[:100_000]
    sizes = {"vocab_size": 200, "hidden_size": 16, "num_layers": 1, "num_heads": 2,
             "intermediate_size": 16}  # fmt: skip
    save_small_bert(house / "text", [text], SmallBertOptions(**sizes))
    Wav2Vec2FeatureExtractor().save_pretrained(house / "text")


def jobs(corpus: Corpus) -> dict[str, list]:
    """Name -> the arguments of `aubert`, as the rules give them."""
    house, results = corpus.house, corpus.results
    root, shelf = f"--root={house / 'audio'}", f"--books-dir={house / 'books'}"
    out = house / "out"
    encoders = [f"--text={house / 'text'}", f"--audio={house / 'encoder'}"]
    labels = [f"--labels={name}={corpus.labels(name)}" for name in LABEL_SETS]
    read = ["--batch-seconds=60", "--step-seconds=60", "--num-workers=2"]
    clips = [f"--results={results}", root]
    config = json.dumps({"match": {"min_similarity": 0.5}, "name": "scale"})
    figures = [results / f"figures/{shard}.json" for shard in corpus.shards]
    return {
        "books": ["align", "sketch", out / "books.parquet", f"--rejects={out}/r.parquet", shelf],
        "calibrate": ["words", "calibrate", results, out / "calibration.json", root, shelf,
                      f"--model={house / 'ctc'}", "--device=cpu"],
        "figures (a shard)": ["evaluate", "shard", results, corpus.shards[0], figures[0], shelf],
        "metrics": ["evaluate", "dataset", results, results / "metrics.json", "--shards", *figures],
        "units_choose": ["units", "choose", results, out / "choice.json", "--sample-hours=28"],
        "units_best_layer": ["evaluate", "layers", results, out / "layers.json", root,
                             f"--encoder={house / 'encoder'}", "--num-clusters=100",
                             "--device=cpu"],
        "units_quality": ["evaluate", "units", results, out / "quality.json",
                          f"--labels={corpus.labels('mfcc')}"],
        "hubert_train": ["hubert", "train", results, out / "hubert", *labels, root, *HUBERT,
                         *TRAIN, *read],
        "probe": ["evaluate", "probe", out / "probe.json", f"--results={results}", root,
                  f"--encoder=tiny={house / 'encoder'}", "--layer=1", "--max-labels=10",
                  "--device=cpu"],
        "aubert_train": ["aubert", "train", results, out / "aubert", *encoders, root, shelf,
                         *TRAIN, "--batch-seconds=15", "--num-workers=2", "--warmup-steps=1",
                         "--reference-seconds=2", "--max-tokens=64",
                         # As many as 100,000 steps of 128 take.
                         "--batch-pairs=6400000"],
        "aubert_evaluate": ["aubert", "evaluate", results, out / "aubert", out / "aubert.json",
                            out / "pictures.json", *encoders, root, shelf, "--max-pairs=500"],
        "clar_train": ["clar", "train", out / "clar", *clips, *TRAIN, "--width=8",
                       "--batch-clips=8", "--num-workers=2"],
        "separation_mix": ["separation", "mix", out / "mixtures.json", *clips],
        "separation_train": ["separation", "train", out / "separation", *clips, *TRAIN,
                             f"--mixtures={out / 'mixtures.json'}", "--hidden-size=8",
                             "--num-workers=2"],
        "report": ["report", results, out / "index.html", root, shelf, f"--config={config}",
                   f"--caption={ROOT / 'workflow/report/page.rst'}"],
    }  # fmt: skip


def measure(name: str, command: list, house: Path, share: float, hours: float) -> None:
    """Raises SystemExit where the job fails."""
    (house / "out").mkdir(exist_ok=True)
    log = (house / "out" / f"{name.split()[0]}.log").open("w")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    started = time.perf_counter()
    process = psutil.Popen(
        [sys.executable, "-m", "aubert", *map(str, command)],
        stdout=log, stderr=subprocess.STDOUT, env=environment,
    )  # fmt: skip
    peak = [0]
    watcher = threading.Thread(target=watch, args=(process, peak))
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    watcher.join()
    if status:
        raise SystemExit(f"{name} failed: {log.name}")
    line = {
        "job": name, "share": share, "hours": hours,
        "s": time.perf_counter() - started, "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_gb": peak[0] / 1e9,
    }  # fmt: skip
    print(
        f"{name:20}{line['s']:9.0f} s{line['cpu_s']:9.0f} CPU s{line['peak_gb']:8.2f} GB",
        flush=True,
    )
    MEASURED.parent.mkdir(parents=True, exist_ok=True)
    with MEASURED.open("a") as file:
        file.write(json.dumps(line) + "\n")
    if name.startswith("figures"):  # those of the other shards are as large
        first = Path(command[4])
        for shard in (house / "results/recordings").glob("*.parquet"):
            other = first.with_name(f"{shard.stem}.json")
            if not other.exists() and first.exists():
                other.hardlink_to(first)


def watch(process: psutil.Process, peak: list[int]) -> None:
    """Memory of a process and of those below it, shared pages counted once."""
    while True:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return
            family = [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        total = 0
        for one in family:
            try:
                total += one.memory_full_info().pss
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        peak[0] = max(peak[0], total)
        time.sleep(0.3)


if __name__ == "__main__":
    main()
