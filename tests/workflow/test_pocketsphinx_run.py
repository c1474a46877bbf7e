"""The word-aligned corpus by pocketsphinx, nothing trained, against its exact references."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from aubert import tables
from aubert.evaluate.dataset import STAGES

pytestmark = pytest.mark.xdist_group("mini_run")


@pytest.fixture(scope="module")
def figures(mini_run) -> dict[str, dict]:
    return json.loads(mini_run.results("metrics.json").read_text())


def rows(run, table):
    for path in sorted(run.results(table).glob("*.parquet")):
        yield from tables.rows(path, table)


def test_every_recording_is_accounted_for(mini_run, figures):
    manifest = json.loads((mini_run.directory / "data/mini/manifest.json").read_text())
    assert figures["rejects.index"]["n"] == manifest["num_recordings"]
    for stage, (table, id_column) in STAGES.items():
        num_out = len({row[id_column] for row in rows(mini_run, table)})
        rejects = figures[f"rejects.{stage}"]
        assert rejects["n"] == num_out + rejects["value"]


def test_the_corpus_is_as_large_as_it_says(figures):
    assert 20 / 60 <= figures["corpus.hours"]["value"] <= 30 / 60
    assert figures["corpus.speakers"]["value"] >= 8


@pytest.mark.parametrize(
    ("key", "least"),
    [
        ("match.placed_within_5_chars", 0.97),
        ("match.skipped_precision", 0.9),
        ("match.skipped_recall", 0.9),
        ("match.extra_precision", 0.9),
        ("match.extra_recall", 0.9),
        ("words.start_within_80_ms", 0.9),
        ("words.end_within_80_ms", 0.9),
        ("words.timed", 0.98),
    ],
)
def test_figures_that_must_be_high(figures, key, least):
    assert figures[key]["value"] >= least
    assert figures[key]["n"] >= 100


@pytest.mark.parametrize("edge", ["start", "end"])
def test_word_edges(figures, edge):
    median = figures[f"words.{edge}_error_ms_median"]
    assert median["value"] <= 30
    assert median["value"] < figures[f"words.{edge}_error_ms_median.baseline"]["ci95"][0]


def test_utterances_of_a_recording_do_not_overlap_in_the_book(mini_run):
    by_recording: dict[str, list[tuple[int, int]]] = {}
    for row in rows(mini_run, "refined"):
        recording_id = row["utterance_id"].rsplit("_", 1)[0]
        by_recording.setdefault(recording_id, []).append((row["char_start"], row["char_end"]))
    assert by_recording
    for spans in by_recording.values():
        assert spans == sorted(spans)
        assert all(first[1] <= second[0] for first, second in pairwise(spans))


def test_words_are_the_book_s_and_in_order(mini_run):
    last = ("", -1, 0)
    for row in rows(mini_run, "words"):
        assert 0 <= row["start_ms"] < row["end_ms"]
        assert row["recording_start_ms"] >= row["start_ms"]
        here = (row["utterance_id"], row["char_start"], row["start_ms"])
        if here[0] == last[0]:
            assert here[1] > last[1] and here[2] >= last[2]
        last = here
