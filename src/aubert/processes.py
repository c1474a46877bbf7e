"""Work spread over processes, with results in the order of the tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_processes(
    work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int
) -> Iterator[Result]:
    """`map(work, tasks)` in `jobs` processes; with one job, in this process."""
    if jobs <= 1 or len(tasks) <= 1:
        yield from map(work, tasks)
        return
    # Forking a process that runs threads (pyarrow's, OpenMP's) can deadlock.
    with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, tasks)
