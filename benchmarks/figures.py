"""Figures of benchmarks as files, and the tables that are made of them.

    python benchmarks/figures.py    # `make figures`: writes the tables into the READMEs

A benchmark keeps its table in benchmarks/figures/<name>.json: columns, rows, the command, and the
commit, date and processor of the run. A README shows it between the lines

    <!-- figures: <name> -->
    <!-- end of figures -->

so that no table is typed by hand.
"""

from __future__ import annotations

import json
import platform
import re
import resource
import subprocess
from collections.abc import Sequence
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "benchmarks" / "figures"
READMES = (ROOT / "README.md", ROOT / "benchmarks" / "README.md")
_TABLE = re.compile(r"(<!-- figures: ([\w-]+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)


def main() -> None:
    for readme in READMES:
        old = readme.read_text(encoding="utf-8")
        new = with_tables(old)
        if new != old:
            readme.write_text(new, encoding="utf-8")
            print(f"{readme.relative_to(ROOT)}: written")


def figure(
    value: float, ends: Sequence[float] | None = None, unit: str = "", digits: int = 3
) -> dict:
    """A cell: a number and the ends of the interval that its column names. unit: stands behind it.
    A key "text" stands before it."""
    cell = {"value": value, "unit": unit, "digits": digits}
    return cell if ends is None else cell | {"ends": [float(edge) for edge in ends]}


def keep(
    name: str,
    columns: Sequence[str],
    rows: Sequence[Sequence],
    *,
    command: str,
    seconds: float | None,
) -> Path:
    """Writes a table. rows: cells are `figure`s, whole numbers or text. seconds: of CPU; None
    where they are not known."""
    FIGURES.mkdir(exist_ok=True)
    path = FIGURES / f"{name}.json"
    content = {
        "command": command,
        "commit": _commit(),
        "date": date.today().isoformat(),
        "processor": _processor(),
        "cpu_seconds": None if seconds is None else round(seconds),
        "columns": list(columns),
        "rows": [list(row) for row in rows],
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def cpu_of_children() -> float:
    """Seconds, of every process that this one has started and waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def cpu_of_jobs(benchmarks: Path) -> float:
    """Seconds, of all jobs of a run, as Snakemake measured them."""
    return sum(_cpu_time(path.read_text().splitlines()) for path in benchmarks.rglob("*.tsv"))


def _cpu_time(lines: Sequence[str]) -> float:
    at = lines[0].split("\t").index("cpu_time")
    return sum(float(line.split("\t")[at]) for line in lines[1:] if line.split("\t")[at] != "NA")


def with_tables(text: str) -> str:
    """A README with the tables of the files in FIGURES. Raises FileNotFoundError for an unknown
    one."""
    return _TABLE.sub(lambda found: f"{found[1]}{table(found[2])}{found[3]}", text)


def table(name: str) -> str:
    """Markdown, and a line on how it was measured."""
    content = json.loads((FIGURES / f"{name}.json").read_text(encoding="utf-8"))
    lines = [content["columns"], ["---"] * len(content["columns"])]
    lines += [[shown(cell) for cell in row] for row in content["rows"]]
    rows = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    seconds = content["cpu_seconds"]
    machine = f"{'' if seconds is None else _time(seconds) + ' '}on {content['processor']}"
    when = f"{content['date']}, commit {content['commit']}"
    return f"{rows}\n`{content['command']}`, {machine}, {when}.\n"


def shown(cell) -> str:
    """`.915 (.902-.928)`, `11.4 ms (11.1-11.8)`, `4,510`."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int):
        return f"{cell:,}"
    value = _number(cell["value"], cell["digits"]) + (f" {cell['unit']}" if cell["unit"] else "")
    if "text" in cell:
        value = f"{cell['text']}: {value}"
    if "ends" not in cell:
        return value
    low, high = (_number(edge, cell["digits"]) for edge in cell["ends"])
    joint = " to " if "-" in low + high else "-"
    return f"{value} ({low}{joint}{high})"


def _number(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    return re.sub(r"^(-?)0\.", r"\1.", text) if digits else text


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} CPU hours" if seconds >= 3600 else f"{seconds:,.0f} CPU s"


def _commit() -> str:
    found = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    )
    return found.stdout.strip() or "unknown"


def _processor() -> str:
    """The processor's name; of Linux, else what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
