"""Work spread over processes, with results in the order of the tasks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import TypeVar

PART_ITEMS = 100  # of a recording: three quarters of an hour in utterances

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_processes(
    work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int
) -> Iterator[Result]:
    """`map(work, tasks)` in `jobs` processes; with one job, in this process.

    Raises OSError when one of them was killed.
    """
    if jobs <= 1 or len(tasks) <= 1:
        yield from map(work, tasks)
        return
    with killed_workers_named(), pool(min(jobs, len(tasks))) as processes:
        yield from processes.map(work, tasks)


def parts(items: Sequence[Task], jobs: int) -> Iterator[Sequence[Task]]:
    """The items of one recording as tasks: some at a time, so that `jobs` processes share it; with
    one job all, as a compressed file is read from its start for each."""
    size = PART_ITEMS if jobs > 1 else max(len(items), 1)
    return (items[start : start + size] for start in range(0, len(items), size))


def pool(jobs: int) -> ProcessPoolExecutor:
    """`jobs` processes that end with this one, even when it is killed."""
    # Forking a process that runs threads (pyarrow's, OpenMP's, CUDA's) can deadlock.
    return ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_end_with_parent)


def _end_with_parent() -> None:
    # Of itself, a worker whose parent was killed waits for its next task for ever.
    def wait() -> None:
        parent_process().join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()


@contextmanager
def killed_workers_named() -> Iterator[None]:
    """Makes an OSError with a remedy of the death of a worker process, of a pool's or of
    torch's DataLoader."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, BrokenProcessPool) and "DataLoader worker" not in str(error):
            raise
        raise OSError(
            "a worker process was killed, most likely because memory ran out: start again with "
            "more memory, or with fewer processes (--jobs; threads and num_workers in the config)"
        ) from error
