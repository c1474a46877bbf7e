"""Training curves of every network of the run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from aubert.report.blocks import Section
from aubert.report.charts import curves
from aubert.report.numbers import short
from aubert.report.run import Run
from aubert.training.options import LOG

_POINTS = 200  # of a curve: more are not seen


def section(run: Run) -> Section | None:
    """None where nothing was trained."""
    logs = {
        str(path.parent.relative_to(run.results)): _rows(path)
        for path in sorted(run.results.glob(f"*/*/{LOG}"))
    }
    if not logs:
        return None
    blocks = []
    for field, title in _fields(logs):
        rows = [
            {"training": name, "step": row["step"], "value": row[field]}
            for name, log in logs.items()
            for row in log
            if row.get(field) is not None
        ]
        ends = {row["training"]: row["value"] for row in rows}
        told = "; ".join(f"{name} ends at {short(value)}" for name, value in ends.items())
        columns = ("training", "first step", title, "last step", title)
        blocks.append(
            curves(title, f"{told}.", rows, x="step", y="value", by="training", columns=columns)
        )
    return Section("training", "Trainings", "Means over the steps between two points.", blocks)


def _fields(logs: dict[str, list[dict]]) -> Iterator[tuple[str, str]]:
    """The measures that are drawn: losses, accuracies and error rates, and held-out ones."""
    known = {key for log in logs.values() for row in log for key in row}
    drawn = ("loss", "accuracy", "wer", "cer", "error_rate", "top1")
    for key in sorted(known, key=lambda key: (not key.startswith("loss"), key)):
        if key.endswith(drawn):
            yield key, key.replace("_", " ").replace(".", ", ")


def _rows(path: Path) -> list[dict]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    stride = -(-len(rows) // _POINTS) or 1
    return [row for place, row in enumerate(rows, 1) if place % stride == 0 or place == len(rows)]
