"""Runs Snakemake as a user does, in a directory of its own."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import warm
import yaml

from aubert.config.resolve import PRESETS, laid_over, read_yaml

ROOT = Path(__file__).parents[2]
# The word-aligned corpus alone, by pocketsphinx.
NOTHING_TRAINED = {
    "systems": [],
    "transcribe": {"backend": "pocketsphinx"},
    "words": {"backend": "pocketsphinx"},
}
# The miniature run's networks and trainings, for other corpora: the defaults are the papers'.
MINI = read_yaml(PRESETS / "mini.yaml")
MINI_SIZES = {
    key: value for key, value in MINI.items() if key not in ("name", "num_shards", "corpus")
}


@dataclass(frozen=True)
class Run:
    """A working directory with a config overlay, and Snakemake in it.

    house: the checkout that is run
    server: that its commands are forked from, by name; None: each is started by itself
    """

    directory: Path
    overlay: dict
    house: Path = ROOT
    server: str | None = "all"

    def snakemake(self, *arguments: str, check: bool = True) -> str:
        """What Snakemake printed; AssertionError with it when `check` and it failed."""
        with tempfile.TemporaryFile("w+") as output:
            status = self._run(self.command(*arguments), output.fileno())
            output.seek(0)
            printed = output.read()
        assert not check or status == 0, printed[-6000:]
        return printed

    def _run(self, command: list[str], output: int) -> int:
        env = self.environment()
        if self.server is None:
            return subprocess.run(command, stdout=output, stderr=output, env=env).returncode
        address = warm.server(self.server)
        env |= warm.jobs_environment(address)
        return warm.run(address, command, (0, output, output), env)

    def command(self, *arguments: str) -> list[str]:
        configfile = self._own("overlay.yaml")
        configfile.write_text(yaml.safe_dump(self.overlay))
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(self.house / "Snakefile")]
        command += ["--directory", str(self.directory), "--configfile", str(configfile)]
        return [*command, "--workflow-profile", "none", "--cores", "2", *arguments]

    def _own(self, name: str) -> Path:
        """A file of the tests', where neither git nor the workflow looks."""
        folder = self.directory / ".snakemake"
        folder.mkdir(exist_ok=True)
        return folder / name

    def environment(self) -> dict[str, str]:
        plugins = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, plugins)),
            "JOBS_FILE": str(self._own("jobs.jsonl")),
        }

    def jobs(self, *arguments: str) -> list[str]:
        """What would run: 'rule shard' per job, other wildcards alike, sorted."""
        jobs = self.job_list(*arguments)
        return sorted(" ".join([job["rule"], *job["wildcards"].values()]) for job in jobs)

    def job_list(self, *arguments: str) -> list[dict]:
        """What would run, as Snakemake's own list has it: rule, wildcards, gpu, threads."""
        path = self._own("jobs.jsonl")
        path.write_text("")
        # An option after --logger: it takes every name that follows.
        self.snakemake("--logger", "jobs", "--dry-run", *arguments)
        return [json.loads(line) for line in path.read_text().splitlines()]

    def with_config(self, **changes) -> Run:
        """The same directory with other config entries (sections are merged)."""
        return replace(self, overlay=laid_over(self.overlay, changes))

    def results(self, *parts: str) -> Path:
        return self.directory.joinpath("results", self.overlay.get("name", "mini"), *parts)


@contextmanager
def in_the_checkout() -> Iterator[Run]:
    """The default run in the checkout itself. Snakemake lets one process at a time into a
    directory: of tests that run side by side, one waits for the other."""
    run = Run(ROOT, {})
    with run._own("tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield run
