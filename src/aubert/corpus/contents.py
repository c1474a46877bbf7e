"""Contents of a shard's files: a file that was copied or touched is not indexed again.

The index job records each file's size, time and a digest of its content. Where a file's time is
another later, but size and digest are the same, it counts as it was recorded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

from aubert.corpus.shards import CorpusFile
from aubert.files import write_json

_BLOCKS, _BLOCK_BYTES = 16, 1 << 16  # that are read of a longer file, evenly spread


def contents_of(recordings: Path) -> Path:
    """The folder of all shards' records, beside the recordings tables."""
    return recordings / ".contents"


def digest(path: Path) -> str:
    """Of a file's size and content: all of it up to 1 MiB, of longer files sixteen blocks of 64 KiB
    from the first to the last."""
    size = path.stat().st_size
    found = blake2b(str(size).encode(), digest_size=16)
    with path.open("rb") as file:
        if size <= _BLOCKS * _BLOCK_BYTES:
            found.update(file.read())
        else:
            for block in range(_BLOCKS):
                file.seek(block * (size - _BLOCK_BYTES) // (_BLOCKS - 1))
                found.update(file.read(_BLOCK_BYTES))
    return found.hexdigest()


class Contents:
    """The record of a shard. path: of its json, whether it is there or not"""

    def __init__(self, path: Path):
        self._path = path
        self._changed = False
        try:
            self._known: dict[str, dict] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._known = {}

    def as_recorded(self, root: Path, file: CorpusFile) -> CorpusFile:
        """The file, with its recorded time where only its time has changed since."""
        known = self._known.get(file.path)
        if known is None or known["size"] != file.size:
            return file
        if known["seen_ns"] != file.mtime_ns:
            if digest(root / file.path) != known["digest"]:
                return file
            known["seen_ns"], self._changed = file.mtime_ns, True
        return replace(file, mtime_ns=known["mtime_ns"])

    def record(self, root: Path, files: Iterable[CorpusFile]) -> None:
        """Records the shard's files; a file whose content is known keeps its recorded time."""
        recorded = {}
        for file in files:
            try:
                found = digest(root / file.path)
            except OSError:  # the index rejects it
                continue
            known = self._known.get(file.path)
            same = known is not None and (known["size"], known["digest"]) == (file.size, found)
            recorded[file.path] = {
                "size": file.size,
                "mtime_ns": known["mtime_ns"] if same else file.mtime_ns,
                "seen_ns": file.mtime_ns,
                "digest": found,
            }
        self._known = recorded
        write_json(self._path, recorded)

    def save_times(self) -> None:
        """Keeps the new times, so that the files are not read again."""
        if self._changed:
            try:
                write_json(self._path, self._known)
            except OSError:  # results that may not be written to are read all the same
                return
