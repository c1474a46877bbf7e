"""What the run cost, by rule."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

from aubert.report.blocks import Section, Table
from aubert.report.charts import bars
from aubert.report.numbers import hours_text
from aubert.report.run import Run


def section(run: Run) -> Section:
    jobs: dict[str, list[dict[str, float]]] = defaultdict(list)
    times = run.results / "benchmarks"
    for path in sorted(times.rglob("*.tsv")):
        rule = path.relative_to(times).parts[0].removesuffix(".tsv")
        jobs[rule] += _rows(path)
    rows = sorted(
        (
            (
                rule,
                len(own),
                sum(row["s"] for row in own),
                sum(row["cpu_time"] for row in own),
                max(row["max_rss"] for row in own),
            )
            for rule, own in jobs.items()
        ),
        key=lambda row: -row[3],
    )
    table = Table(
        "Resources by rule",
        ("rule", "jobs", "wall time, jobs added up", "CPU time", "most memory"),
        [
            (rule, n, hours_text(wall_s / 3600), hours_text(cpu_s / 3600), f"{rss_mb:,.0f} MB")
            for rule, n, wall_s, cpu_s, rss_mb in rows
        ],
    )
    cpu_hours = sum(row[3] for row in rows) / 3600
    unit, per = ("hours", 3600) if cpu_hours > 2 else ("minutes", 60)
    chart = bars(
        "CPU time by rule",
        f"{hours_text(cpu_hours)} of CPU time in all; most of it in "
        f"{', '.join(row[0] for row in rows[:3])}.",
        [(row[0], round(row[3] / per, 3)) for row in rows],
        x=f"CPU {unit}",
        table=table,
    )
    return Section(
        "resources",
        "Time and memory",
        "As Snakemake measured each job that made what is there now.",
        [chart],
    )


def _rows(path: Path) -> list[dict[str, float]]:
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    wanted = ("s", "cpu_time", "max_rss")
    return [{name: _number(row.get(name)) for name in wanted} for row in rows]


def _number(text: str | None) -> float:
    """0 where Snakemake could not measure: it writes NA or -, for jobs of a blink."""
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
