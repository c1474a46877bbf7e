"""The tables of rehearsal.py."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pyarrow.compute as pc
import yaml
from figures import figure, keep, shown

from aubert import tables
from aubert.audio import SAMPLE_RATE_HZ
from aubert.config.resolve import resolve_files
from aubert.cost.command import RATES
from aubert.cost.estimate import Estimate
from aubert.cost.jobs import jobs_of_one_shard


def times(results: Path) -> dict[str, list[dict[str, float]]]:
    """Rule -> what Snakemake measured of each of its jobs, in the try that ended."""
    found = defaultdict(list)
    for path in sorted((results / "benchmarks").rglob("*.tsv")):
        names, values = (line.split("\t") for line in path.read_text().splitlines()[:2])
        wanted = ("max_rss", "cpu_time")
        row = {
            name: float(value)
            for name, value in zip(names, values, strict=True)
            if name in wanted and value[0].isdigit()
        }
        rule = path.relative_to(results / "benchmarks").parts[0].removesuffix(".tsv")
        if rule == "hubert":
            rule = "hubert_init" if path.stem == "untrained" else "hubert_train"
        found[rule].append(dict.fromkeys(wanted, 0.0) | row)
    return found


def planned(run: Path, hours: float) -> dict[str, float]:
    """Rule -> CPU seconds of all its jobs, as `aubert plan` reckons them."""
    config = {**resolve_files([run / "overlay.json"]), "systems": ["hubert"]}
    estimate = Estimate(config, hours, yaml.safe_load(RATES.read_text()))
    return {rule: cost.cpu_s for rule, cost in estimate.costs(jobs_of_one_shard(config)).items()}


def by_rule(
    measured: dict[str, list[dict[str, float]]],
    plan: dict[str, float],
    hours: float,
    happened: dict,
    groups: dict[str, str],
    lost: dict[str, int],
) -> list[list]:
    """A row for each rule, and their sum."""
    rows = []
    for rule, jobs in measured.items():
        # squeue shows `labels_mfcc_k100_units_label` of a group, `words` of a job alone.
        begin = groups[rule].split("{")[0] if rule in groups else rule

        def is_its(submitted: str, begin: str = begin, rule: str = rule) -> bool:
            return submitted.startswith(begin) and rule in submitted

        asked = [int(job["asked"][:-1]) for job in happened["jobs"] if is_its(job["rule"])]
        stages = [stage for stage in lost if stage == rule]
        if rule == "units_label":
            stages = [stage for stage in lost if stage.startswith("units_")]
        rows.append([
            f"`{rule}`",
            len(jobs),
            figure(sum(job["cpu_time"] for job in jobs) / hours, digits=1),
            figure(plan[rule] / hours, digits=1) if rule in plan else "",
            round(max(job["max_rss"] for job in jobs)),
            min(asked, default=""),
            sum(is_its(name) for _, name in happened["struck"]),
            sum(lost[stage] for stage in stages) if stages else "",
        ])  # fmt: skip
    used = [sum(job["cpu_time"] for job in jobs) for jobs in measured.values()]
    reckoned = sum(plan.get(rule, 0.0) for rule in measured)
    both = [figure(value / hours, digits=1) for value in (sum(used), reckoned)]
    num_jobs = sum(map(len, measured.values()))
    return [*rows, ["all", num_jobs, *both, "", "", "", sum(lost.values())]]


def report(
    run: Path,
    happened: dict,
    groups: dict[str, str],
    called: str,
    lost: dict[str, int],
    chosen: int,
    differing: int,
) -> None:
    """Prints the figures and keeps them as two tables.

    happened: to the submissions; groups: of the profile. chosen: shards that were made twice;
    differing: files of theirs that are not the same
    """
    (results,) = (run / "results").iterdir()
    shards = tables.shards(results, "recordings")
    samples = sum(
        pc.sum(tables.read(path, "recordings", ["num_samples"])["num_samples"]).as_py() or 0
        for path in shards
    )
    hours, wall_hours = samples / SAMPLE_RATE_HZ / 3600, happened["seconds"] / 3600
    measured = times(results)
    cpu_seconds = sum(job["cpu_time"] for jobs in measured.values() for job in jobs)
    how = Counter(one for one, _ in happened["struck"])
    rejected = sum(
        tables.num_rows(results / "rejects", path.name)
        for path in (results / "rejects").iterdir()
        if path.is_dir()
    )
    summary = [
        ["audio", figure(hours, unit="hours", digits=1)],
        ["shards", len(shards)],
        ["recordings", tables.num_rows(results, "recordings")],
        ["utterances", tables.num_rows(results, "utterances")],
        ["requests to the server, which dropped three of them", happened["requests"]],
        ["wall time on SLURM", figure(wall_hours, unit="hours", digits=2)],
        ["hours of audio in an hour", figure(hours / wall_hours, digits=1)],
        ["submissions", len(happened["jobs"])],
        ["jobs killed", how["kill"]],
        ["jobs cancelled", how["cancel"]],
        ["jobs requeued", how["requeue"]],
        ["jobs that ran when the node failed", how["node"]],
        ["submitted again by Snakemake", happened["tries"]],
        ["started again by SLURM", sum(job["restarts"] for job in happened["jobs"])],
        ["rejects, each with a reason", rejected],
        ["lost rows", sum(lost.values())],
        [f"files that differ in {chosen} shards made without faults", differing],
    ]
    columns = ["rule", "jobs", "CPU s per audio hour", "by `aubert plan`", "peak MB"]
    columns += ["MB asked for", "struck", "lost rows"]
    rows = by_rule(measured, planned(run, hours), hours, happened, groups, lost)
    keep("rehearsal", ["figure", "value"], summary, command=called, seconds=cpu_seconds)
    keep("rehearsal-rules", columns, rows, command=called, seconds=cpu_seconds)
    for row in [*summary, columns, *rows]:
        print(*(shown(cell) for cell in row), sep="\t")
