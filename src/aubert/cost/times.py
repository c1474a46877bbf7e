"""How long each job of a run takes, the longest of each rule, and the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from aubert.cost.estimate import Estimate
from aubert.cost.jobs import Job
from aubert.cost.profile import Profile
from aubert.cost.schedule import Timed, schedule, spread

SHORT_S = 600  # a job of less is mostly start


class Longest(NamedTuple):
    """Of a rule's jobs. limit_s: its time in the profile, or as its rule declares it; turns:
    whether it goes on in another turn"""

    seconds: float
    limit_s: float
    turns: bool


class Times:
    """jobs: of one shard; shares: of the audio, that each shard holds

    longest: by rule
    """

    def __init__(
        self, estimate: Estimate, jobs: Sequence[Job], shares: np.ndarray, profile: Profile
    ):
        self._estimate, self._jobs, self._shares, self._profile = estimate, jobs, shares, profile
        self._limits = {job.rule: profile.limits(job) for job in jobs}
        largest = int(np.argmax(shares))
        self.longest: dict[str, Longest] = {}
        for job in jobs:
            limits = self._limits[job.rule]
            seconds = self._timed(job, largest).seconds
            before = self.longest.get(job.rule, Longest(0, 0, False)).seconds
            self.longest[job.rule] = Longest(
                max(before, seconds), 60 * limits.runtime_min, limits.turns
            )

    def summary(self, num_jobs: int, num_cores: int, num_gpus: int) -> str:
        """Time of the whole with so many jobs, cores and GPUs at a time, and what it waits for."""
        needs_gpus = any(self._timed(job, 0).gpus for job in self._jobs)
        everything = spread(self._jobs, len(self._shares), self._timed)
        found = schedule(everything, num_jobs, num_cores, num_gpus)
        together = [self._limits[one.job.rule].together for one in everything]
        submitted = [one.job.runtime_min > 0 for one in everything]
        submissions = sum(1 / n for n, here in zip(together, submitted, strict=True) if here)
        short = sum(
            1 / n
            for one, n, here in zip(everything, together, submitted, strict=True)
            if here and one.seconds * n < SHORT_S
        )
        words = [f"{'many' if num_jobs >= 10**9 else num_jobs} jobs"]
        if num_cores < 10**9:
            words.append(f"{num_cores} cores")
        if needs_gpus:
            words.append(f"{'as many GPUs as they ask for' if num_gpus >= 10**9 else num_gpus}"
                         f"{'' if num_gpus >= 10**9 else ' GPUs'}")  # fmt: skip
        ways = [one for one in found.critical if one.seconds > 0.01 * found.seconds]
        way = " > ".join(f"{_name(one.job)} {one.seconds / 3600:.2f} h" for one in ways)
        least = sum(one.seconds for one in found.critical) / 3600
        return (
            f"time: {found.seconds / 3600:,.2f} hours with {', '.join(words)} at a time; at least "
            f"{least:,.2f} hours, as these follow each other:\n  {way}\n"
            f"submissions: {submissions:,.0f}, of them {short:,.0f} shorter than ten minutes\n"
        )

    def outlasted(self) -> list[str]:
        """A line for each stage whose longest job outlasts its time."""
        return [
            f"{rule}: its longest job takes {longest.seconds / 3600:.1f} h, its time is "
            f"{longest.limit_s / 3600:.1f} h: raise its runtime in the profile, or num_shards"
            for rule, longest in self.longest.items()
            if longest.limit_s and longest.seconds > longest.limit_s and not longest.turns
        ]

    def _timed(self, job: Job, shard: int | None) -> Timed:
        hours = None
        if job.is_sharded and shard is not None:
            hours = float(self._shares[shard]) * self._estimate.hours
        cost, limits = self._estimate.cost(job, hours), self._limits[job.rule]
        rates = self._estimate.rates
        gpus = max(1, limits.gpus or 1) if cost.gpu_s else 0
        # Only some stages share a job's work among processes; trainings do so among GPUs.
        threads = limits.threads if job.rule in rates["in_processes"] else 1
        submitted = (
            self._profile.is_cluster and job.runtime_min > 0
        )  # others run in Snakemake's place
        start_s = rates["submit_s"] / limits.together if submitted else 0.0
        seconds = start_s + cost.cpu_s / threads + (cost.gpu_s / gpus if gpus else 0.0)
        return Timed(job, seconds, max(1, limits.threads), gpus, ())


def _name(job: Job) -> str:
    others = [value for key, value in job.wildcards.items() if key != "shard"]
    return " ".join([job.rule, *others])
