"""`aubert plan`: what a run will cost and how long it takes, before anything runs."""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from aubert.config.commands import add_configfiles

RATES = Path(__file__).with_name("rates.yaml")


def add_plan(groups) -> None:
    text = "jobs, hours, disk and time of a run, before anything runs"
    parser = groups.add_parser("plan", help=text, description=text)
    add_configfiles(parser)
    parser.add_argument(
        "--hours", type=float, help="of audio in the corpus; none: from the index, the files, or "
        "what is published"
    )  # fmt: skip
    parser.add_argument(
        "--profile", type=Path, help="Snakemake's, for cores, GPUs, memory and time of jobs"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="fail where a job outlasts its time in the profile, or the disk is too small",
    )
    parser.add_argument(
        "--num-gpus", type=int, help="that jobs may hold at a time; none: all there is"
    )
    parser.add_argument(
        "--num-jobs", type=int, help="that run at a time; none: as in the profile, or one a core"
    )
    parser.add_argument(
        "--num-cores", type=int, help="that jobs may hold at a time; none: of this machine, or "
        "without limit with a cluster's profile"
    )  # fmt: skip
    parser.add_argument("--price-gpu", type=float, help="of a GPU for an hour, for the sum")
    parser.add_argument("--price-cpu", type=float, help="of a core for an hour, likewise")
    parser.set_defaults(run=_plan)


def _plan(arguments: argparse.Namespace) -> str:
    """With --check raises ValueError, behind the plan, where a job outlasts its time or the disk is
    too small."""
    import yaml

    from aubert.config import resolve_files
    from aubert.cost.corpus_size import corpus_size
    from aubert.cost.disk import parts
    from aubert.cost.estimate import Estimate
    from aubert.cost.jobs import count_jobs, jobs_of_one_shard
    from aubert.cost.profile import Profile
    from aubert.cost.shards import shares_of_shards
    from aubert.cost.times import Times

    rates = yaml.safe_load(RATES.read_text())
    config = resolve_files(arguments.configfile)
    profile = Profile(arguments.profile)
    size = corpus_size(config, rates["published"], arguments.hours)
    estimate = Estimate(config, size.hours, rates)
    jobs = [job for job in jobs_of_one_shard(config) if job.rule != "all"]
    counts, costs = count_jobs(jobs, config["num_shards"]), estimate.costs(jobs)
    shares = shares_of_shards(config, rates["published"])
    times = Times(estimate, jobs, shares, profile)
    print(
        f"corpus: {size.hours:,.1f} hours ({size.source}), {len(shares)} shards, the largest of "
        f"{max(shares) * size.hours:,.1f} hours\n"
    )
    print(_table(counts, costs, times))
    print(times.summary(*_machine(arguments, profile)))
    print(_money(costs, arguments.price_gpu, arguments.price_cpu))
    needed = parts(estimate, counts, size.to_fetch_bytes)
    for part in needed:
        print(f"disk: {_gb(part.num_bytes):>10} GB {part.what:18} {part.stays}")
    where = {
        Path(config["results_dir"]): sum(p.num_bytes for p in needed if p.what != "recordings")
    }
    if size.to_fetch_bytes:
        where[Path(config["corpus"]["root"])] = size.to_fetch_bytes
    disks = _disks(where)
    for folder, wanted, free in disks:
        print(f"disk: {_gb(wanted)} GB in {folder}, {_gb(free)} GB are free")
    small = _too_small(disks)
    faults = [*small, *times.outlasted()] if arguments.check else []
    if faults:
        raise ValueError("\n".join(faults))
    for line in small:
        print(f"note: {line}")
    return "GPU hours are reckoned from published figures; what is measured: cost/rates.yaml"


def _machine(arguments: argparse.Namespace, profile) -> tuple[int, int, int]:
    """Jobs, cores and GPUs at a time."""
    from aubert import gpus

    here, without_limit = os.cpu_count() or 1, 10**9
    cores = arguments.num_cores or (without_limit if profile.is_cluster else here)
    jobs = arguments.num_jobs or profile.jobs or cores
    devices = arguments.num_gpus
    if devices is None:
        devices = without_limit if profile.is_cluster else len(gpus.visible())
    return jobs, cores, devices


def _table(counts, costs, times) -> str:
    lines = [
        f"{'stage':18}{'jobs':>8}{'CPU hours':>12}{'GPU hours':>12}{'longest job':>14}"
        f"{'its time':>10}"
    ]
    for rule, cost in costs.items():
        hours = (_hours(cost.cpu_s), _hours(cost.gpu_s)) if cost.known else ("?", "?")
        longest = times.longest[rule]
        limit = f"{longest.limit_s / 3600:.1f} h" if longest.limit_s else ""
        lines.append(
            f"{rule:18}{counts[rule]:>8,}{hours[0]:>12}{hours[1]:>12}"
            f"{_time(longest.seconds):>14}{limit:>10}{' in turns' if longest.turns else ''}"
        )
    total = [sum(getattr(cost, key) for cost in costs.values()) for key in ("cpu_s", "gpu_s")]
    number = sum(counts.values())
    lines.append(f"{'total':18}{number:>8,}{_hours(total[0]):>12}{_hours(total[1]):>12}")
    return "\n".join(lines) + "\n"


def _money(costs, price_gpu: float | None, price_cpu: float | None) -> str:
    if price_gpu is None and price_cpu is None:
        return ""
    gpu = sum(cost.gpu_s for cost in costs.values()) / 3600 * (price_gpu or 0)
    cpu = sum(cost.cpu_s for cost in costs.values()) / 3600 * (price_cpu or 0)
    return f"money: {gpu:,.2f} for GPUs, {cpu:,.2f} for cores\n"


def _time(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:,.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"


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


def _too_small(disks: list[tuple[Path, float, int]]) -> list[str]:
    return [
        f"the disk of {folder} is too small: the run needs {_gb(needed)} GB, {_gb(free)} GB are "
        f"free. Let results_dir or corpus.root lie elsewhere"
        for folder, needed, free in disks
        if needed > free
    ]


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    if not seconds:
        return "-"
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:.2f}" if hours >= 0.01 else "<0.01"


def _gb(num_bytes: float) -> str:
    return f"{num_bytes / 1e9:,.1f}"
