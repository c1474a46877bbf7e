"""What a profile of Snakemake says of jobs: cores, GPUs, memory, time, groups."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aubert.cost.jobs import Job


class Limits(NamedTuple):
    """Of a job's first try. gpus: None where the profile says nothing; turns: whether the job takes
    several turns where one is too short; together: jobs of one submission"""

    threads: int
    gpus: int | None
    mem_mb: int
    runtime_min: int
    turns: bool
    together: int


class Profile:
    """jobs: that run or wait at a time; is_cluster: whether each is submitted"""

    def __init__(self, path: Path | None = None):
        """path: the folder, or its yaml; None: no profile. Raises ValueError for what is none."""
        self._values: Mapping[str, Any] = _read(path) if path is not None else {}
        self.jobs: int | None = self._values.get("jobs")
        self.is_cluster = self._values.get("executor", "local") not in ("local", "dryrun")

    def limits(self, job: Job) -> Limits:
        own = self._values.get("set-resources", {}).get(job.rule, {})
        resources = {**self._values.get("default-resources", {}), **own}
        gpus = resources.get("gpu")
        return Limits(
            threads=int(self._values.get("set-threads", {}).get(job.rule, job.threads)),
            gpus=None if gpus is None else _number(gpus),
            mem_mb=_number(own.get("mem_mb", job.mem_mb)),
            runtime_min=_number(own.get("runtime", job.runtime_min)),
            turns="--signal" in str(resources.get("slurm_extra", "")),
            together=self._together(job.rule),
        )

    def _together(self, rule: str) -> int:
        groups = self._values.get("groups", {})
        if rule not in groups:
            return 1
        members = sum(group == groups[rule] for group in groups.values())
        return members * self._values.get("group-components", {}).get(groups[rule], 1)


def _read(path: Path) -> Mapping[str, Any]:
    import yaml

    path = path / "profile.yaml" if path.is_dir() else path
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"--profile: {path} is no profile of Snakemake: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"--profile: {path} is no profile of Snakemake: it holds no keys")
    return found


def _number(value: Any) -> int:
    """Of a number, or of a product with `attempt`, as profiles have them."""
    product = 1
    for factor in str(value).split("*"):
        product *= 1 if factor.strip() == "attempt" else int(factor)
    return product
