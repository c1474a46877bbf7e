"""From labelled speech to transcripts by the run's own checkpoint, with tiny networks: they write
nonsense, but every rule, option and file on the way is the real one."""

from __future__ import annotations

import json

import pytest
from edits import append, edited, raise_version
from snakemake_run import Run
from tiny_run import CTC_TRAIN, copy_of

from aubert import tables

pytestmark = pytest.mark.xdist_group("tiny_run")
TRANSCRIPTS = "results/tiny/transcripts/0.parquet"


@pytest.fixture(scope="module")
def run(tmp_path_factory, finished_tiny_run) -> Run:
    """The tiny run, whose recordings its own checkpoint transcribes, with nothing trained but
    what a target asks for."""
    copied = copy_of(finished_tiny_run, tmp_path_factory.mktemp("ctc_training"))
    own = {"backend": "ctc", "ctc": {"model": "trained"}}
    run = copied.with_config(systems=[], transcribe=own)
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
    assert jobs(ctc={"train": {**CTC_TRAIN, "device": "cpu", "num_workers": 2, "keep": 1}}) == []
    changed = {"hubert": {"freeze_encoder_steps": 2}}
    assert jobs(ctc=changed) == [*retrained("hubert"), "transcribe 0"]
    assert jobs(ctc={"scratch": {"layerdrop": 0.2}}) == retrained("scratch")
    changed = {"train": {**CTC_TRAIN, "steps": 4}}
    assert jobs(ctc=changed) == [*retrained("hubert", "scratch"), "transcribe 0"]
    assert jobs(ctc={"use": "scratch"}) == ["transcribe 0"]
    changed = {"backend": "ctc", "ctc": {"model": "trained", "beam_width": 3}}
    evaluated = ["ctc", "ctc_evaluate hubert", "ctc_evaluate scratch"]
    assert jobs(transcribe=changed) == [*evaluated, "transcribe 0"]

    # Speech is not recognised again for a refactor; error rates are cheap.
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
