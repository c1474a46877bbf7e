"""metrics.json: every figure of a run, with its number of samples and its interval."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aubert.evaluate.intervals import MIN_CLUSTERS, Z95, Clusters, Interval, interval
from aubert.files import write_json

_DETAILS = (
    ".cluster_purity", ".dead_clusters", ".mean_unit_ms", ".phone_purity", "_p90", "_within_50_ms",
    "_mrr", ".majority", ".over_baseline",
)  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """A value, the number of samples behind it, and its 95% interval where there is one.

    resampled: what the interval resampled, and how many there were: ("speakers", 8); None where it
      comes of a formula
    """

    value: float
    n: int
    ci95: tuple[float, float] | None = None
    resampled: tuple[str, int] | None = None


def count(value: float, n: int) -> Figure:
    """A number of things, out of n; nothing is estimated."""
    return Figure(value, n)


def proportion(hits: int, n: int) -> Figure | None:
    """hits / n with its Wilson score interval (Wilson 1927). None for n = 0."""
    if n == 0:
        return None
    z = Z95
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    spread = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Figure(share, n, (max(0.0, centre - spread), min(1.0, centre + spread)))


def mean_of_sums(sums: Mapping[str, Sequence[float]]) -> Figure | None:
    """The mean of values of which each speaker's are summed up: speaker -> (sum, sum of squares,
    number). The interval resamples speakers; of fewer than MIN_CLUSTERS it is the normal
    distribution's, over the values. None without values."""
    sums = {speaker: own for speaker, own in sums.items() if own[2]}
    table = np.array(list(sums.values()), np.float64).reshape(-1, 3)
    total, squares, number = table.sum(axis=0)
    if not number:
        return None
    centre = total / number
    if len(table) >= MIN_CLUSTERS:
        found = interval(_ratio(table[:, 0], table[:, 2]), {"speakers": list(sums)})
        return _with(found, centre, int(number))
    spread = Z95 * math.sqrt(max(squares / number - centre**2, 0.0) / number)
    return Figure(centre, int(number), (centre - spread, centre + spread))


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


def mean(values: Sequence[float], clusters: Clusters) -> Figure | None:
    """The mean, with a bootstrap interval over `clusters`. None without values."""
    array = np.asarray(values, np.float64)
    if not len(array):
        return None
    found = interval(_ratio(array, np.ones(len(array))), clusters)
    return _with(found, float(array.mean()), len(array))


def quantile(values: Sequence[float], level: float, clusters: Clusters) -> Figure | None:
    """The quantile `level`, 0.5 for the median, likewise."""
    array = np.asarray(values, np.float64)
    if not len(array):
        return None
    found = interval(lambda times: float(np.quantile(np.repeat(array, times), level)), clusters)
    return _with(found, float(np.quantile(array, level)), len(array))


def error_rate(errors: Sequence[int], lengths: Sequence[int], clusters: Clusters) -> Figure | None:
    """sum(errors) / sum(lengths), as WER is defined, of utterances, likewise. None without
    words."""
    total = int(np.sum(lengths))
    if total == 0:
        return None
    found = interval(_ratio(np.asarray(errors), np.asarray(lengths)), clusters)
    return _with(found, float(np.sum(errors) / total), total)


def share(hits: Sequence[bool], clusters: Clusters) -> Figure | None:
    """The share of hits, likewise; its interval is at least as wide as Wilson's, which knows that
    a miss may come where none was drawn."""
    plain = proportion(int(np.sum(hits)), len(hits))
    if plain is None:
        return None
    found = interval(_ratio(np.asarray(hits, np.float64), np.ones(len(hits))), clusters)
    if found is None:
        return plain
    low, high = min(found.low, plain.ci95[0]), max(found.high, plain.ci95[1])
    return _with(found._replace(low=low, high=high), plain.value, plain.n)


def _ratio(numerators: np.ndarray, denominators: np.ndarray):
    """Of sums; nan where there is nothing to divide by."""

    def estimate(times: np.ndarray) -> float:
        below = float(times @ denominators)
        return float(times @ numerators) / below if below else float("nan")

    return estimate


def _with(found: Interval | None, value: float, n: int) -> Figure:
    if found is None:
        return Figure(value, n)
    return Figure(value, n, (found.low, found.high), (found.unit, found.number))


def write_metrics(path: str | Path, figures: Mapping[str, Figure | None]) -> None:
    """Writes the figures that are not None, sorted by key."""
    entries = {}
    for key, figure in sorted(figures.items()):
        if figure is None:
            continue
        entries[key] = {"value": _rounded(figure.value), "n": figure.n}
        if figure.ci95 is not None:
            entries[key]["ci95"] = [_rounded(edge) for edge in figure.ci95]
        if figure.resampled is not None:
            entries[key]["resampled"] = dict([figure.resampled])
    write_json(path, entries)


def read_metrics(path: str | Path) -> dict[str, Figure]:
    """Raises ValueError when the file is not one of metrics."""
    try:
        entries = json.loads(Path(path).read_text())
        return {key: _figure(entry) for key, entry in entries.items()}
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} does not hold metrics ({error}); run `snakemake` again") from None


def _figure(entry: Mapping) -> Figure:
    ends = tuple(entry["ci95"]) if "ci95" in entry else None
    (resampled,) = entry["resampled"].items() if "resampled" in entry else (None,)
    return Figure(entry["value"], entry["n"], ends, resampled)


def metrics_table(figures: Mapping[str, Figure], details: bool = False) -> str:
    """The figures as lines of text, grouped by what stands before the first dot.

    details: also those that explain others (_DETAILS).
    """
    rows = [("figure", "value", "95% interval", "resampled", "samples", "baseline")]
    for key, figure in figures.items():
        if key.endswith((".baseline", ".chance")) or (not details and key.endswith(_DETAILS)):
            continue
        if key.split(".")[0] != rows[-1][0].split(".")[0]:
            rows.append(("",) * 6)
        control = figures.get(f"{key}.baseline") or figures.get(f"{key}.chance")
        ends = " - ".join(short(edge) for edge in figure.ci95 or ())
        beside = short(control.value) if control else ""
        drawn = "{1:,} {0}".format(*figure.resampled) if figure.resampled else ""
        rows.append((key, short(figure.value), ends, drawn, f"{figure.n:,}", beside))
    return "\n".join(
        f"{key:<36}{value:>9}   {ends:<17}{drawn:<16}{n:>9}{beside:>11}".rstrip()
        for key, value, ends, drawn, n, beside in rows
    )


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def short(value: float) -> str:
    """Three decimals for shares, fewer for larger numbers, none for whole ones."""
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"
