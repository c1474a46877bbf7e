"""Changes of files that are taken back."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def edited(path: Path, edit):
    """The file changed by `edit`, and back as it was, time included."""
    before, stat = path.read_bytes(), path.stat()
    edit(path)
    try:
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def raise_version(path: Path) -> None:
    text, count = re.subn(r"^VERSION = \d+\b", "VERSION = 99", path.read_text(), flags=re.M)
    assert count == 1, path
    path.write_text(text)
