"""Discrete units: information about the phones, use, and phone of each unit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from aubert.evaluate.unit_quality import tally
from aubert.report.blocks import Chart, Section, Table
from aubert.report.charts import figures as figures_chart
from aubert.report.numbers import beside, interval_text, short
from aubert.report.run import Run
from aubert.units.labels import Labels

_PHONES = 40  # that the map shows: those with most frames


def section(run: Run) -> Section | None:
    """None where the run made no units."""
    sets = sorted((run.results / "units").glob("*/k*/labels"))
    if not sets:
        return None
    blocks = [_quality(run)] if any(key.endswith(".pnmi") for key in run.figures) else []
    layers = sorted((run.results / "units").glob("*/layers.json"))
    blocks += [_layers(path) for path in layers]
    all_labels = {path: Labels.below(_name(path), path) for path in sets}
    blocks.append(_use(list(all_labels.values())))
    if run.reference is not None:
        last = max(sets, key=lambda path: path.parent.stat().st_mtime)
        blocks.append(_map(run, all_labels[last]))
    return Section(
        "units",
        "Units",
        "PNMI is the share of the phones' entropy that the unit explains. An encoder "
        "of untrained weights is the control: what training adds is what lies above it.",
        blocks,
    )


def _name(labels: Path) -> str:
    return f"{labels.parent.parent.name} {labels.parent.name}"


def _quality(run: Run) -> Chart:
    keys = [key for key in run.figures if key.endswith(".pnmi")]
    keys.sort(key=lambda key: (not key.startswith("units."), "untrained" not in key, key))
    rows, points = [], []
    for key in keys:
        figure, control = run.figures[key], beside(run.figures, key)
        name = key.removesuffix(".pnmi")
        low, high = figure.ci95 or (figure.value, figure.value)
        points.append(
            {
                "name": name,
                "value": figure.value,
                "low": low,
                "high": high,
                "control": control.value if control else None,
            }
        )
        others = [run.figures.get(f"{name}.{other}") for other in ("phone_purity", "speaker_nmi")]
        cells = [short(other.value) if other else "" for other in others]
        control_text = short(control.value) if control else ""
        n = f"{figure.n:,}"
        rows.append((name, short(figure.value), interval_text(figure), control_text, *cells, n))
    columns = (
        "units of", "PNMI", "95% interval", "untrained", "phone purity",
        "speaker (NMI)", "frames",
    )  # fmt: skip
    best = max(points, key=lambda point: point["value"])
    return figures_chart(
        "Information of units about the phones",
        f"PNMI of {len(points)} sets of units; the highest is {best['name']} with "
        f"{short(best['value'])}.",
        points,
        table=Table("Information of units about the phones", columns, rows),
        note="PNMI with its 95% interval; hollow: the untrained encoder, the control",
        zero=False,
    )


def _layers(path: Path) -> Chart:
    found = json.loads(path.read_text())
    rows = [{"layer": int(layer), "pnmi": pnmi} for layer, pnmi in found["pnmi"].items()]
    title = f"Layers of {path.parent.name}"
    spec = {
        "data": {"values": rows},
        "mark": {"type": "line", "point": True, "tooltip": True},
        "encoding": {
            "x": {"field": "layer", "type": "ordinal"},
            "y": {"field": "pnmi", "type": "quantitative", "scale": {"zero": False}},
        },
        "height": 180,
    }
    numbers = Table(title, ("layer", "PNMI"), [(r["layer"], short(r["pnmi"])) for r in rows])
    return Chart(title, f"PNMI by layer; layer {found['layer']} was taken.", spec, numbers)


def _use(sets: list[Labels]) -> Chart:
    """Frames by unit, the most used first."""
    rows, numbers = [], []
    for labels in sets:
        counts = labels.counts()
        shares = np.sort(counts / max(counts.sum(), 1))[::-1]
        rows += [
            {"units": labels.name, "rank": rank / len(shares), "share": float(share * len(shares))}
            for rank, share in enumerate(shares, 1)
        ]
        positive = shares[shares > 0]
        perplexity = float(np.exp(-(positive * np.log(positive)).sum()))
        numbers.append(
            (labels.name, labels.num_units, int((counts == 0).sum()), short(perplexity),
             f"{shares[0]:.1%}")
        )  # fmt: skip
    spec = {
        "data": {"values": rows},
        "mark": {"type": "line", "tooltip": True},
        "encoding": {
            "x": {"field": "rank", "type": "quantitative", "title": "units, the most used first",
                  "axis": {"format": "%"}},
            "y": {"field": "share", "type": "quantitative",
                  "title": "frames, 1 = an even share"},
            "color": {"field": "units", "type": "nominal", "title": None},
            "strokeDash": {"field": "units", "type": "nominal", "title": None},
        },
        "height": 200,
    }  # fmt: skip
    columns = ("units", "K", "never used", "as many as evenly used", "share of the most used")
    dead = sum(row[2] for row in numbers)
    return Chart(
        "Use of the units",
        f"Frames of each unit of {len(sets)} codebooks, sorted; {dead} units are never used.",
        spec,
        Table("Use of the units", columns, numbers),
    )


def _map(run: Run, labels: Labels) -> Chart:
    """P(phone | unit), units in the order of their commonest phone."""
    names, joint = tally(run.results, labels, run.reference).joint()
    by_size = np.argsort(-joint.sum(axis=1), kind="stable")
    by_size = by_size[:_PHONES]
    joint, names = joint[by_size], [names[place] for place in by_size]
    shares = joint / np.maximum(joint.sum(axis=0), 1)
    order = np.lexsort((-shares.max(axis=0), shares.argmax(axis=0)))
    rows = [
        {"unit": rank, "id": int(unit), "phone": names[phone], "share": round(float(share), 3)}
        for rank, unit in enumerate(order)
        for phone, share in enumerate(shares[:, unit])
        if share >= 0.02
    ]
    spec = {
        "data": {"values": rows},
        "mark": {"type": "rect", "tooltip": True, "color": "var(--c1)"},
        "encoding": {
            "x": {"field": "unit", "type": "ordinal", "axis": {"labels": False, "ticks": False},
                  "title": "units, by their commonest phone"},
            "y": {"field": "phone", "type": "nominal", "sort": names, "title": None},
            "opacity": {"field": "share", "type": "quantitative", "legend": None,
                        "scale": {"domain": [0, 1], "range": [0, 1]}},
        },
        "height": 13 * len(names),
        "config": {"scale": {"bandPaddingInner": 0}},
    }  # fmt: skip
    tops = [
        (names[phone], int((shares.argmax(axis=0) == phone).sum()), f"{joint[phone].sum():,}")
        for phone in range(len(names))
    ]
    title = f"Which phone a unit is: {labels.name}"
    columns = ("phone", "units that are mostly it", "frames")
    purest = float(shares.max(axis=0).mean())
    alt = f"Heat map of phones by unit. The commonest phone has {purest:.0%} of a unit on average."
    note = "The stronger the colour, the more of the unit's frames are of the phone."
    return Chart(title, alt, spec, Table(title, columns, tops), note)
