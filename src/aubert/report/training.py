"""Training curves of every network of the run."""

from __future__ import annotations

import json
from pathlib import Path

from aubert.learn.options import LOG
from aubert.report.blocks import Chart, Section
from aubert.report.charts import curves
from aubert.report.numbers import short
from aubert.report.run import Run

_DRAWN = ("loss", "accuracy", "wer", "cer", "error_rate", "top1")
_POINTS = 200  # of a curve: more are not seen


def section(run: Run) -> Section | None:
    """None where nothing was trained."""
    kinds: dict[str, dict[str, list[dict]]] = {}
    for path in sorted(run.results.glob(f"*/*/{LOG}")):
        model = path.parent
        kinds.setdefault(model.parent.name, {})[model.name] = _rows(path)
    charts = [
        _chart(kind, measure, logs) for kind, logs in kinds.items() for measure in _measures(logs)
    ]
    if not charts:
        return None
    return Section("training", "Trainings", "Means over the steps between two points.", charts)


def _chart(kind: str, measure: str, logs: dict[str, list[dict]]) -> Chart:
    """A line for each model, or for each of its label sets where there are several."""
    name = measure.replace("_", " ")
    rows = []
    for model, log in logs.items():
        fields = sorted({key for row in log for key in row if _measure(key) == measure})
        for field in fields:
            line = model if len(fields) == 1 else f"{model} {field.removesuffix(measure)[:-1]}"
            rows += [
                {"model": line, "step": row["step"], name: row[field]}
                for row in log
                if row.get(field) is not None
            ]
    ends = {row["model"]: row[name] for row in rows}
    summary = "; ".join(f"{line} ends at {short(value)}" for line, value in ends.items())
    return curves(f"{kind}: {name}", f"{summary}.", rows, x="step", y=name, by="model")


def _measures(logs: dict[str, list[dict]]) -> list[str]:
    """Those that are drawn: losses, then accuracies and error rates, held-out ones too."""
    known = {_measure(key) for log in logs.values() for row in log for key in row}
    drawn = [name for name in known if name.endswith(_DRAWN)]
    return sorted(drawn, key=lambda name: (not name.startswith("loss"), name))


def _measure(key: str) -> str:
    """Without the label set: `mfcc_k100.masked_accuracy` is a masked_accuracy."""
    return key if key.startswith("validation.") else key.rsplit(".", 1)[-1]


def _rows(path: Path) -> list[dict]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    stride = -(-len(rows) // _POINTS) or 1
    return [row for place, row in enumerate(rows, 1) if place % stride == 0 or place == len(rows)]
