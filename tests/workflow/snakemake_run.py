"""Runs Snakemake as a user does, in a directory of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """A working directory with a config overlay, and Snakemake in it."""

    directory: Path
    overlay: dict
    house: Path = ROOT  # the checkout that is run

    def snakemake(self, *arguments: str, check: bool = True) -> str:
        """What Snakemake printed; AssertionError with it when `check` and it failed."""
        configfile = self.directory / "overlay.yaml"
        configfile.write_text(yaml.safe_dump(self.overlay))
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(self.house / "Snakefile")]
        command += ["--directory", str(self.directory), "--configfile", str(configfile)]
        command += ["--workflow-profile", "none", "--cores", "2", *arguments]
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert not check or done.returncode == 0, done.stdout[-6000:]
        return done.stdout

    def jobs(self, *arguments: str) -> list[str]:
        """What would run: 'rule shard' per job ('rule' where there is no shard), sorted."""
        output = self.snakemake("--dry-run", *arguments)
        blocks = re.split(r"\n(?=(?:local)?rule )", output)[1:]
        found = []
        for block in blocks:
            rule = re.match(r"(?:local)?rule (\w+):", block)[1]
            shard = re.search(r"wildcards: shard=(\d+)", block)
            found.append(f"{rule} {shard[1]}" if shard else rule)
        return sorted(found)

    def with_config(self, **changes) -> Run:
        """The same directory with other top-level config entries (sections are merged)."""
        merged = dict(self.overlay)
        for key, value in changes.items():
            old = merged.get(key)
            merged[key] = {**old, **value} if isinstance(value, dict) and old else value
        return Run(self.directory, merged, self.house)

    def results(self, *parts: str) -> Path:
        return self.directory.joinpath("results", self.overlay.get("name", "mini"), *parts)
