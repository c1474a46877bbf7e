"""A training in several processes by its command: torchrun, a request to stop, nodes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from safetensors.torch import load_file
from test_hubert_stage import MODEL, TRAIN, labels_of, write_units
from tiny_corpus import write_corpus

from aubert.learn.stop import STOPPED
from aubert.units.shards import FeatureKind

# In place of SLURM's: both tasks on this machine.
SRUN = """#!/bin/sh
echo "$@" >> {log}
while [ "${{1#-}}" != "$1" ]; do shift; done
"$@" & first=$!
"$@" & second=$!
wait $first; a=$?
wait $second; b=$?
exit $(( a > b ? a : b ))
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    corpus = write_corpus(tmp_path_factory.mktemp("corpus"))
    write_units(corpus, "mfcc", FeatureKind("mfcc", 100.0), num_units=5)
    return corpus


def start(corpus, out: Path, *flags: str, **environment: str) -> subprocess.Popen:
    arguments = [str(corpus.results), str(out), f"--root={corpus.root}"]
    command = [sys.executable, "-m", "aubert", "hubert", "train", *arguments, *MODEL, *TRAIN]
    command += [f"--labels=mfcc={labels_of(corpus, 'mfcc')}", *flags]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True,
        env=inherited | {"OMP_NUM_THREADS": "1"} | environment,
    )  # fmt: skip


def losses(path: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def alone(corpus, tmp_path_factory) -> list[float]:
    out = tmp_path_factory.mktemp("alone") / "iter1"
    process = start(corpus, out, "--steps=40")
    assert process.wait() == 0, process.stderr.read()
    return losses(out / "train.jsonl")


def test_asked_to_stop_both_processes_end_and_the_next_call_goes_on(corpus, alone, tmp_path):
    out = tmp_path / "iter1"
    process = start(corpus, out, "--processes=2", "--steps=40")
    while not [path for path in tmp_path.rglob("metrics.jsonl") if len(losses(path)) > 2]:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)  # to the one that started the others
    _, errors = process.communicate()
    assert process.returncode == STOPPED, errors
    assert "the same command goes on" in errors and not out.exists()
    assert start(corpus, out, "--processes=2", "--steps=40").wait() == 0
    assert losses(out / "train.jsonl") == pytest.approx(alone, rel=1e-3)
    assert not (tmp_path / "iter1.training").exists()


def test_workers_end_with_what_started_them(corpus, tmp_path):
    """Killed, as when memory runs out: they would train on or wait for each other, and hold their
    GPUs."""
    process = start(corpus, tmp_path / "iter1", "--processes=2", "--steps=100000")
    while not [path for path in tmp_path.rglob("metrics.jsonl") if len(losses(path)) > 2]:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    workers = psutil.Process(process.pid).children()
    assert len(workers) == 2
    process.kill()
    _, alive = psutil.wait_procs(workers, timeout=60)
    for worker in alive:
        worker.kill()
    assert not alive


def test_two_nodes_are_two_tasks_that_meet(corpus, alone, tmp_path):
    programs, log = tmp_path / "bin", tmp_path / "srun.log"
    programs.mkdir()
    (programs / "srun").write_text(SRUN.format(log=log))
    (programs / "srun").chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    out = tmp_path / "iter1"
    flags = ("--processes=2", "--nodes=2", "--steps=40")
    process = start(corpus, out, *flags, PATH=path, SLURM_JOB_ID="7", SLURM_NTASKS="1")
    assert process.wait() == 0, process.stderr.read()
    assert losses(out / "train.jsonl") == pytest.approx(alone, rel=1e-3)
    assert "--nodes=2 --ntasks=2 --ntasks-per-node=1" in log.read_text()
    assert load_file(out / "model.safetensors")


def test_nodes_without_slurm_are_refused(corpus, tmp_path):
    process = start(corpus, tmp_path / "iter1", "--processes=2", "--nodes=2")
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "AUBERT_RENDEZVOUS=HOST:PORT" in errors
    process = start(corpus, tmp_path / "iter1", "--processes=3", "--nodes=2")
    assert "as many on each of 2 nodes" in process.communicate()[1]
