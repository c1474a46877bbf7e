"""Runs Snakemake as a user does, in a directory of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
# The word-aligned corpus alone, heard by pocketsphinx.
NOTHING_TRAINED = {
    "hubert": {"iterations": []},
    "ctc": {"inits": []},
    "aubert": {"scorers": []},
    "clar": {"arms": []},
    "separation": {"in_run": False},
    "transcribe": {"backend": "pocketsphinx"},
    "words": {"backend": "pocketsphinx"},
}


@dataclass(frozen=True)
class Run:
    """A working directory with a config overlay, and Snakemake in it."""

    directory: Path
    overlay: dict
    house: Path = ROOT  # the checkout that is run

    def snakemake(self, *arguments: str, check: bool = True) -> str:
        """What Snakemake printed; AssertionError with it when `check` and it failed."""
        done = subprocess.run(
            self.command(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment(),
        )
        assert not check or done.returncode == 0, done.stdout[-6000:]
        return done.stdout

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
        """What would run, as Snakemake's own list has it: rule, wildcards, gpu."""
        path = self._own("jobs.jsonl")
        path.write_text("")
        # An option after --logger: it takes every name that follows.
        self.snakemake("--logger", "jobs", "--dry-run", *arguments)
        return [json.loads(line) for line in path.read_text().splitlines()]

    def with_config(self, **changes) -> Run:
        """The same directory with other top-level config entries (sections are merged)."""
        merged = dict(self.overlay)
        for key, value in changes.items():
            old = merged.get(key)
            merged[key] = {**old, **value} if isinstance(value, dict) and old else value
        return Run(self.directory, merged, self.house)

    def results(self, *parts: str) -> Path:
        return self.directory.joinpath("results", self.overlay.get("name", "mini"), *parts)
