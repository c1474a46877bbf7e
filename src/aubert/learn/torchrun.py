"""A training in several processes: the command starts itself again under torchrun."""

from __future__ import annotations

import argparse
import os
import sys


def add_processes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--processes", type=int, default=1, help="to share the work, a GPU each; under torchrun: 1"
    )


def is_worker() -> bool:
    """Whether torchrun started this process."""
    return "RANK" in os.environ


def start_processes(arguments: argparse.Namespace) -> None:
    """Does not return where there are several processes to be started."""
    if arguments.processes <= 1 or is_worker():
        return
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*torchrun, f"--nproc-per-node={arguments.processes}", "-m", "aubert", *sys.argv[1:]]
    os.execv(sys.executable, command)
