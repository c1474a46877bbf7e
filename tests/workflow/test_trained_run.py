"""The default run: units, HuBERT and CTC are trained, and applied to the corpus."""

from __future__ import annotations

import json

import pytest
from browser import needs_chromium, opened
from snakemake_run import Run, in_the_checkout

from aubert.evaluate.intervals import MIN_CLUSTERS, interval
from aubert.evaluate.unit_quality import tally
from aubert.units.labels import Labels


@pytest.fixture(scope="module")
def trained_run() -> Run:
    """After `make demo` nothing is to be done."""
    with in_the_checkout() as run:
        run.snakemake()
    return run


@pytest.fixture(scope="module")
def figures(trained_run) -> dict[str, dict]:
    return json.loads(trained_run.results("metrics.json").read_text())


def test_nothing_is_to_be_done_behind_it(trained_run):
    assert trained_run.jobs() == []


def test_units_get_better_with_every_iteration(figures):
    mfcc, first, second = (
        figures[f"{name}.pnmi"]["value"] for name in ("units.mfcc", "hubert.iter1", "hubert.iter2")
    )
    assert mfcc < first < second


def test_units_of_the_first_iteration_say_more_than_those_of_its_initial_weights(trained_run):
    """By more than what the draw of the speakers explains: both are of the same frames."""
    names = ("untrained_layer2", "iter1_layer2")
    folders = [trained_run.results("units", name, "k100", "labels") for name in names]
    reference = trained_run.directory / "data/mini/reference"
    untrained, trained = (
        tally(trained_run.results(), Labels.below("labels", folder), reference)
        for folder in folders
    )
    assert untrained.speakers == trained.speakers and len(set(trained.speakers)) >= MIN_CLUSTERS
    before, after = untrained.pnmi_of_draws(), trained.pnmi_of_draws()
    gain = interval(
        lambda times: after(times) - before(times),
        {"speakers": trained.speakers},
        centre=trained.quality().pnmi - untrained.quality().pnmi,
        draws=200,
    )
    assert gain.low > 0


@pytest.mark.parametrize("init", ["hubert", "scratch"])
def test_a_language_model_and_known_voices_help(figures, init):
    with_lm, greedy = (figures[f"ctc.{init}.{name}"]["value"] for name in ("wer", "wer_greedy"))
    assert with_lm < greedy < 0.8
    assert with_lm < figures[f"ctc.{init}.unseen_wer"]["value"]


def test_held_out_books_of_known_voices_are_transcribed(figures):
    assert figures["transcribe.wer"]["value"] <= 0.15
    assert figures["transcribe.wer"]["n"] > 300


@needs_chromium
def test_the_page_of_the_run_shows_all_that_was_trained(trained_run):
    with opened(trained_run.results("report", "index.html")) as page:
        shown = page.evaluate("[...document.querySelectorAll('section')].map((one) => one.id)")
        expected = "flow words units training errors probes aubert clar separation"
        assert set(expected.split()) <= set(shown)
        assert page.locator("#units .chart").count() == 3
        # Losses of HuBERT, CTC, AuBERT, CLAR and deep clustering, and HuBERT's accuracy.
        assert page.locator("#training .chart").count() == 6
        assert page.locator("#aubert .chart").count() == 2  # scorers


@pytest.mark.parametrize(
    ("key", "least"),
    [
        ("match.placed_within_5_chars", 0.99),
        ("match.skipped_precision", 0.9),
        ("match.skipped_recall", 0.9),
        ("match.extra_precision", 0.9),
        ("match.extra_recall", 0.9),
        ("words.timed", 0.99),
    ],
)
def test_the_corpus_is_placed(figures, key, least):
    assert figures[key]["value"] >= least
    assert figures[key]["n"] >= 100


@pytest.mark.parametrize("edge", ["start", "end"])
def test_word_edges_by_ctc(figures, edge):
    assert figures[f"words.{edge}_error_ms_median"]["value"] <= 15
    assert figures[f"words.{edge}_within_50_ms"]["value"] >= 0.95
