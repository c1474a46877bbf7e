"""A training that is asked to stop, as schedulers ask before they end a job: it writes a checkpoint
and ends, and the same command goes on from there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
STOPPED = 75  # exit status: EX_TEMPFAIL of sysexits.h


class Stopped(Exception):
    """A training that ended before its last step, with a checkpoint of what it did."""


class Asked:
    """Within it, a signal of SIGNALS sets `so` and ends nothing. For the main thread."""

    def __init__(self):
        self.so = False

    def __enter__(self) -> Asked:
        self._before = {number: signal.signal(number, self._set) for number in SIGNALS}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _set(self, *_) -> None:
        self.so = True


def put_back() -> bool:
    """Puts the job of SLURM that this process is part of back into the queue, as the same job: what
    counts failures sees none. False where it is in no such job, where SLURM refuses, and where the
    job was cancelled or its time is over."""
    job = os.environ.get("SLURM_JOB_ID")
    if job is None or shutil.which("scontrol") is None:
        return False
    ask = ["squeue", "--noheader", "--jobs", job, "--Format=StateCompact"]
    state = subprocess.run(ask, capture_output=True, text=True).stdout.strip()
    return state == "R" and subprocess.run(["scontrol", "requeue", job]).returncode == 0
