"""How long a run takes where so many jobs and GPUs run at a time, and what it waits for."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import NamedTuple

from aubert.cost.jobs import Job


class Timed(NamedTuple):
    """A job, how long it takes, and how many cores and GPUs it holds in that time."""

    job: Job
    seconds: float
    cores: int
    gpus: int
    needs: tuple[int, ...]  # places in the list of all jobs


class Schedule(NamedTuple):
    """seconds: from the first job's start to the last one's end. critical: the jobs that follow
    each other without a gap up to the end, had every job what it needs at once"""

    seconds: float
    critical: list[Timed]


def spread(jobs: Sequence[Job], num_shards: int, timed: Callable[[Job, int | None], Timed]):
    """The jobs of all shards, from those of one. timed: of a job and its shard."""
    places: list[list[int]] = []  # of a job of one shard: its own in all shards, or one
    found: list[Timed] = []
    for job in jobs:
        own = []
        for shard in range(num_shards) if job.is_sharded else (None,):
            needs = []
            for number in job.needs:
                there = places[number]
                same = shard is not None and len(there) == num_shards and jobs[number].is_sharded
                needs += [there[shard]] if same else there
            own.append(len(found))
            found.append(timed(job, shard)._replace(needs=tuple(needs)))
        places.append(own)
    return found


def schedule(jobs: Sequence[Timed], num_jobs: int, num_cores: int, num_gpus: int) -> Schedule:
    """List scheduling: of the jobs that can start, the one with the longest way behind it does. A
    job that asks for more than there is runs alone."""
    behind = _longest_ways(jobs)
    waiting = [len(set(job.needs)) for job in jobs]
    followers: list[list[int]] = [[] for _ in jobs]
    for place, job in enumerate(jobs):
        for need in set(job.needs):
            followers[need].append(place)
    ready = [(-behind[place], place) for place, number in enumerate(waiting) if not number]
    heapq.heapify(ready)
    running: list[tuple[float, int]] = []
    now, slots, cores, gpus = 0.0, num_jobs, num_cores, num_gpus
    while ready or running:
        left = []
        while ready and slots:
            entry = heapq.heappop(ready)
            job = jobs[entry[1]]
            fits = min(job.cores, num_cores) <= cores and min(job.gpus, num_gpus) <= gpus
            if fits:
                slots, cores = slots - 1, cores - min(job.cores, num_cores)
                gpus -= min(job.gpus, num_gpus)
                heapq.heappush(running, (now + job.seconds, entry[1]))
            else:
                left.append(entry)
                if len(left) > _LOOKED_AT:
                    break
        for entry in left:
            heapq.heappush(ready, entry)
        now, place = heapq.heappop(running)
        job = jobs[place]
        slots, cores = slots + 1, cores + min(job.cores, num_cores)
        gpus += min(job.gpus, num_gpus)
        for follower in followers[place]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(ready, (-behind[follower], follower))
    return Schedule(now, _critical(jobs, behind))


_LOOKED_AT = 200  # jobs that do not fit, before no further one is tried


def _longest_ways(jobs: Sequence[Timed]) -> list[float]:
    """Of each job, its own time and that of the longest way behind it."""
    behind = [0.0] * len(jobs)
    for place in range(len(jobs) - 1, -1, -1):
        behind[place] += jobs[place].seconds
        for need in jobs[place].needs:
            behind[need] = max(behind[need], behind[place])
    return behind


def _critical(jobs: Sequence[Timed], behind: Sequence[float]) -> list[Timed]:
    followers: dict[int, list[int]] = {}
    for place, job in enumerate(jobs):
        for need in job.needs:
            followers.setdefault(need, []).append(place)
    starts = [place for place, job in enumerate(jobs) if not job.needs]
    path = []
    while starts:
        place = max(starts, key=behind.__getitem__)
        path.append(jobs[place])
        starts = followers.get(place, [])
    return path
