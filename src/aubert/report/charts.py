"""Vega-Lite specifications of the few kinds of charts in the report.

Colours are names of the page's own (`var(--...)`), which follow light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aubert.report.blocks import Chart, Table
from aubert.report.numbers import short


def histogram(
    title: str,
    alt: str,
    edges: np.ndarray,
    counts: np.ndarray,
    *,
    x: str,
    y: str,
    mark_at: float | None = None,
) -> Chart:
    """edges: [bins + 1]. mark_at: a place on the x axis (a threshold)."""
    rows = [
        {"from": float(low), "to": float(high), "n": int(n)}
        for low, high, n in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    bars = {
        "mark": {"type": "bar", "tooltip": True},
        "encoding": {
            "x": {"field": "from", "type": "quantitative", "title": x, "bin": {"binned": True}},
            "x2": {"field": "to"},
            "y": {"field": "n", "type": "quantitative", "title": y},
        },
    }
    layers = [bars]
    if mark_at is not None:
        layers.append(
            {
                "data": {"values": [{"at": mark_at}]},
                "mark": {"type": "rule", "strokeDash": [4, 3], "color": "var(--c2)"},
                "encoding": {"x": {"field": "at", "type": "quantitative"}},
            }
        )
    numbers = [(f"{short(row['from'])} to {short(row['to'])}", row["n"]) for row in rows]
    spec = {"data": {"values": rows}, "layer": layers, "height": 180}
    return Chart(title, alt, spec, Table(title, (x, y), numbers))


def curves(title: str, alt: str, rows: Sequence[dict], *, x: str, y: str, by: str) -> Chart:
    """rows: with the fields x, y and by; a line for each value of `by`."""
    spec = {
        "data": {"values": list(rows)},
        "mark": {"type": "line", "tooltip": True, "interpolate": "monotone"},
        "encoding": {
            "x": {"field": x, "type": "quantitative"},
            "y": {"field": y, "type": "quantitative", "scale": {"zero": False}},
            "color": {"field": by, "type": "nominal", "title": None},
            "strokeDash": {"field": by, "type": "nominal", "title": None},
        },
        "height": 220,
    }
    names = sorted({row[by] for row in rows})
    numbers = []
    for name in names:
        own = [row for row in rows if row[by] == name]
        numbers.append((name, own[0][x], own[0][y], own[-1][x], own[-1][y]))
    columns = (by, f"first {x}", y, f"last {x}", y)
    return Chart(title, alt, spec, Table(title, columns, numbers))


def figures(
    title: str, alt: str, rows: Sequence[dict], *, table: Table, note: str, zero: bool = True
) -> Chart:
    """A point with its interval for each of `rows`: {name, value, low, high, control}; the
    control, where there is one, is a hollow point on the same line.

    zero: is on the axis
    """

    def x(field: str) -> dict:
        scale = {"zero": zero, "nice": True, "padding": 0 if zero else 8}
        return {"field": field, "type": "quantitative", "title": None, "scale": scale}

    point = {"type": "point", "size": 80, "tooltip": True}
    control = {**point, "filled": False, "color": "var(--c2)", "strokeWidth": 2}
    layers = [
        {
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {"x": x("low"), "x2": {"field": "high"}},
        },
        {"mark": {**point, "filled": True}, "encoding": {"x": x("value")}},
    ]
    if any(row["control"] is not None for row in rows):
        layers.insert(1, {"mark": control, "encoding": {"x": x("control")}})
    of_row = {"field": "name", "type": "nominal", "sort": None, "title": None}
    spec = {
        "data": {"values": list(rows)},
        "encoding": {"y": {**of_row, "axis": {"labelLimit": 200}}},
        "layer": layers,
        "height": 26 * len(rows) + 4,
    }
    return Chart(title, alt, spec, table, note)


def bars(title: str, alt: str, rows: Sequence[tuple[str, float]], *, x: str, table: Table) -> Chart:
    """rows: (name, length), from the top down."""
    spec = {
        "data": {"values": [{"name": name, "value": value} for name, value in rows]},
        "mark": {"type": "bar", "tooltip": True, "cornerRadiusEnd": 2},
        "encoding": {
            "y": {"field": "name", "type": "nominal", "sort": None, "title": None},
            "x": {"field": "value", "type": "quantitative", "title": x},
        },
        "height": 22 * len(rows),
    }
    return Chart(title, alt, spec, table)
