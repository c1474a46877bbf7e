"""Files that are whole or not there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def complete(path: str | Path) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it at the end; removed when that fails."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def complete_directory(path: str | Path) -> Iterator[Path]:
    """As `complete`, for a directory: one that is there already is replaced at the end."""
    path = Path(path)
    # Without the process's id: what a killed one left is removed by the next.
    part, old = (path.with_name(f".{path.name}.{suffix}") for suffix in ("part", "old"))
    for left in (part, old):
        shutil.rmtree(left, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        if path.exists():
            path.rename(old)
        part.rename(path)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def write_bytes(path: str | Path, content: bytes) -> None:
    with complete(path) as part:
        part.write_bytes(content)


def write_json(path: str | Path, content: object) -> None:
    write_bytes(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
