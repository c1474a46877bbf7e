"""Profiles name rules that there are, and jobs that compute on GPUs are promised some."""

from __future__ import annotations

import re

import pytest
import yaml
from snakemake_run import MINI, ROOT, Run

RULES = "\n".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))
SHELLS = dict(re.findall(r'^ *rule (\w+):.*?shell:\s+"(.*?)"\n', RULES, re.M | re.S))
ON_GPUS = {rule for rule, shell in SHELLS.items() if "{resources.gpu}" in shell}
FIRST, SECOND = MINI["hubert"]["iterations"]
# What the default run leaves out: with it, every rule that computes on GPUs has a job.
EVERY_RULE = {
    "units": {"features": "dumped", "kmeans": {"passes": 1}},
    "hubert": {"iterations": [FIRST, {**SECOND, "features": {"iteration": 1, "layer": "auto"}}]},
}


def profile(name: str) -> dict:
    return yaml.safe_load((ROOT / "profiles" / name / "profile.yaml").read_text())


@pytest.mark.parametrize("name", ["default", "slurm"])
def test_the_rules_of_a_profile_are_there(name):
    named = {
        rule
        for key in ("set-resources", "set-threads", "groups")
        for rule in profile(name).get(key, {})
    }
    assert named <= set(SHELLS)


def test_every_job_on_gpus_takes_them_and_has_some_on_a_cluster():
    assert len(ON_GPUS) >= 9
    assert all("aubert --gpus={resources.gpu} " in SHELLS[rule] for rule in ON_GPUS)
    given = profile("slurm")["set-resources"]
    assert {rule for rule, own in given.items() if own.get("gpu", 0) >= 1} == ON_GPUS
    assert all(given[rule]["slurm_partition"] == "gpu" for rule in ON_GPUS)


def test_jobs_of_a_group_run_one_after_the_other():
    """Else a submission would ask for the cores and the memory of all of them at once."""
    slurm = profile("slurm")
    assert set(slurm["groups"].values()) == set(slurm["group-components"])
    for rule in slurm["groups"]:
        assert slurm["set-resources"][rule]["one_by_one"] == slurm["resources"]["one_by_one"] == 1
    assert slurm["set-resource-scopes"] == {"one_by_one": "local"}


def test_no_submission_waits_for_itself(tmp_path):
    """Samples and labels of one feature follow those of another, with a training between: a
    submission that held both could never begin, and Snakemake refuses the run."""
    profile = ["--workflow-profile", str(ROOT / "profiles/slurm")]
    found = Run(tmp_path, {**EVERY_RULE, "num_shards": 3}).job_list(*profile)
    features = [job["wildcards"]["feature"] for job in found if job["rule"] == "units_label"]
    assert len(set(features)) >= 3


@pytest.mark.parametrize(("devices", "gpu"), [("", 0), ("0,1,2", 1)])
def test_a_job_takes_a_gpu_where_there_is_one(tmp_path, monkeypatch, devices, gpu):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", devices)
    profile = ["--workflow-profile", str(ROOT / "profiles/default")]
    jobs = Run(tmp_path, EVERY_RULE).job_list(*profile)
    promised = {job["rule"]: job["gpu"] for job in jobs if "mfcc" not in job["wildcards"].values()}
    assert {rule for rule, count in promised.items() if count is not None} == ON_GPUS
    assert {promised[rule] for rule in ("hubert_train", "transcribe", "units_label")} == {gpu}
