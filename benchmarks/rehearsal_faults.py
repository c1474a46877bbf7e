"""Faults of rehearsal.py: the jobs of a one-node SLURM, some of them killed at random moments."""

from __future__ import annotations

import random
import statistics
import subprocess
import time
from collections import Counter, defaultdict
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil
from real_recordings import ROOT

NODE = ROOT / "tests/slurm/one_node.sh"
FIELDS = ["jobid", "state", "restartcnt", "minmemory", "comment"]
# kill: SIGKILL to the command's processes, as when memory runs out; cancel: as by an administrator;
# both take one of the job's tries. requeue: as when its node fails, which takes none.
HOWS = ("kill", "cancel", "requeue")
TRIES = 2  # that are taken from one job, at most: those of the profile's `retries`
FIRST_GUESS_S = 20.0  # of a job's time


@dataclass
class Job:
    """A submission, as squeue last showed it."""

    id: str
    rule: str  # or group
    name: str  # rule and wildcards
    state: str
    restarts: int
    asked: str  # memory


@dataclass
class Watch:
    """Looks at the queue and strikes. rate: share of submissions, and of restarts, that are struck;
    node_failures: how often the node goes down, and all its jobs with it.

    struck: what was done to whom, [how, job's name]
    """

    rate: float
    seed: int
    node_failures: int
    jobs: dict[str, Job] = field(default_factory=dict)
    struck: list[tuple[str, str]] = field(default_factory=list)
    _begun: dict[tuple[str, int], float] = field(default_factory=dict)
    _due: dict[tuple[str, int], tuple[float, str]] = field(default_factory=dict)
    _lengths: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _turns: Counter = field(default_factory=Counter)
    _next_node_failure: int = 12  # once there are so many submissions

    def look(self) -> None:
        """Once; call it every second."""
        now = time.monotonic()
        for job in queue():
            before, turn = self.jobs.get(job.id), (job.id, job.restarts)
            self.jobs[job.id] = job
            if job.state == "RUNNING" and turn not in self._begun:
                self._begun[turn] = now
                self._draw(job, turn, now)
            if job.state == "COMPLETED" and before and before.state != "COMPLETED":
                self._lengths[job.rule].append(now - self._begun.get(turn, now))
            when, how = self._due.get(turn, (float("inf"), ""))
            if job.state == "RUNNING" and when <= now:
                del self._due[turn]
                self._strike(how, job)
        self._fail_node()

    def _draw(self, job: Job, turn: tuple[str, int], now: float) -> None:
        """Whether, how and when this turn of the job is struck: by its name and how often that
        has run, so that the order of the queue does not matter."""
        self._turns[job.name] += 1
        chance = random.Random(f"{self.seed} {job.name} {self._turns[job.name]}")
        if chance.random() < self.rate:
            how = chance.choice(HOWS)
            taken = sum(name == job.name and one != "requeue" for one, name in self.struck)
            if how == "requeue" or taken < TRIES:
                length = statistics.median(self._lengths[job.rule] or [FIRST_GUESS_S])
                self._due[turn] = (now + chance.random() * length, how)

    def _strike(self, how: str, job: Job) -> None:
        if how == "kill":
            done = kill(job.id)
        else:
            command = {"cancel": ["scancel"], "requeue": ["scontrol", "requeue"]}[how]
            done = subprocess.run([*command, job.id], capture_output=True).returncode == 0
        if done:
            self.struck.append((how, job.name))
            print(f"struck: {how} {job.name}", flush=True)

    def _fail_node(self) -> None:
        """Down and up again, with some jobs; the times are spread over the submissions."""
        running = [job for job in self.jobs.values() if job.state == "RUNNING"]
        if not (self.node_failures and running and len(self.jobs) >= self._next_node_failure):
            return
        self.node_failures -= 1
        self._next_node_failure = 5 * len(self.jobs)
        update = ["scontrol", "update", f"NodeName={hostname()}"]
        subprocess.run([*update, "State=DOWN", "Reason=rehearsal"], check=True)
        time.sleep(3)
        # It may have come back by itself (ReturnToService), which is no fault.
        subprocess.run([*update, "State=RESUME"], capture_output=True)
        self.struck += [("node", job.name) for job in running]
        print(f"struck: the node, with {len(running)} jobs", flush=True)

    def record(self) -> dict:
        """For a json."""
        return {"jobs": [asdict(job) for job in self.jobs.values()], "struck": self.struck}


def kill(job_id: str) -> bool:
    """The processes `python -m aubert` of the job; before there are any, those of its Snakemake.
    Returns whether there were any."""
    its = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("SLURM_JOB_ID") == job_id:
                its.append((process, process.cmdline()))
    commands = [process for process, line in its if line[1:3] == ["-m", "aubert"]]
    started = commands or [process for process, line in its if line[1:3] == ["-m", "snakemake"]]
    for process in started:
        with suppress(psutil.Error):
            process.kill()
    return bool(started)


def queue() -> list[Job]:
    """Every job that SLURM knows of, the oldest first."""
    command = ["squeue", "--states=all", "--noheader", "--sort=i", "--Format"]
    command += [",".join(f"{name}:|" for name in FIELDS)]
    shown = subprocess.run(command, capture_output=True, text=True)
    found = []
    for line in shown.stdout.splitlines():  # none while the controller is busy
        job_id, state, restarts, asked, comment = line.split("|")[: len(FIELDS)]
        name = comment.removeprefix("rule_")
        rule = name.split("_wildcards_")[0]
        found.append(Job(job_id, rule, name, state, int(restarts or 0), asked))
    return found


def hostname() -> str:
    return subprocess.run(["hostname", "-s"], capture_output=True, text=True).stdout.strip()


@contextmanager
def one_node(folder: Path):
    """A SLURM of this machine alone, while it lasts."""
    started = subprocess.run([NODE, "start", str(folder)], capture_output=True, text=True)
    if started.returncode:
        raise SystemExit(
            f"no SLURM: {started.stderr.strip()}\nAs root: {NODE.relative_to(ROOT)} install"
        )
    try:
        yield
    finally:
        subprocess.run(["scancel", "--user=root"])
        subprocess.run([NODE, "stop", str(folder)], check=True)
