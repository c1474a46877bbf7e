"""What stages cost an hour of audio: the rates of `aubert plan`, from the times of finished runs.

    python benchmarks/plan_rates.py results/mini results/<the same heard by pocketsphinx>

A rule's rate is what its jobs took beyond what a job takes whatever it does, per hour. That is
measured beside it: Python with aubert, with torch, and with a network of no weights to speak of.
CPU seconds, by the processes' own account: other load on the machine hardly counts.
"""

from __future__ import annotations

import csv
import resource
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from aubert import tables

STARTS = {
    "aubert": "import aubert.cli, aubert.tables",
    "torch": "import aubert.cli, aubert.tables, torch, torchaudio",
    "network": "import aubert.cli, aubert.tables, torch, torchaudio, transformers; "
    "from transformers import HubertConfig, HubertModel; HubertModel(HubertConfig("
    "hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16))",
}


def main(runs: list[str]) -> None:
    print("start of a job, CPU s")
    for name, code in STARTS.items():
        print(f"  {name:10}{_cpu_s([sys.executable, '-c', code]):8.2f}")
    for run in map(Path, runs):
        hours = _hours(run)
        print(f"\n{run}: {hours:.3f} hours\n{'rule':34}{'jobs':>5}{'CPU s':>9}{'s / job':>9}")
        for rule, times in sorted(_times(run).items()):
            print(f"{rule:34}{len(times):5}{sum(times):9.1f}{sum(times) / len(times):9.2f}")
        print(f"tables: {_table_bytes(run) / hours / 1e6:.2f} MB an hour")


def _cpu_s(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _hours(run: Path) -> float:
    rows = tables.all_rows(run, "recordings")
    return sum(row["num_samples"] / row["sample_rate_hz"] for row in rows) / 3600


def _times(run: Path) -> dict[str, list[float]]:
    """Rule, and what it was done with, -> the CPU seconds of each of its jobs."""
    found: dict[str, list[float]] = defaultdict(list)
    for path in (run / "benchmarks").rglob("*.tsv"):
        name = path.relative_to(run / "benchmarks").with_suffix("")
        rule = str(name.parent) if name.name.isdigit() else str(name)
        with path.open() as file:
            found[rule] += [float(row["cpu_time"]) for row in csv.DictReader(file, delimiter="\t")]
    return found


def _table_bytes(run: Path) -> int:
    return sum(path.stat().st_size for path in run.rglob("*.parquet"))


if __name__ == "__main__":
    main(sys.argv[1:])
