"""A tar that is unpacked while it comes, and can still be checked as a whole after a stop.

The archive itself is never on disk. What of it is not in the files that it holds (headers,
padding) is kept beside them, so that a process that goes on where another one was killed
can hash the archive from its first byte on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import IO, TextIO

from aubert.download.extract import BLOCK, Member, extract
from aubert.download.remote import Remote

_CHUNK = 1 << 20


class TarStream:
    """Unpacks what `remote` brings into <folder>/files; <folder>/journal and <folder>/between
    tell how far it came.

    position: the byte that the download goes on at
    """

    def __init__(self, folder: Path, algorithm: str | None):
        self.files = folder / "files"
        self._journal, self._between = folder / "journal", folder / "between"
        self._hash = hashlib.new(algorithm) if algorithm else None
        self.position = 0
        folder.mkdir(parents=True, exist_ok=True)

    def take_up(self, progress: Callable[[int], None]) -> None:
        """Reads what an earlier process left, as far as it is whole."""
        for path in self.files.rglob(".*.part"):
            path.unlink()  # it was killed while it wrote this
        lines = self._journal.read_text("utf-8").split("\n")[:-1] if self._journal.exists() else []
        kept, gaps = [], 0
        with self._between.open("ab+") as between:
            between.seek(0)
            for line in lines:
                entry = json.loads(line)
                gap, path = between.read(entry["gap"]), self.files / entry["name"]
                is_whole = len(gap) == entry["gap"] and path.is_file()
                if not is_whole or path.stat().st_size != entry["size"]:
                    break
                self._update(gap)
                self._update_from(path, progress)
                kept.append(line)
                gaps += len(gap)
                self.position += len(gap) + entry["size"]
            between.truncate(gaps)
        self._journal.write_text("".join(f"{line}\n" for line in kept), "utf-8")

    def unpack(self, remote: Remote, progress: Callable[[int], None]) -> str | None:
        """Unpacks the rest, from `position` on; returns the digest of the whole archive.

        Raises what `extract` and `remote` raise.
        """
        if remote.total is None:
            raise ValueError(f"{remote.url}: the server sends no length")
        source = _Source(remote, self.position, self._update, progress)
        with self._journal.open("a", encoding="utf-8") as journal, self._between.open("ab") as gaps:
            notes = _Notes(source, journal, gaps)
            source.read(-self.position % BLOCK)  # a tar begins with a header, not with padding
            notes.origin = source.position
            name = Path(remote.url.rsplit("/", 1)[1])
            extract(
                name, self.files, max_bytes=remote.total, source=source, on_file=notes.begin_file
            )
            while source.read(_CHUNK):  # what follows the last file
                pass
        return self._hash.hexdigest() if self._hash else None

    def _update(self, data: bytes) -> None:
        if self._hash:
            self._hash.update(data)

    def _update_from(self, path: Path, progress: Callable[[int], None]) -> None:
        with path.open("rb") as file:
            while data := file.read(_CHUNK):
                self._update(data)
                progress(len(data))


class _Source:
    """What tarfile reads: passes on, and hashes, what comes, and keeps what is noted later.

    position: of the next byte in the archive; needed_from: bytes before it are not kept
    """

    def __init__(self, remote: Remote, position: int, update, progress):
        self._remote, self._update, self._progress = remote, update, progress
        self.position = self.needed_from = position
        self._kept: list[tuple[int, bytes]] = []

    def read(self, size: int) -> bytes:
        parts, left = [], size
        while left and (part := self._remote.read(left)):
            parts.append(part)
            left -= len(part)
        data = b"".join(parts)
        self._update(data)
        self._progress(len(data))
        self._kept.append((self.position, data))
        self.position += len(data)
        self._kept = [(at, kept) for at, kept in self._kept if at + len(kept) > self.needed_from]
        return data

    def between(self, start: int, end: int) -> bytes:
        parts = (kept[max(start - at, 0) : max(end - at, 0)] for at, kept in self._kept)
        return b"".join(parts)


class _Notes:
    """Notes each file when the next one begins: it is whole then.

    origin: where in the archive tarfile began to read
    """

    def __init__(self, source: _Source, journal: TextIO, gaps: IO[bytes]):
        self.origin = 0
        self._source, self._journal, self._gaps = source, journal, gaps
        self._end = source.position  # of the file before
        self._open: tuple[str, bytes] | None = None

    def begin_file(self, member: Member) -> None:
        if self._open:
            line, gap = self._open
            self._gaps.write(gap)
            self._gaps.flush()
            self._journal.write(line)
            self._journal.flush()
        start = self.origin + member.place
        gap = self._source.between(self._end, start)
        entry = {"gap": len(gap), "name": member.name, "size": member.size}
        self._open = json.dumps(entry) + "\n", gap
        self._end = self._source.needed_from = start + member.size
