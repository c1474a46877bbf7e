"""Files that are whole or not there, whatever happens to the process that writes them."""

from __future__ import annotations

import errno
import fcntl
import glob
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class NoRoom(OSError):
    """A file or directory that does not fit on its disk."""


@contextmanager
def complete(path: str | Path) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it at the end; removed when that fails.

    What processes of this machine that were killed left of it is removed first. Raises
    NoRoom that names `path` when it does not fit on the disk.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    part = _beside(path, "part")
    try:
        with room_for(path):
            yield part
            os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def complete_directory(path: str | Path) -> Iterator[Path]:
    """As `complete`, for a directory: one that is there already is replaced at the end."""
    path = Path(path)
    _sweep(path)
    part, old = _beside(path, "part"), _beside(path, "old")
    try:
        with room_for(path):
            part.mkdir(parents=True)
            yield part
            if path.exists():
                path.rename(old)
            part.rename(path)
            shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _beside(path: Path, kind: str) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.{kind}")


def _sweep(path: Path) -> None:
    """Removes the parts of `path` whose processes are gone. One that still runs keeps its own:
    a Snakemake that was killed leaves jobs behind, which run on beside those of the next."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        pid, _, kind = left.name.removeprefix(f".{path.name}.").partition(".")
        if kind in ("part", "old") and pid.isdecimal() and not _runs(int(pid)):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's
    try:  # one that was killed stays as a zombie until its parent asks for it
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:  # no Linux, or gone meanwhile
        return True


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Raises NoRoom that names `path` where what is written within does not fit on the disk."""
    try:
        yield
    except NoRoom:
        raise  # of a file inside
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise NoRoom(
            f"{path} does not fit on the disk ({error.strerror}): make room and start again"
        ) from error


@contextmanager
def alone(path: str | Path) -> Iterator[None]:
    """Holds the lock `path`, which ends with the process, however that ends. Raises OSError when
    another process holds it; does nothing where the file system has no locks."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise OSError(
                f"{path.parent} is being written by another process ({file.read().strip()}): "
                f"wait for its end, or end it, and start again"
            ) from None
        except OSError:
            pass
        else:
            file.truncate(0)
            file.write(f"{os.getpid()} on {os.uname().nodename}")
            file.flush()
        yield


def write_bytes(path: str | Path, content: bytes) -> None:
    with complete(path) as part:
        part.write_bytes(content)


def write_json(path: str | Path, content: object) -> None:
    write_bytes(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
