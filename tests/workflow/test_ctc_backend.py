"""The ctc backends through the workflow, with a checkpoint of random weights: it
writes nonsense, but every rule, option and table on the way is the real one."""

from __future__ import annotations

import json

import pytest
from snakemake_run import Run
from tiny_checkpoints import save_checkpoint
from tiny_run import copy_of

from aubert import tables

pytestmark = pytest.mark.xdist_group("tiny_run")


@pytest.fixture(scope="module")
def run(tmp_path_factory, finished_tiny_run) -> Run:
    """The tiny run up to the places in the book, whose words a checkpoint aligns."""
    copied = copy_of(finished_tiny_run, tmp_path_factory.mktemp("ctc"))
    save_checkpoint(copied.directory / "checkpoint", "group")
    return copied.with_config(systems=[], words={"backend": "ctc", "ctc": {"model": "checkpoint"}})


def test_words_are_aligned_with_a_calibrated_checkpoint(run):
    run.snakemake("dataset")
    words = list(tables.all_rows(run.results(), "words"))
    utterances = {row["utterance_id"]: row for row in tables.all_rows(run.results(), "utterances")}
    assert len(words) > 60
    for word in words:
        duration_ms = utterances[word["utterance_id"]]["num_samples"] / 16
        assert 0 <= word["start_ms"] < word["end_ms"] <= duration_ms
    calibration = json.loads(run.results("ctc_calibration.json").read_text())
    assert calibration["num_starts"] > 0
    assert run.jobs("dataset") == []
    # Another way to align: the checkpoint is measured again, and no word stays as it was.
    other = {"backend": "ctc", "ctc": {"model": "checkpoint", "edge_stars": True}}
    jobs = run.with_config(words=other).jobs("dataset")
    assert jobs == ["calibrate", "dataset", "words 0", "words 1"]


def test_transcripts_of_a_checkpoint_with_a_book_s_language_model(run):
    own = {"backend": "ctc", "ctc": {"model": "checkpoint", "book_biased": True}}
    transcribed = run.with_config(transcribe=own)
    target = "results/tiny/transcripts/0.parquet"
    assert transcribed.jobs(target) == ["transcribe 0"]
    transcribed.snakemake(target)
    path = transcribed.results("rejects", "transcribe", "0.parquet")
    num_out = tables.read(transcribed.results("transcripts", "0.parquet"), "transcripts").num_rows
    num_in = tables.read(transcribed.results("utterances", "0.parquet"), "utterances").num_rows
    assert num_in == num_out + tables.read(path, "rejects").num_rows > 0
    assert transcribed.jobs(target) == []
