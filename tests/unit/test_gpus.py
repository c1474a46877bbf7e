"""Devices handed out to processes side by side."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aubert import gpus

# Takes devices, says which, and keeps them until it is asked to end. Where others look at the same
# device meanwhile, they find its mark.
HOLDER = """
import os, sys, pathlib
from aubert import gpus
taken = gpus.take(int(sys.argv[1]), pathlib.Path(sys.argv[2]))
marks = [pathlib.Path(sys.argv[2], f"in-use-{device}") for device in taken]
for mark in marks:
    mark.touch(exist_ok=False)
print(os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
sys.stdin.readline()
for mark in marks:
    mark.unlink()
"""


def hold(number: int, folder: Path, visible: str = "0,1,2") -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(number), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, gpus.VISIBLE: visible},
    )


def devices_of(process: subprocess.Popen) -> set[str]:
    return set(process.stdout.readline().strip().split(","))


def end(process: subprocess.Popen) -> None:
    process.communicate("\n")
    assert process.returncode == 0


def test_processes_side_by_side_have_devices_of_their_own(tmp_path):
    holders = [hold(1, tmp_path) for _ in range(3)]
    assert set.union(*map(devices_of, holders)) == {"0", "1", "2"}
    for holder in holders:
        end(holder)


def test_many_jobs_on_few_devices_all_run_and_never_share(tmp_path):
    """Those that want two and those that want one: none starves, each finds no other's mark."""
    holders = [hold(1 + n % 2, tmp_path) for n in range(8)]
    for holder in holders:
        holder.stdin.write("\n")  # end as soon as it has its devices
        holder.stdin.flush()
    for number, holder in enumerate(holders):
        assert len(devices_of(holder)) == 1 + number % 2
        assert holder.wait() == 0


def test_a_killed_process_gives_its_device_back(tmp_path):
    first = hold(1, tmp_path, "7")
    assert devices_of(first) == {"7"}
    waiting = hold(1, tmp_path, "7")
    first.send_signal(signal.SIGKILL)
    first.wait()
    (tmp_path / "in-use-7").unlink()
    assert devices_of(waiting) == {"7"}
    end(waiting)


def test_a_process_that_another_program_takes_over_keeps_its_device(tmp_path):
    """As torchrun does."""
    code = "import os, sys; from aubert import gpus; from pathlib import Path\n"
    code += f"gpus.take(1, Path({str(tmp_path)!r})); os.execv({sys.executable!r}, ['python', '-c', "
    code += "'import sys; print(1, flush=True); sys.stdin.readline()'])"
    env = {**os.environ, gpus.VISIBLE: "0,1"}
    taken_over = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    )
    taken_over.stdout.readline()
    second = hold(1, tmp_path, "0,1")
    assert devices_of(second) == {"1"}
    end(second)
    end(taken_over)


@pytest.mark.parametrize(
    ("named", "devices"),
    [("", []), ("2", ["2"]), ("0, 3", ["0", "3"]), ("1,-1,2", ["1"]), ("GPU-ab,GPU-cd",) * 2],
)
def test_devices_that_are_visible(monkeypatch, named, devices):
    monkeypatch.setenv(gpus.VISIBLE, named)
    assert gpus.visible() == (devices.split(",") if isinstance(devices, str) else devices)


def test_without_a_promise_there_is_no_device(monkeypatch, tmp_path):
    monkeypatch.setenv(gpus.VISIBLE, "0,1")
    assert gpus.take(0, tmp_path) == []
    assert os.environ[gpus.VISIBLE] == ""


def test_more_than_there_are_is_a_clear_error(monkeypatch, tmp_path):
    monkeypatch.setenv(gpus.VISIBLE, "0,1")
    with pytest.raises(ValueError, match="asks for 3 GPUs, but 2 are visible here"):
        gpus.take(3, tmp_path)


def test_an_allocation_of_a_scheduler_is_a_world_of_its_own(monkeypatch, tmp_path):
    """Its devices are numbered from 0 again, whatever other allocations have on the machine."""
    monkeypatch.setattr(gpus, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv(gpus.VISIBLE, "0")
    for name in gpus.ALLOCATIONS:
        monkeypatch.delenv(name, raising=False)
    assert gpus.take(1) == ["0"]
    monkeypatch.setenv(gpus.VISIBLE, "0")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    assert gpus.take(1) == ["0"]
    assert len(list(tmp_path.iterdir())) == 2
