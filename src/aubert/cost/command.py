"""`aubert plan`: what a run will cost, before anything runs."""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from aubert.config.commands import add_configfiles

RATES = Path(__file__).with_name("rates.yaml")


def add_plan(groups) -> None:
    text = "jobs, hours and disk of a run, before anything runs"
    parser = groups.add_parser("plan", help=text, description=text)
    add_configfiles(parser)
    parser.add_argument(
        "--hours", type=float, help="of audio in the corpus; none: from the index, the files, or "
        "what is published"
    )  # fmt: skip
    parser.set_defaults(run=_plan)


def _plan(arguments: argparse.Namespace) -> str:
    """Raises ValueError, when the plan is printed, where the disk is too small."""
    import yaml

    from aubert.config import resolve_files
    from aubert.cost.corpus_size import corpus_size
    from aubert.cost.estimate import Estimate
    from aubert.cost.jobs import count_jobs

    rates = yaml.safe_load(RATES.read_text())
    config = resolve_files(arguments.configfile)
    size = corpus_size(config, rates["published"], arguments.hours)
    estimate = Estimate(config, size.hours, count_jobs(config), rates)
    where = {Path(config["results_dir"]): estimate.result_bytes()}
    if size.to_fetch_bytes:
        where[Path(config["corpus"]["root"])] = size.to_fetch_bytes
    print(f"corpus: {size.hours:,.1f} hours ({size.source}), {config['num_shards']} shards\n")
    print(_table(estimate.costs()))
    disks = _disks(where)
    for folder, needed, free in disks:
        print(f"disk: {_gb(needed)} GB in {folder}, {_gb(free)} GB are free")
    _check(disks)
    return "GPU hours are reckoned from published figures; what is measured: cost/rates.yaml"


def _table(costs) -> str:
    lines = [f"{'stage':18}{'jobs':>8}{'CPU hours':>12}{'GPU hours':>12}"]
    costs = [cost for cost in costs if cost.rule != "all"]
    for cost in costs:
        hours = (_hours(cost.cpu_s), _hours(cost.gpu_s)) if cost.known else ("?", "?")
        lines.append(f"{cost.rule:18}{cost.num_jobs:>8,}{hours[0]:>12}{hours[1]:>12}")
    total = [sum(getattr(cost, key) for cost in costs) for key in ("num_jobs", "cpu_s", "gpu_s")]
    lines.append(f"{'total':18}{total[0]:>8,}{_hours(total[1]):>12}{_hours(total[2]):>12}")
    return "\n".join(lines) + "\n"


def _disks(where: dict[Path, float]) -> list[tuple[Path, float, int]]:
    """(folder, bytes needed, bytes free) of each file system."""
    found: dict[int, tuple[Path, float, int]] = {}
    for folder, needed in where.items():
        there = next(
            path for path in [folder.absolute(), *folder.absolute().parents] if path.exists()
        )
        device = os.stat(there).st_dev
        before = found.get(device, (folder, 0.0, shutil.disk_usage(there).free))
        found[device] = (before[0], before[1] + needed, before[2])
    return list(found.values())


def _check(disks: list[tuple[Path, float, int]]) -> None:
    for folder, needed, free in disks:
        if needed > free:
            raise ValueError(
                f"the disk of {folder} is too small: the run needs {_gb(needed)} GB, "
                f"{_gb(free)} GB are free. Let results_dir or corpus.root lie elsewhere"
            )


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    if not seconds:
        return "-"
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:.2f}" if hours >= 0.01 else "<0.01"


def _gb(num_bytes: float) -> str:
    return f"{num_bytes / 1e9:,.1f}"
