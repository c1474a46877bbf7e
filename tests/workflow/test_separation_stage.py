"""From the cut corpus to a network that takes mixtures apart: a tiny one, by the real rules."""

from __future__ import annotations

import json

import pytest
import soundfile
from snakemake_run import Run
from tiny_run import SMALL

from aubert.cli import main
from aubert.config.resolve import laid_over
from aubert.separation.mixtures import MixtureList, render

SEPARATION = {
    "list": {"num_mixtures": 2, "seconds": 1.0},
    "model": {"hidden_size": 4, "embedding_dim": 4},
    "train": {
        "steps": 2, "warmup_steps": 1, "batch_seconds": 3.2, "step_seconds": 3.2,
        "log_every": 1, "checkpoint_every": 1, "validate_every": 1,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory, mini_corpus) -> Run:
    corpus = {
        "source": "librilight",
        "root": str(mini_corpus / "librilight"),
        "books_dir": str(mini_corpus / "books"),
        "book_meta": str(mini_corpus / "book_meta.json"),
    }
    own = {"name": "mixed", "num_shards": 1, "corpus": corpus, "separation": SEPARATION}
    run = Run(tmp_path_factory.mktemp("separation"), laid_over(SMALL, own))
    run.snakemake("separation")
    return run


def test_both_kinds_of_speakers_have_figures(run):
    figures = json.loads(run.results("separation", "figures.json").read_text())
    for split in ("seen", "unseen"):
        for kind in ("", ".chance", ".ideal_binary", ".ideal_ratio"):
            assert figures[f"separation.si_sdri_{split}_db{kind}"]["n"] == 2
        assert figures[f"separation.si_sdri_{split}_db.ideal_binary"]["value"] > 3
    assert (run.results("separation", "model") / "train.jsonl").is_file()


def test_the_model_takes_a_mixture_of_the_list_apart(run, tmp_path, capsys):
    listed = MixtureList.load(run.results("separation", "mixtures.json"))
    assert len(listed.unseen_speakers) == 2
    soundfile.write(tmp_path / "talk.wav", render(listed.mixtures[0]).sum(0), 8_000)
    arguments = ["separate", str(tmp_path / "talk.wav"), str(tmp_path)]
    assert main([*arguments, "--model", str(run.results("separation", "model"))]) == 0
    assert (tmp_path / "talk_1.wav").is_file() and (tmp_path / "talk_2.wav").is_file()


def test_what_reruns(run):
    def jobs(**changes):
        return run.with_config(separation=changes).jobs("separation")

    evaluated = ["separation", "separation_evaluate"]
    assert run.jobs("separation") == []
    # Where and how a training runs is no other training.
    assert jobs(train={"device": "cpu", "num_workers": 2, "keep": 1}) == []
    assert jobs(separate={"masks": "hard"}) == evaluated
    assert jobs(train={"steps": 3}) == [*evaluated, "separation_train"]
    assert jobs(model={"loss": "whitened"}) == [*evaluated, "separation_train"]
    assert jobs(list={"num_mixtures": 3}) == [*evaluated, "separation_mix", "separation_train"]
    # The figures are part of the run's where its systems say so.
    rules = {job.split()[0] for job in run.jobs("results/mixed/metrics.json")}
    assert "metrics" in rules and "separation_evaluate" not in rules
    inside = run.with_config(systems=["separation"], separation={"train": {"steps": 3}})
    rules = {job.split()[0] for job in inside.jobs("results/mixed/metrics.json")}
    assert {"metrics", "separation_evaluate"} <= rules
