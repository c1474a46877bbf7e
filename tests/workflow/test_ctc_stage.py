"""From labelled speech to transcripts by the run's own checkpoint, with tiny networks: they hear
nonsense, but every rule, option and file on the way is the real one."""

from __future__ import annotations

import json

import pytest
from edits import append, edited, raise_version
from snakemake_run import Run
from tiny_run import HUBERT_MODEL, chapters_run, copy_house, take_labelled

from aubert import tables

CHAPTER = "118/a_light_at_st_orrin_2303_librivox_64kb_mp3/*_01_*"
HUBERT = {
    "model": HUBERT_MODEL,
    "train": {"warmup_steps": 1, "log_every": 1, "checkpoint_every": 1, "validate_every": 1},
    "iterations": [{"features": "mfcc", "clusters": [5], "train": {"steps": 1}}],
    "compare": {"layer": 1, "clusters": 5},
}
TRAIN = {
    "steps": 3,
    "warmup_steps": 1,
    "hold_steps": 1,
    "log_every": 1,
    "checkpoint_every": 1,
    "validate_every": 3,
    "validation_share": 0.3,
}
TRANSCRIPTS = "results/ctc/transcripts/0.parquet"


@pytest.fixture(scope="module")
def run(tmp_path_factory, mini_corpus) -> Run:
    """A chapter to transcribe, a few labelled utterances, and the checkpoint made of them, which
    are no part of the run until they are asked for."""
    directory = tmp_path_factory.mktemp("ctc_training")
    overlay = {
        "name": "ctc",
        "max_reject_fraction": 1.0,
        "corpus": {"labelled": take_labelled(mini_corpus, directory)},
        "units": {"kmeans": {"sample_frames": 1000, "restarts": 1}},
        "hubert": HUBERT,
        "probe": {"layer": 1},
        "ctc": {"train": TRAIN, "hubert": {"freeze_encoder_steps": 1}},
        "transcribe": {"backend": "ctc", "ctc": {"model": "trained", "beam_width": 2}},
    }
    house = copy_house(tmp_path_factory.mktemp("ctc_house"))
    run = chapters_run(directory, mini_corpus, [CHAPTER], overlay, house)
    run.snakemake("ctc", TRANSCRIPTS)
    return run


def test_each_network_has_its_error_rates(run):
    for init in ("hubert", "scratch"):
        figures = json.loads(run.results("ctc", f"{init}.json").read_text())
        keys = {f"ctc.{init}.unseen_{rate}" for rate in ("wer", "wer_greedy", "cer_greedy")}
        assert set(figures) == keys
        assert all(figure["value"] > 0 and figure["n"] > 20 for figure in figures.values())
        assert (run.results("ctc", init) / "train.jsonl").is_file()
    assert not list(run.results("ctc").glob("*.training"))


def test_the_run_s_own_checkpoint_transcribes(run):
    rejects = tables.read(run.results("rejects", "transcribe", "0.parquet"), "rejects")
    num_out = tables.read(run.results("transcripts", "0.parquet"), "transcripts").num_rows
    num_in = tables.read(run.results("utterances", "0.parquet"), "utterances").num_rows
    assert num_in == num_out + rejects.num_rows > 0
    assert set(rejects["reason"].to_pylist()) <= {"no_words"}


def test_what_reruns(run):
    def jobs(**changes):
        return run.with_config(**changes).jobs("ctc", TRANSCRIPTS)

    def retrained(*inits):
        return [
            "ctc",
            *(f"{rule} {init}" for rule in ("ctc_evaluate", "ctc_train") for init in inits),
        ]

    assert jobs() == []
    # Where and how a training runs is no other training.
    assert jobs(ctc={"train": {**TRAIN, "device": "cpu", "num_workers": 2, "keep": 1}}) == []
    changed = {"hubert": {"freeze_encoder_steps": 2}}
    assert jobs(ctc=changed) == [*retrained("hubert"), "transcribe 0"]
    assert jobs(ctc={"scratch": {"layerdrop": 0.2}}) == retrained("scratch")
    changed = {"train": {**TRAIN, "steps": 4}}
    assert jobs(ctc=changed) == [*retrained("hubert", "scratch"), "transcribe 0"]
    assert jobs(ctc={"use": "scratch"}) == ["transcribe 0"]
    changed = {"backend": "ctc", "ctc": {"model": "trained", "beam_width": 3}}
    evaluated = ["ctc", "ctc_evaluate hubert", "ctc_evaluate scratch"]
    assert jobs(transcribe=changed) == [*evaluated, "transcribe 0"]

    # Speech is not heard again for a refactor; error rates are cheap.
    decode = run.house / "src/aubert/transcribe/decode.py"
    with edited(decode, append):
        assert jobs() == evaluated
    with edited(decode, raise_version):
        assert jobs() == [*evaluated, "transcribe 0"]

    transcript = next((run.directory / "labelled/1h").rglob("*.trans.txt"))
    transcript.write_text(transcript.read_text() + "\n")
    assert jobs() == [*retrained("hubert", "scratch"), "transcribe 0"]


def test_the_run_s_own_checkpoint_needs_labelled_speech(run):
    without = run.with_config(corpus={"labelled": None})
    output = without.snakemake("--dry-run", TRANSCRIPTS, check=False)
    assert "config: transcribe.ctc.model is trained, but corpus.labelled is null" in output
    assert "Traceback" not in output
