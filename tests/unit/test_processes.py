import os
import signal
import subprocess
import sys

import pytest

from aubert import processes
from aubert.processes import in_processes, parts


def double(number):
    return 2 * number


def die_at_three(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory is short
    return number


def test_results_come_in_the_order_of_the_tasks():
    assert list(in_processes(double, range(9), jobs=2)) == list(range(0, 18, 2))


def test_several_processes_share_the_items_of_a_recording(monkeypatch):
    monkeypatch.setattr(processes, "PART_ITEMS", 3)
    assert [list(part) for part in parts(range(7), jobs=2)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [list(part) for part in parts(range(7), jobs=1)] == [list(range(7))]
    assert not list(parts([], jobs=1)) and not list(parts([], jobs=2))


def test_a_killed_worker_is_an_error_that_says_what_to_do():
    with pytest.raises(OSError, match="was killed, most likely because memory ran out"):
        list(in_processes(die_at_three, range(9), jobs=2))


WAITING = """
import os, time
from aubert.processes import pool
if __name__ == "__main__":
    with pool(2) as processes:
        for pid in processes.map(os.getpgid, [0, 0]):
            pass
        print(*processes._processes, flush=True)
        time.sleep(60)
"""


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    (tmp_path / "waiting.py").write_text(WAITING)
    command = [sys.executable, str(tmp_path / "waiting.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        assert workers
        parent.kill()
        parent.wait()
        # They hold the pipe: reading comes to an end when the last of them has ended.
        parent.stdout.read()
