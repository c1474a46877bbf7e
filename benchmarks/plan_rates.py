"""What stages cost an hour of audio: the rates of `aubert plan`, from the times of finished runs.

    python benchmarks/plan_rates.py results/mini results/<the same with pocketsphinx>

A rule's rate is what its jobs took beyond what a job takes whatever it does, per hour. That is
measured beside it: Python with aubert, with torch, and with a network of no weights to speak of.
CPU seconds, by the processes' own account: other load on the machine hardly counts.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from figures import cpu_of_children, figure, keep, table

from aubert import tables

STARTS = {
    "aubert": "import aubert.cli, aubert.corpus.commands",
    "torch": "import aubert.cli, aubert.corpus.commands, torch, torchaudio",
    "network": "import aubert.cli, aubert.corpus.commands, torch, torchaudio, transformers; "
    "from transformers import HubertConfig, HubertModel; HubertModel(HubertConfig("
    "hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16))",
}


def main(runs: list[str]) -> None:
    rows = [["", f"start, {name}", *_cells([_start_s(code)])] for name, code in STARTS.items()]
    for run in map(Path, runs):
        hours = _hours(run)
        name = f"{run}, {hours:.3f} hours"
        size = figure(_table_bytes(run) / hours / 1e6, unit="MB an hour", digits=2)
        rows += [[name, rule, *_cells(times)] for rule, times in sorted(_times(run).items())]
        rows.append([name, "tables", "", size, ""])
    columns = ["run", "rule", "jobs", "CPU s", "CPU s a job"]
    keep("plan-rates", columns, rows, command=" ".join(["python benchmarks/plan_rates.py", *runs]),
         seconds=time.process_time() + cpu_of_children())  # fmt: skip
    print(table("plan-rates"))


def _cells(times: list[float]) -> list:
    """Jobs, their CPU seconds, and those of one."""
    return [len(times), figure(sum(times), digits=1), figure(sum(times) / len(times), digits=2)]


def _start_s(code: str) -> float:
    before = cpu_of_children()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return cpu_of_children() - before


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
