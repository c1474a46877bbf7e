import json

import numpy as np
import pytest

from aubert.evaluate import metrics
from aubert.evaluate.metrics import Figure
from aubert.evaluate.wer import aligned_pairs, word_errors


def test_wilson_interval_of_the_literature():
    # Newcombe 1998, table I, method 3: 81 of 263.
    figure = metrics.proportion(81, 263)
    assert figure.ci95 == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert metrics.proportion(0, 0) is None
    assert metrics.proportion(10, 10).ci95[1] == pytest.approx(1.0)


def test_the_bootstrap_interval_covers_the_median_as_often_as_it_says():
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        values = generator.normal(5, 1, 60)
        low, high = metrics.quantile(values, 0.5, {"samples": range(60)}).ci95
        covered += low <= 5 <= high
    assert 0.88 <= covered / 200 <= 1.0


def test_word_error_rate_is_over_all_words():
    figure = metrics.error_rate([1, 0, 3], [10, 0, 10], {"utterances": "abc"})
    assert (figure.value, figure.n) == (0.2, 20)
    assert figure.ci95[0] < 0.2 < figure.ci95[1]
    assert metrics.error_rate([2], [0], {"utterances": "a"}) is None


def test_word_errors():
    assert word_errors("a b c".split(), "a x c d".split()) == 2
    assert word_errors([], ["a"]) == 1
    assert aligned_pairs("a b c".split(), "a c d".split())[0] == (0, 0)


def test_figures_survive_the_file(tmp_path):
    path = tmp_path / "deep" / "metrics.json"
    figures = {
        "b.x": Figure(0.25, 4, (0.1, 0.5), ("speakers", 8)),
        "a.y": Figure(3, 3),
        "a.none": None,
    }
    metrics.write_metrics(path, figures)
    assert list(json.loads(path.read_text())) == ["a.y", "b.x"]
    assert metrics.read_metrics(path) == {"a.y": figures["a.y"], "b.x": figures["b.x"]}
    path.write_text("{")
    with pytest.raises(ValueError, match="run `snakemake` again"):
        metrics.read_metrics(path)


def test_the_table_shows_each_figure_beside_its_baseline():
    table = metrics.metrics_table(
        {
            "match.placed": Figure(0.991, 110, (0.97, 0.999), ("speakers", 8)),
            "match.placed.baseline": Figure(0.02, 110),
            "words.error_ms": Figure(12.49, 2000),
        }
    )
    header, blank, first, blank_too, second = table.splitlines()
    assert header.split() == [
        "figure",
        "value",
        "95%",
        "interval",
        "resampled",
        "samples",
        "baseline",
    ]
    assert blank == blank_too == ""
    assert first.split() == [
        "match.placed",
        "0.991",
        "0.970",
        "-",
        "0.999",
        "8",
        "speakers",
        "110",
        "0.020",
    ]
    assert second.split() == ["words.error_ms", "12.5", "2,000"]


def test_the_table_leaves_details_to_who_asks():
    figures = {"units.mfcc.pnmi": Figure(0.4, 9), "units.mfcc.dead_clusters": Figure(0, 9)}
    assert "dead" not in metrics.metrics_table(figures)
    assert "dead" in metrics.metrics_table(figures, details=True)
