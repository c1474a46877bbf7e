"""metrics.json: every figure of a run, with its number of samples and its interval."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aubert.files import write_json

BOOTSTRAP_DRAWS = 1_000
_DETAILS = (
    ".cluster_purity", ".dead_clusters", ".mean_unit_ms", ".phone_purity", "_p90", "_within_50_ms",
    "_mrr", ".majority", ".over_baseline",
)  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """A value, the number of samples behind it, and its 95% interval where there is one."""

    value: float
    n: int
    ci95: tuple[float, float] | None = None


def count(value: float, n: int) -> Figure:
    """A number of things, out of n; nothing is estimated."""
    return Figure(value, n)


def proportion(hits: int, n: int) -> Figure | None:
    """hits / n with its Wilson score interval (Wilson 1927). None for n = 0."""
    if n == 0:
        return None
    z = 1.959964
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    spread = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Figure(share, n, (max(0.0, centre - spread), min(1.0, centre + spread)))


def mean_of_sums(total: float, squares: float, n: int) -> Figure | None:
    """The mean of n values with its normal-approximation interval, from their sum and their sum of
    squares. None without values."""
    if not n:
        return None
    centre = total / n
    spread = 1.959964 * math.sqrt(max(squares / n - centre**2, 0.0) / n)
    return Figure(centre, n, (centre - spread, centre + spread))


def mean_of_runs(values: Sequence[float]) -> Figure | None:
    """The mean of a few runs (folds, draws, seeds) with Student's interval; n is their number.
    None without values, no interval for one."""
    if len(values) < 2:
        return Figure(float(values[0]), 1) if values else None
    from scipy.stats import t

    centre = float(np.mean(values))
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    spread = float(t.ppf(0.975, len(values) - 1)) * error
    return Figure(centre, len(values), (centre - spread, centre + spread))


def statistic(values: Sequence[float], function, seed: int = 0) -> Figure | None:
    """function(values) with its bootstrap percentile interval. None without values.

    function: takes (array, axis), as numpy's mean and median do.
    """
    if not len(values):
        return None
    array = np.asarray(values, np.float64)
    generator = np.random.default_rng(seed)
    draws = [
        function(array[generator.integers(0, len(array), len(array))], axis=0)
        for _ in range(BOOTSTRAP_DRAWS)
    ]
    low, high = np.percentile(draws, [2.5, 97.5])
    return Figure(float(function(array, axis=0)), len(array), (float(low), float(high)))


def error_rate(errors: Sequence[int], lengths: Sequence[int], seed: int = 0) -> Figure | None:
    """sum(errors) / sum(lengths), as WER is defined; the interval resamples utterances."""
    total = int(np.sum(lengths))
    if total == 0:
        return None
    pairs = np.stack([errors, lengths], axis=1).astype(np.float64)
    generator = np.random.default_rng(seed)
    rates = []
    for _ in range(BOOTSTRAP_DRAWS):
        drawn = pairs[generator.integers(0, len(pairs), len(pairs))].sum(axis=0)
        rates.append(drawn[0] / max(drawn[1], 1))
    low, high = np.percentile(rates, [2.5, 97.5])
    return Figure(float(np.sum(errors) / total), total, (float(low), float(high)))


def write_metrics(path: str | Path, figures: Mapping[str, Figure | None]) -> None:
    """Writes the figures that are not None, sorted by key."""
    entries = {}
    for key, figure in sorted(figures.items()):
        if figure is None:
            continue
        entries[key] = {"value": _rounded(figure.value), "n": figure.n}
        if figure.ci95 is not None:
            entries[key]["ci95"] = [_rounded(edge) for edge in figure.ci95]
    write_json(path, entries)


def read_metrics(path: str | Path) -> dict[str, Figure]:
    """Raises ValueError when the file is not one of metrics."""
    try:
        entries = json.loads(Path(path).read_text())
        return {
            key: Figure(
                entry["value"], entry["n"], tuple(entry["ci95"]) if "ci95" in entry else None
            )
            for key, entry in entries.items()
        }
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} does not hold metrics ({error}); run `snakemake` again") from None


def metrics_table(figures: Mapping[str, Figure], details: bool = False) -> str:
    """The figures as lines of text, grouped by what stands before the first dot.

    details: also those that explain others (_DETAILS).
    """
    rows = [("figure", "value", "95% interval", "samples", "baseline")]
    for key, figure in figures.items():
        if key.endswith((".baseline", ".chance")) or (not details and key.endswith(_DETAILS)):
            continue
        if key.split(".")[0] != rows[-1][0].split(".")[0]:
            rows.append(("",) * 5)
        control = figures.get(f"{key}.baseline") or figures.get(f"{key}.chance")
        interval = " - ".join(short(edge) for edge in figure.ci95 or ())
        beside = short(control.value) if control else ""
        rows.append((key, short(figure.value), interval, f"{figure.n:,}", beside))
    return "\n".join(
        f"{key:<36}{value:>9}   {interval:<17}{n:>9}{beside:>11}".rstrip()
        for key, value, interval, n, beside in rows
    )


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def short(value: float) -> str:
    """Three decimals for shares, fewer for larger numbers, none for whole ones."""
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"
