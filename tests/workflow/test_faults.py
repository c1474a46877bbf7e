"""Nothing is lost when a run is disturbed. More of the same: benchmarks/faults.py."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import faults
import pytest
from faults import OVERLAY, Undisturbed, contents, disturb, start, target, wait_for_job
from snakemake_run import Run

STAGES = ("books", "units_label", "hubert_train")


def finish(directory: Path, *arguments: str) -> None:
    Run(directory, OVERLAY).snakemake("--rerun-incomplete", "--show-failed-logs", *arguments)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, mini_corpus) -> Iterator[Undisturbed]:
    """Timed as a user starts it, as are the jobs that are killed; what goes on afterwards is
    not."""
    made = Undisturbed(tmp_path_factory.mktemp("faults"), mini_corpus, STAGES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(faults, "finish", finish)
        yield made


@pytest.mark.parametrize(
    ("stage", "how", "moment"),
    [("units_label", "run", 0.6), ("books", "job", 0.3), ("hubert_train", "main", 0.7)],
)
def test_a_killed_job_leaves_nothing_half_there_and_comes_out_the_same(
    undisturbed, stage, how, moment
):
    disturb(undisturbed, stage, how, moment)


def test_of_two_at_once_the_second_is_refused(undisturbed):
    work = undisturbed.copy("hubert_train")
    first = start(work, "--force", target("hubert_train"))
    wait_for_job(first)
    assert start(work, target("hubert_train"), log="second.txt").wait() != 0
    assert "cannot be locked" in (work / "second.txt").read_text()
    assert first.wait() == 0
    assert contents(work) == contents(undisturbed.folder("hubert_train"))


@pytest.fixture
def small_disk(undisturbed):
    """A copy without results, which are to lie on a disk of 64 kB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    work = undisturbed.copy("books")
    results = work / "results"
    results.rename(work / "before")
    results.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(results)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this root may not mount a small disk")
    yield work
    subprocess.run(["umount", str(results)], check=True)


def remount(work: Path, option: str) -> None:
    options = ["mount", "-o", f"remount,{option}", str(work / "results")]
    subprocess.run(options, check=True)


def test_a_full_and_a_read_only_disk_are_named_and_the_run_goes_on_afterwards(
    undisturbed, small_disk
):
    for option, message in (("ro", "Read-only file system"), ("rw", "does not fit on the disk")):
        remount(small_disk, option)
        assert start(small_disk, target("books")).wait() != 0
        output = (small_disk / "snakemake.txt").read_text()
        assert message in output and "Traceback" not in output, output
        assert not list((small_disk / "results").rglob("*.parquet*"))
    remount(small_disk, "size=16m")
    finish(small_disk, target("books"))
    whole = contents(undisturbed.folder("books"))
    made = contents(small_disk)
    assert made and all(whole[name] == content for name, content in made.items())
