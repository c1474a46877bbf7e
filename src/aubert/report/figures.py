"""A group of the run's figures as a chart with intervals, and as a table."""

from __future__ import annotations

from collections.abc import Sequence

from aubert.report.blocks import Table
from aubert.report.charts import figures
from aubert.report.numbers import beside, interval_text, short
from aubert.report.run import Run

_CONTROLS = (".baseline", ".chance")


def figures_below(run: Run, *prefixes: str) -> list[str]:
    """The keys that begin with `<prefix>.`, without the controls of others."""
    begins = tuple(f"{prefix}." for prefix in prefixes)
    return [key for key in run.figures if key.startswith(begins)]


def figure_blocks(run: Run, keys: Sequence[str], title: str, x: str = "") -> list:
    """One chart of the figures that are shares, or of all where none is; with the table of all."""
    keys = [key for key in keys if not key.endswith(_CONTROLS)]
    rows, points = [], []
    for key in keys:
        figure, control = run.figures[key], beside(run.figures, key)
        beside_text = short(control.value) if control else ""
        rows.append((key, short(figure.value), interval_text(figure), f"{figure.n:,}", beside_text))
        low, high = figure.ci95 or (figure.value, figure.value)
        other = control.value if control else None
        points.append(
            {"name": key, "value": figure.value, "low": low, "high": high, "control": other}
        )
    shares = [point for point in points if 0 <= point["value"] <= 1.5] or points
    table = Table(title, ("figure", "value", "95% interval", "samples", "baseline"), rows)
    alt = "; ".join(f"{point['name']} {short(point['value'])}" for point in shares)
    axis = x or "value, with its 95% interval; hollow: its baseline"
    return [figures(title, alt, shares, x=axis, table=table)]
