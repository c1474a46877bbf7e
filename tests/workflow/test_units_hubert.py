"""Units and HuBERT through the workflow: two iterations of a tiny model over two recordings."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from snakemake_run import Run
from tiny_run import HUBERT_MODEL, chapters_run
from transformers import AutoModel

from aubert.evaluate.unit_quality import phones_of_utterances
from aubert.units.quality import QualityTally, frame_phones

RECORDINGS = ["118/a_light_at_st_orrin_*/*_01_*", "14/the_well_of_oran_*/*_01_*"]
FIRST = {"features": "mfcc", "clusters": [6], "train": {"steps": 30}}
SECOND = {"features": {"iteration": 1, "layer": 1}, "clusters": [6], "train": {"steps": 4}}


@pytest.fixture(scope="module")
def run(tmp_path_factory, mini_corpus) -> Run:
    overlay = {
        "name": "tiny",
        "corpus": {"reference": str(mini_corpus / "reference")},
        "hubert": {
            "model": HUBERT_MODEL,
            "train": {
                "batch_seconds": 5.0,
                "step_seconds": 5.0,
                "max_seconds": 5.0,
                "log_every": 2,
                "checkpoint_every": 2,
            },
            "iterations": [FIRST, SECOND],
            "compare": {"layer": 1, "clusters": 6},
        },
    }
    run = chapters_run(
        tmp_path_factory.mktemp("hubert"), mini_corpus, RECORDINGS, overlay, seconds=40
    )
    run.snakemake("hubert")
    return run


def with_hubert(run: Run, **changes) -> Run:
    return run.with_config(hubert=changes)


def test_every_encoder_is_measured_beside_the_untrained_one(run):
    found = {}
    for path in run.results("units").rglob("quality.json"):
        found |= json.loads(path.read_text())
    pnmi = {key: figure["value"] for key, figure in found.items() if ".pnmi" in key}
    assert set(pnmi) == {
        "units.mfcc.pnmi",
        "hubert.untrained.pnmi",
        "hubert.iter1.pnmi",
        "hubert.iter1.pnmi.baseline",
        "hubert.iter2.pnmi",
        "hubert.iter2.pnmi.baseline",
    }
    assert pnmi["hubert.iter2.pnmi.baseline"] == pnmi["hubert.untrained.pnmi"]
    assert 0.1 < pnmi["units.mfcc.pnmi"] < 0.9
    assert all(figure["n"] > 500 for figure in found.values())


@pytest.mark.parametrize("model", ["untrained", "iter1", "iter2"])
def test_models_load_in_transformers(run, model):
    import aubert.encoders.logmel  # noqa: F401 - AutoModel knows its models from then on

    assert AutoModel.from_pretrained(run.results("hubert", model)).config.hidden_size == 16
    assert run.results("hubert", model, "train.jsonl").exists() == (model != "untrained")
    assert not run.results("hubert", f"{model}.training").exists()


def test_a_second_run_does_nothing(run):
    assert run.jobs("hubert") == []
    assert run.jobs("units") == []


def test_settings_of_k_means_make_every_codebook_again(run):
    jobs = run.with_config(units={"kmeans": {"restarts": 4}}).jobs("units")
    assert {"units_learn mfcc 6", "hubert_train 1", "units_label iter1_layer1 6 0"} < set(jobs)
    assert "hubert_init" not in jobs


def test_a_layer_to_be_found_is_looked_for_first(run):
    auto = {**SECOND, "features": {"iteration": 1, "layer": "auto"}}
    jobs = with_hubert(run, iterations=[FIRST, auto]).jobs("units")
    assert {"units_best_layer iter1_auto", "units_learn iter1_auto 6"} < set(jobs)
    assert "hubert_train 1" not in jobs


def test_hubert_learns_from_random_projections(run):
    first = {"features": "random_projection", "clusters": [64], "train": {"steps": 4}}
    drawn = run.with_config(
        name="drawn", units={"kmeans": {"passes": 1}}, hubert={"iterations": [first, SECOND]}
    )
    jobs = [job for job in drawn.jobs("hubert") if "random_projection" in job]
    labels = [job for job in jobs if job.startswith("units_label random_projection 64")]
    quality = ["units_quality random_projection 64"]
    assert sorted(jobs) == sorted(["units_draw random_projection 64", *labels, *quality])
    assert labels
    drawn.snakemake("hubert")
    results = drawn.directory / "results/drawn"
    log = (results / "hubert/iter1/train.jsonl").read_text().splitlines()
    assert "random_projection_k64.masked_accuracy" in json.loads(log[-1])
    assert json.loads(log[-1])["step"] == 4
    figures = json.loads((results / "units/random_projection/k64/quality.json").read_text())
    assert figures["units.random_projection_k64.pnmi"]["value"] > 0.05
    assert drawn.jobs("hubert") == []


def test_without_a_reference_pocketsphinx_tells_the_phones(run, mini_corpus):
    """Its phones are those of the reference, but for their names and edges."""
    blind = run.with_config(corpus={"reference": None})
    quality = "results/tiny/units/mfcc/k6/quality.json"
    assert "phones 0" in blind.jobs(quality)
    blind.snakemake(quality)
    pnmi = json.loads((run.directory / quality).read_text())["units.mfcc.pnmi"]
    assert 0.1 < pnmi["value"] < 0.9 and pnmi["n"] > 500

    aligned = {name: phones for name, _, phones in phones_of_utterances(run.results(), None)}
    names: dict[str, int] = {}
    tally, shuffled = QualityTally(60, 100.0), QualityTally(60, 100.0)
    for name, speaker, phones in phones_of_utterances(run.results(), mini_corpus / "reference"):
        frames = frame_phones(aligned.get(name, []), int(phones[-1]["end_s"] * 100), 100.0, names)
        tally.add(speaker, frames + 1, phones)
        shuffled.add(speaker, np.random.default_rng(0).permutation(frames) + 1, phones)
    assert tally.quality().pnmi > 0.55 > 0.2 > shuffled.quality().pnmi


def test_a_killed_training_goes_on_where_it_was(run):
    """SIGKILL to all of Snakemake's processes in the middle of a training."""
    model = run.results("hubert", "iter1")
    undisturbed = (model / "model.safetensors").read_bytes()
    log = (model / "train.jsonl").read_bytes()
    shutil.rmtree(model)
    target = ["--nolock", "--rerun-incomplete", "results/tiny/hubert/iter1"]
    process = subprocess.Popen(
        run.command(*target),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=run.environment(),
        start_new_session=True,
    )
    (begun,) = _wait_for(model.with_name("iter1.training"), "*/checkpoints/step_*", process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not model.exists()
    assert 0 < int(begun.name.removeprefix("step_")) < FIRST["train"]["steps"]

    run.snakemake(*target)
    assert (model / "model.safetensors").read_bytes() == undisturbed
    assert (model / "train.jsonl").read_bytes() == log
    assert not model.with_name("iter1.training").exists()


def _wait_for(folder: Path, pattern: str, process: subprocess.Popen) -> list[Path]:
    while not (found := sorted(folder.glob(pattern))):
        assert process.poll() is None, "the training ended before it could be killed"
        time.sleep(0.01)
    return found[-1:]
