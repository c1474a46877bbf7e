"""Two processes that train together as torchrun starts them, and share nothing with the test's."""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def starting(module: str) -> Iterator[Callable]:
    """What starts a function of a test module, with arguments, in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    here = Path(__file__).parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{here}{os.pathsep}{here.parents[1]}")
        context.set_forkserver_preload([module])  # slow imports, once for all

        def start(function, *arguments):
            process = context.Process(target=function, args=arguments)
            process.start()
            return process

        yield start


def run_two(start: Callable, function: Callable, *arguments, status: int = 0) -> None:
    """function(*arguments, rank, port), which calls `as_torchrun` first, in both processes.
    status: that both end with"""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [start(function, *arguments, rank, port) for rank in range(2)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [status, status]


def as_torchrun(rank: int, port: int) -> None:
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in place.items()})
    os.environ["MASTER_ADDR"] = "127.0.0.1"
