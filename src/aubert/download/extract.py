"""Unpacks an archive from elsewhere: only plain files, only below the given directory.

The base is tarfile's own `data_filter` (PEP 706); what it would mend or let pass (absolute
names, links to the inside, sparse files, an archive that breaks off between two members)
is refused here: no corpus needs it.
"""

from __future__ import annotations

import calendar
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from aubert.files import complete

BLOCK = 512  # of a tar, in bytes
LONGEST_HEADER = 1 << 16  # bytes; a name and a few attributes. tarfile reads it into memory
LATEST_S = 1 << 33  # times beyond fit into no file system's

# What broken bytes make of tarfile, zipfile and the decompressors; a RuntimeError is a zip's
# unknown method, or a tar of headers upon headers.
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    ValueError,
    ArithmeticError,
    RuntimeError,
)


class Refused(Exception):
    """A member that is not unpacked."""


@dataclass(frozen=True)
class Member:
    """A file or directory as the archive announces it; `open` is good until the next one.

    place: of a tar, the byte that its content begins at.
    """

    name: str
    size: int
    mtime_s: int
    is_directory: bool
    open: Callable[[], IO[bytes]]
    place: int | None = None


def extract(
    archive: Path,
    directory: Path,
    *,
    max_bytes: int,
    source: IO[bytes] | None = None,
    on_file: Callable[[Member], None] = lambda member: None,
) -> int:
    """Unpacks a .zip, or a tar compressed as gzip, bzip2, xz or not at all; returns how many files.

    max_bytes: what it may come to as an uncompressed tar, in which a member takes its bytes
    and a name's, in blocks of 512. Read in one pass. Every file is whole or not there, has the
    archive's modification time, and is not written again when it is there with that time and
    size: what was killed goes on. Modes, owners and other attributes are not taken over.

    Raises ValueError that names the archive and the member: for an absolute name or one with
    `..`, for anything but files and directories (links, devices, sparse files), for a place
    that a link of the directory leads out of it, for more than `max_bytes`, for encryption
    and damage. What came before that member is there then.

    source: a tar to read instead, while it comes; `archive` is its name in messages.
    on_file: is called with each file before it is written.
    """
    is_zip = archive.suffix.lower() == ".zip"
    directory.mkdir(parents=True, exist_ok=True)
    num_files, bytes_left = 0, max_bytes
    try:
        members = _zip_members(archive) if is_zip else _tar_members(archive, directory, source)
        for member in members:
            bytes_left -= BLOCK + -(-member.size // BLOCK) * BLOCK
            if bytes_left < 0:
                raise _refused(member.name, f"takes the archive past {max_bytes} bytes")
            path = _inside(directory, member.name)
            if member.is_directory:
                path.mkdir(parents=True, exist_ok=True)
            else:
                on_file(member)
                _write(path, member)
                num_files += 1
    except Refused as error:
        raise ValueError(
            f"{archive}: {error}; no corpus needs that: fetch the archive from its publisher"
        ) from None
    except DAMAGED as error:
        raise ValueError(f"{archive} is damaged ({error}): fetch it again") from None
    return num_files


def _refused(name: str, why: str) -> Refused:
    return Refused(f"the member {name!r} {why}")


def _inside(directory: Path, name: str) -> Path:
    pure = PurePosixPath(name)
    if pure.is_absolute():
        raise _refused(name, "has an absolute name")
    if ".." in pure.parts or "\0" in name:
        raise _refused(name, "has a name with '..' or a zero byte")
    path = directory / pure
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(directory)):
        raise _refused(name, "would be written outside the directory, by a link there")
    return path


def _write(path: Path, member: Member) -> None:
    if path.exists():
        there = path.stat()
        if (there.st_size, int(there.st_mtime)) == (member.size, member.mtime_s):
            return
    with complete(path) as part:
        with member.open() as source, part.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        os.utime(part, (member.mtime_s, member.mtime_s))


# --- tar


class _Header(tarfile.TarInfo):
    """tarfile takes a broken header for the end of the archive, and headers of any length."""

    @classmethod
    def frombuf(cls, buf, encoding, errors):
        if len(buf) < BLOCK:
            raise tarfile.ReadError("it breaks off")
        is_end = not any(buf)
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if is_end:
                raise
            raise tarfile.ReadError(str(error)) from None
        if header.size < 0:
            raise tarfile.ReadError("a member of negative size")
        if not header.isreg() and header.size > LONGEST_HEADER:
            raise _refused(header.name, f"is a header of {header.size} bytes")
        return header


def _tar_members(archive: Path, directory: Path, source: IO[bytes] | None) -> Iterator[Member]:
    name = None if source else archive
    with tarfile.open(name, "r|*", fileobj=source, tarinfo=_Header) as tar:
        while (info := tar.next()) is not None:
            tar.members.clear()  # or it keeps all of them in memory
            if info.issparse() or not (info.isreg() or info.isdir()):
                raise _refused(info.name, "is a link, a device or a sparse file")
            if info.size < 0:
                raise tarfile.ReadError("a member of negative size")
            try:
                tarfile.data_filter(info, os.fspath(directory))
            except tarfile.FilterError as error:
                raise _refused(info.name, f"is refused by tarfile ({error})") from None
            mtime_s = min(max(int(info.mtime), 0), LATEST_S)
            yield Member(
                info.name,
                info.size if info.isreg() else 0,
                mtime_s,
                info.isdir(),
                lambda info=info: tar.extractfile(info),
                info.offset_data,
            )


# --- zip


def _zip_members(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as zipped:
        for info in zipped.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where it was not made on Unix
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refused(info.filename, "is a link or a device")
            if info.flag_bits & 1:
                raise _refused(info.filename, "is encrypted")
            year, month, *rest = info.date_time
            mtime_s = calendar.timegm((year, min(max(month, 1), 12), *rest, 0, 0, 0))
            yield Member(
                info.filename,
                info.file_size,
                mtime_s,
                info.is_dir(),
                lambda info=info: zipped.open(info),
            )
