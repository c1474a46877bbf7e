"""A group of the run's figures as a chart with intervals, and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aubert.report.blocks import Chart, Table
from aubert.report.charts import figures
from aubert.report.numbers import beside, interval_text, short
from aubert.report.run import Run

_CONTROLS = (".baseline", ".chance")


def figures_below(run: Run, *prefixes: str) -> list[str]:
    """The keys that begin with `<prefix>.`, without the controls of others."""
    begins = tuple(f"{prefix}." for prefix in prefixes)
    return [key for key in run.figures if key.startswith(begins)]


def figure_chart(
    run: Run, keys: Sequence[str], title: str, names: Mapping[str, str] | None = None
) -> Chart:
    """A chart of the figures that are shares, or of all where none is; its table has all.

    names: of keys, where they have better ones
    """
    rows, points = [], []
    for key in keys:
        if key.endswith(_CONTROLS):
            continue
        figure, control = run.figures[key], beside(run.figures, key)
        name = (names or {}).get(key, key)
        low, high = figure.ci95 or (figure.value, figure.value)
        other = control.value if control else None
        points.append(
            {"name": name, "value": figure.value, "low": low, "high": high, "control": other}
        )
        cells = (interval_text(figure), f"{figure.n:,}", short(other) if control else "")
        rows.append((name, short(figure.value), *cells))
    shares = [point for point in points if 0 <= point["value"] <= 1.5] or points
    columns = ("figure", "value", "95% interval", "samples", "baseline")
    if not any(row[-1] for row in rows):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    table = Table(title, columns, rows)
    alt = "; ".join(f"{point['name']} {short(point['value'])}" for point in shares)
    note = "With 95% intervals"
    if any(point["control"] is not None for point in shares):
        note += "; hollow: the baseline of each"
    return figures(title, alt, shares, table=table, note=note)
