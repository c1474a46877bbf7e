import errno
import os
import signal
import subprocess
import sys

import pytest

from aubert.files import alone, complete, complete_directory, write_json

KILLED = """
import os, signal, sys
from pathlib import Path
from aubert import files
with files.{how}(sys.argv[1]) as part:
    (part / "half" if part.is_dir() else part).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("how", ["complete", "complete_directory"])
def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path, how):
    path = tmp_path / "a[b].json"  # a pattern, were it not escaped
    done = subprocess.run([sys.executable, "-c", KILLED.format(how=how), str(path)])
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left != path
    with {"complete": complete, "complete_directory": complete_directory}[how](path) as part:
        (part / "whole" if part.is_dir() else part).write_text("whole")
    assert list(tmp_path.iterdir()) == [path]


def test_one_that_still_runs_keeps_its_part(tmp_path):
    running = tmp_path / f".out.{os.getppid()}.part"
    running.touch()
    write_json(tmp_path / "out", {})
    assert running.exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named_and_leaves_what_was_there(tmp_path, number):
    path = tmp_path / "out.json"
    write_json(path, "before")
    with pytest.raises(OSError, match=r"out\.json does not fit .*make room"), complete(path):
        raise OSError(number, os.strerror(number))
    assert os.listdir(tmp_path) == ["out.json"] and path.read_text() == '"before"\n'


def test_a_directory_is_replaced_at_the_end_or_not_at_all(tmp_path):
    path = tmp_path / "model"
    with complete_directory(path) as part:
        (part / "old").touch()
    with pytest.raises(ZeroDivisionError), complete_directory(path) as part:
        (part / "new").touch()
        raise ZeroDivisionError
    assert os.listdir(path) == ["old"]
    with complete_directory(path) as part:
        (part / "new").touch()
    assert os.listdir(path) == ["new"] and os.listdir(tmp_path) == ["model"]


HOLDING = """
import sys
from aubert.files import alone
with alone(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_held_by_one_process_and_ends_with_it(tmp_path):
    lock = tmp_path / "training/lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(OSError, match=rf"another process \({holder.pid} on"), alone(lock):
            pass
        holder.kill()
    with alone(lock):
        assert lock.read_text().startswith(f"{os.getpid()} on")
