"""GPUs handed out: no two jobs of a user on one machine compute on the same device.

Snakemake counts GPUs (the resource `gpu`) but gives none a name. So a job that was promised
some takes devices that are free and shows itself only those. Light, and without torch: it
comes before CUDA is asked what there is.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from tempfile import gettempdir

VISIBLE = "CUDA_VISIBLE_DEVICES"
# What a scheduler calls the allocation that its devices belong to.
ALLOCATIONS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID")
POLL_S = 0.2

_held: list[int] = []  # the locks, which last as long as the process


def visible() -> list[str]:
    """The devices that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    named = os.environ.get(VISIBLE)
    if named is None:
        return [str(n) for n, _ in enumerate(Path("/dev").glob("nvidia[0-9]*"))]
    devices = [device.strip() for device in named.split(",")]
    # CUDA takes none from the first on that is no device.
    end = next((n for n, each in enumerate(devices) if each in ("", "-1")), len(devices))
    return devices[:end]


def take(number: int, folder: Path | None = None) -> list[str]:
    """Waits until `number` visible devices are free, and takes them for this process.

    It sees no other ones from then on; with 0, none at all. A device is free again when the
    process has ended, however it did: the lock on its file is the kernel's.
    folder: of the locks; processes that share devices share it. None: one of the machine's
    user, and of the allocation where a scheduler gave one, whose devices may have others' names.
    Raises ValueError when more are wanted than there are.
    """
    devices = visible()
    if number > len(devices):
        raise ValueError(
            f"the job asks for {number} GPUs, but {len(devices)} are visible here: lower `gpu` "
            f"of its rule in the profile, or look at {VISIBLE}"
        )
    taken = _lock(number, devices, folder or _folder()) if number else []
    os.environ[VISIBLE] = ",".join(taken)
    return taken


def _folder() -> Path:
    allocation = next((os.environ[name] for name in ALLOCATIONS if name in os.environ), "")
    return Path(gettempdir(), "-".join(["aubert-gpus", str(os.getuid()), allocation]).strip("-"))


def _lock(number: int, devices: list[str], folder: Path) -> list[str]:
    folder.mkdir(mode=0o700, exist_ok=True)
    # Who collects devices does so alone: two that each hold half of what both want wait for ever.
    turn = _open(folder / "turn")
    fcntl.flock(turn, fcntl.LOCK_EX)
    taken: list[str] = []
    while True:
        for device in devices:
            if len(taken) < number and device not in taken and _try(folder / f"gpu-{device}"):
                taken.append(device)
        if len(taken) == number:
            break
        time.sleep(POLL_S)
    os.close(turn)
    return taken


def _try(path: Path) -> bool:
    lock = _open(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    os.set_inheritable(lock, True)  # torchrun takes this process's place
    _held.append(lock)
    return True


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
