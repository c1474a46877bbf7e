"""The ctc backends through the workflow, with a checkpoint of random weights: it hears
nonsense, but every rule, option and table on the way is the real one."""

from __future__ import annotations

import json

import pytest
from snakemake_run import Run
from tiny_checkpoints import save_checkpoint
from tiny_run import chapters_run

from aubert import tables

CHAPTER = "118/a_light_at_st_orrin_2303_librivox_64kb_mp3/*_01_*"


@pytest.fixture(scope="module")
def run(tmp_path_factory, mini_corpus) -> Run:
    directory = tmp_path_factory.mktemp("ctc")
    save_checkpoint(directory / "checkpoint", "group")
    words = {"backend": "ctc", "ctc": {"model": "checkpoint"}}
    return chapters_run(directory, mini_corpus, [CHAPTER], {"name": "ctc", "words": words})


def test_words_are_aligned_with_a_calibrated_checkpoint(run):
    run.snakemake("dataset")
    words = list(tables.all_rows(run.results(), "words"))
    utterances = {row["utterance_id"]: row for row in tables.all_rows(run.results(), "utterances")}
    assert len(words) > 150
    for word in words:
        duration_ms = utterances[word["utterance_id"]]["num_samples"] / 16
        assert 0 <= word["start_ms"] < word["end_ms"] <= duration_ms
    calibration = json.loads(run.results("ctc_calibration.json").read_text())
    assert calibration["num_starts"] > 0
    assert run.jobs("dataset") == []
    # Another way to align: the checkpoint is measured again, and no word stays as it was.
    other = {"backend": "ctc", "ctc": {"model": "checkpoint", "edge_stars": True}}
    jobs = run.with_config(words=other).jobs("dataset")
    assert jobs == ["calibrate", "dataset", "words 0"]


def test_transcripts_of_a_checkpoint_with_a_book_s_language_model(run):
    transcribed = run.with_config(
        name="transcribed",
        max_reject_fraction=1.0,
        transcribe={"backend": "ctc", "ctc": {"model": "checkpoint", "book_biased": True}},
    )
    target = "results/transcribed/transcripts/0.parquet"
    transcribed.snakemake(target)
    (path,) = transcribed.results("rejects", "transcribe").glob("*.parquet")
    num_out = tables.read(transcribed.results("transcripts", "0.parquet"), "transcripts").num_rows
    num_in = tables.read(transcribed.results("utterances", "0.parquet"), "utterances").num_rows
    assert num_in == num_out + tables.read(path, "rejects").num_rows > 0
    assert transcribed.jobs(target) == []
