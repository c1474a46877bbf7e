"""The workflow on a real SLURM, of one made-up node: through profiles/slurm, with a job that is
killed for memory and comes again with more, a training on two GPUs that is warned of its end and
goes on in another turn, and a run that is broken off and goes on.

Needs root and the packages slurmctld, slurmd, slurm-client and munge (tests/slurm/one_node.sh
install); skipped where they are not there.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from snakemake_run import ROOT, Run
from tiny_run import HUBERT, tiny_run

NODE = Path(__file__).with_name("one_node.sh")
TARGETS = ["dataset", "results/tiny/hubert/iter1"]
STEPS = 400
TOO_LITTLE_MB = 100  # for units_learn, which loads torch; sixteen times as much is enough


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    for program in ("slurmctld", "slurmd", "sbatch", "munged"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: {NODE.name} install, as root")
    if os.geteuid() != 0:
        pytest.skip("only root can start a SLURM")
    directory = str(tmp_path_factory.mktemp("node"))
    started = subprocess.run([NODE, "start", directory], capture_output=True, text=True)
    if started.returncode == 3:
        pytest.skip(started.stderr.strip())
    try:
        assert started.returncode == 0, started.stderr
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LOOK_EVERY_S", "2")  # in snakemake_logger_plugin_jobs
            yield
    finally:
        subprocess.run([NODE, "stop", directory], check=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory, mini_corpus) -> Run:
    """Its commands are started by SLURM alone, which counts their memory."""
    found = tiny_run(tmp_path_factory.mktemp("slurm"), mini_corpus, num_shards=1)
    # Long enough to be warned in the middle.
    first, *others = HUBERT["iterations"]
    longer = [{**first, "train": {"steps": STEPS}}, *others]
    return replace(found.with_config(hubert={"iterations": longer}), server=None)


@pytest.fixture(scope="module")
def profile(tmp_path_factory) -> list[str]:
    """profiles/slurm as its user edits it, for a node of nothing."""
    edited = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text())
    given = edited["set-resources"]["hubert_train"]
    gpu = {**given, "gpu": 2, "mem_mb": "6000 * attempt", "runtime": 20}
    learn = {"slurm_partition": "gpu", "gpu": 1, "mem_mb": f"{TOO_LITTLE_MB} * attempt**4"}
    label = {"slurm_partition": "gpu", "gpu": 1, "mem_mb": "2000 * attempt"}
    of_groups = {
        rule: {name: value for name, value in edited["set-resources"][rule].items()
               if name not in ("gpu", "slurm_partition")}
        for rule in edited["groups"]
    }  # fmt: skip
    own = {"hubert_train": gpu, "units_learn": learn, "units_label": label}
    edited["set-resources"] = of_groups | own
    edited["slurm-status-command"] = "squeue"
    edited["slurm-init-seconds-before-status-checks"] = 3
    edited["latency-wait"] = 15
    directory = tmp_path_factory.mktemp("profile")
    (directory / "profile.yaml").write_text(yaml.safe_dump(edited))
    return ["--workflow-profile", str(directory)]


def submitted() -> list[dict[str, str]]:
    """Every job that SLURM has seen, oldest first."""
    names = ["jobid", "state", "minmemory", "tres-per-job", "partition", "comment"]
    command = ["squeue", "--states=all", "--noheader", "--sort=i", "--Format"]
    command += [",".join(f"{name}:|" for name in names)]
    table = subprocess.run(command, capture_output=True, text=True, check=True)
    return [dict(zip(names, line.split("|"), strict=False)) for line in table.stdout.splitlines()]


def of_rule(rule: str) -> list[dict[str, str]]:
    return [job for job in submitted() if job["comment"].startswith(f"rule_{rule}")]


def is_alive(job: dict[str, str]) -> bool:
    return job["state"] in ("PENDING", "RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING")


@pytest.fixture(scope="module")
def broken_off(cluster, run, profile) -> set[str]:
    """Interrupted (Ctrl-C) while recordings are transcribed: the files that were done."""
    process = subprocess.Popen(
        run.command(*profile, *TARGETS),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=run.environment(),
        # What is started in the background of a script has it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not any(job["state"] == "RUNNING" for job in of_rule("transcribe")):
        assert process.poll() is None, process.stdout.read()[-6000:]
        time.sleep(0.2)
    # It would be done in seconds, perhaps before Snakemake, which looks up now and then, ends it.
    subprocess.run(["scontrol", "suspend", of_rule("transcribe")[-1]["jobid"]], check=True)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode != 0
    for _ in range(300):  # a suspended job outlives its cancellation for some seconds
        if not any(is_alive(job) for job in submitted()):
            break
        time.sleep(0.2)
    return {str(path.relative_to(run.directory)) for path in run.results().rglob("*.parquet")}


@pytest.fixture(scope="module")
def finished(broken_off, run, profile) -> str:
    """What the second call printed, that went on to the end; on the way its training was warned, as
    SLURM warns before the time is over (--signal)."""
    process = subprocess.Popen(
        run.command(*profile, *TARGETS),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=run.environment(),
    )  # fmt: skip
    while not any(path.stat().st_size for path in run.results().rglob("metrics.jsonl")):
        assert process.poll() is None, process.stdout.read()[-6000:]
        time.sleep(0.2)
    subprocess.run(["scancel", "--signal=TERM", of_rule("hubert_train")[-1]["jobid"]], check=True)
    printed, _ = process.communicate()
    assert process.returncode == 0, printed[-6000:]
    return printed


def test_an_interrupt_cancels_the_jobs(broken_off):
    assert [job for job in submitted() if is_alive(job)] == []
    assert of_rule("transcribe")[-1]["state"] == "CANCELLED"
    assert "results/tiny/utterances/0.parquet" in broken_off
    assert "results/tiny/words/0.parquet" not in broken_off


def test_what_was_done_is_not_done_again(finished, broken_off):
    # index and cut are one submission.
    assert [job["state"] for job in of_rule("recordings")] == ["COMPLETED"]
    assert of_rule("index") == of_rule("cut") == []
    assert of_rule("places")[-1]["state"] == "COMPLETED"
    assert of_rule("words")[-1]["state"] == "COMPLETED"


def test_what_is_killed_for_memory_comes_again_with_more(finished):
    tries = [job for job in of_rule("units_learn") if job["state"] != "CANCELLED"]
    assert [job["minmemory"] for job in tries][-2:] == [
        f"{TOO_LITTLE_MB}M",
        f"{16 * TOO_LITTLE_MB}M",
    ]
    assert [job["state"] for job in tries][-2:] == ["FAILED", "COMPLETED"]


def test_a_training_takes_its_gpus_with_a_process_each(finished, run):
    (job,) = of_rule("hubert_train")
    assert (job["state"], job["partition"]) == ("COMPLETED", "gpu")
    assert job["tres-per-job"] == "gres:gpu:2"
    assert (run.results("hubert", "iter1") / "model.safetensors").is_file()


def test_a_training_that_is_warned_takes_another_turn_as_the_same_job(finished, run):
    """It spends none of the tries that are for memory."""
    (job,) = of_rule("hubert_train")
    show = ["scontrol", "show", "job", job["jobid"]]
    assert "Restarts=1 " in subprocess.run(show, capture_output=True, text=True).stdout
    assert finished.count("Trying to restart job") == 1  # units_learn, for memory
    log = (run.results("hubert", "iter1") / "train.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == list(range(1, STEPS + 1))


def test_a_second_run_does_nothing(finished, run, profile):
    assert run.jobs(*TARGETS) == []
    assert "Nothing to be done" in run.snakemake("--dry-run", *profile, *TARGETS)
