"""Contents of files that no rule makes: one that was copied or touched counts as unchanged.

Each file's size, time and a digest of its content are recorded: of a shard's recordings by its
index job, of other files when a run has ended. Where a file's time is another later, but size and
digest are the same, it counts as it was recorded.
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
    """The folder of the records, beside the recordings tables: one of each shard's recordings, one
    of books and labelled speech."""
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
    """The record of some files. path: of its json, whether it is there or not"""

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
            record = self._record_of(root, file)
            if record is None or record["digest"] != known["digest"]:
                return file
            known["seen_ns"], self._changed = file.mtime_ns, True
        return replace(file, mtime_ns=known["mtime_ns"])

    def record(self, root: Path, files: Iterable[CorpusFile]) -> None:
        """Records these files and no others; one whose content is known keeps its recorded time."""
        recorded = {file.path: self._record_of(root, file) for file in files}
        self._known = {path: one for path, one in recorded.items() if one is not None}
        write_json(self._path, self._known)

    def record_more(self, root: Path, files: Iterable[CorpusFile]) -> None:
        """Records these too: those that are not known with this time."""
        for file in files:
            known = self._known.get(file.path)
            if known is None or (known["size"], known["seen_ns"]) != (file.size, file.mtime_ns):
                recorded = self._record_of(root, file)
                if recorded is not None:
                    self._known[file.path], self._changed = recorded, True
        self.save_times()

    def _record_of(self, root: Path, file: CorpusFile) -> dict | None:
        try:
            found = digest(root / file.path)
        except OSError:  # whoever reads it says why
            return None
        known = self._known.get(file.path)
        same = known is not None and (known["size"], known["digest"]) == (file.size, found)
        return {
            "size": file.size,
            "mtime_ns": known["mtime_ns"] if same else file.mtime_ns,
            "seen_ns": file.mtime_ns,
            "digest": found,
        }

    def save_times(self) -> None:
        """Keeps what is new, so that the files are not read again."""
        if self._changed:
            try:
                write_json(self._path, self._known)
            except OSError:  # results that may not be written to are read all the same
                return
