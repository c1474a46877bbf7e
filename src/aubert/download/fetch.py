"""Fetches the publishers' files: resumed, checked, unpacked, and there only when they are whole."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aubert.download.artefacts import Artefact
from aubert.download.extract import extract
from aubert.download.remote import Remote, RemoteOptions
from aubert.download.tar_stream import TarStream
from aubert.files import complete
from aubert.progress import progress

_CHUNK = 1 << 20
# Of a compressed archive, in its own sizes: what it may come to, and gzip's best on a model.
_MOST_UNPACKED = 6
_GZIP = 5


def download(
    artefact: Artefact,
    out: Path,
    base_url: str | None = None,
    options: RemoteOptions | None = None,
) -> str:
    """Puts the artefact below `out`; returns a summary line. Done already, it does nothing.

    What is on the way lies in <out>/.<file name>; the same call goes on with it. A plain tar is
    unpacked as it comes: it never needs its space twice.

    base_url: instead of the publisher's, what stands before the file's name. Raises ValueError
    for a disk too small, a wrong checksum or size and a file that is not there, ConnectionError
    when the server brings nothing any more.
    """
    places = [out / artefact.target / name for name in artefact.contents] or [out / artefact.target]
    if all(place.exists() for place in places):
        return f"{places[0]} is there; delete it to fetch it again"
    url = f"{base_url.rstrip('/')}/{artefact.file_name}" if base_url else artefact.url
    part = out / f".{artefact.file_name}"
    part.mkdir(parents=True, exist_ok=True)
    if artefact.file_name.endswith(".tar"):
        checked = _stream_tar(artefact, url, part, options)
        _move(part / "files", out / artefact.target, artefact)
    else:
        archive = part / artefact.file_name
        checked = _fetch(artefact, url, archive, options)
        if artefact.contents:
            most = _MOST_UNPACKED * archive.stat().st_size
            extract(archive, part / "files", max_bytes=most)
            _move(part / "files", out / artefact.target, artefact)
        else:
            _unzip(archive, out / artefact.target)
    shutil.rmtree(part)
    return f"{', '.join(map(str, places))}: {checked}"


def _stream_tar(artefact: Artefact, url: str, part: Path, options: RemoteOptions | None) -> str:
    stream = TarStream(part, _algorithm(artefact))
    with _progress(f"{artefact.file_name}: what is here") as advance:
        stream.take_up(advance)
    with Remote(url, stream.position, options) as remote:
        remote.open()
        _check_size(artefact, url, remote.total)
        _check_disk(part, (remote.total or 0) - stream.position)
        with _progress(artefact.file_name, remote.total, stream.position) as advance:
            digest = stream.unpack(remote, advance)
        return _checked(artefact, digest, remote.position, part)


def _fetch(artefact: Artefact, url: str, archive: Path, options: RemoteOptions | None) -> str:
    here = archive.stat().st_size if archive.exists() else 0
    with Remote(url, here, options) as remote:
        remote.open()
        _check_size(artefact, url, remote.total)
        unpacked = _MOST_UNPACKED // 2 if artefact.contents else _GZIP
        _check_disk(archive.parent, (remote.total or 0) * (1 + unpacked) - here)
        with (
            _progress(artefact.file_name, remote.total, here) as advance,
            archive.open("ab") as file,
        ):
            while data := remote.read(_CHUNK):
                file.write(data)
                advance(len(data))
    digest = None
    if algorithm := _algorithm(artefact):
        with archive.open("rb") as file:
            digest = hashlib.file_digest(file, algorithm).hexdigest()
    return _checked(artefact, digest, archive.stat().st_size, archive.parent)


def _unzip(archive: Path, target: Path) -> None:
    with complete(target) as whole:
        if archive.suffix != ".gz":
            shutil.copyfile(archive, whole)
            return
        try:
            with gzip.open(archive) as source, whole.open("wb") as file:
                shutil.copyfileobj(source, file, _CHUNK)
        except (OSError, EOFError) as error:
            raise ValueError(
                f"{archive} is damaged ({error}): delete it and fetch it again"
            ) from None


def _move(files: Path, target: Path, artefact: Artefact) -> None:
    """Each directory at once: below `target` nothing is ever half there."""
    for name in artefact.contents:
        if not (files / name).is_dir():
            raise ValueError(
                f"{artefact.file_name} holds no directory {name}: it is another archive"
            )
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (files / name).rename(target / name)


# --- checks


def _algorithm(artefact: Artefact) -> str | None:
    return artefact.checksum.split(":")[0] if artefact.checksum else None


def _checked(artefact: Artefact, digest: str | None, num_bytes: int, part: Path) -> str:
    """What was compared. Raises ValueError when it differs."""
    _check_size(artefact, str(part), num_bytes)
    if artefact.checksum is None:
        return f"{num_bytes} bytes as announced; the publisher gives no checksum"
    algorithm, wanted = artefact.checksum.split(":")
    if digest != wanted:
        raise ValueError(
            f"{artefact.file_name}: its {algorithm} is {digest}, the publisher's is {wanted}. "
            f"Delete {part} and fetch it again; if that does not help, the server has another file"
        )
    return f"{num_bytes} bytes, {algorithm} as published"


def _check_size(artefact: Artefact, where: str, num_bytes: int | None) -> None:
    if None not in (artefact.num_bytes, num_bytes) and artefact.num_bytes != num_bytes:
        raise ValueError(
            f"{where}: {num_bytes} bytes, where {artefact.file_name} has {artefact.num_bytes}: it "
            f"is another file"
        )


def _check_disk(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ValueError(
            f"{folder.parent} has {_size(free)} free, and {_size(needed)} are needed: make room, "
            f"or choose another place"
        )


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:,.1f} GB" if num_bytes >= 1e8 else f"{num_bytes / 1e6:,.1f} MB"


@contextmanager
def _progress(
    text: str, total: int | None = None, initial: int = 0
) -> Iterator[Callable[[int], None]]:
    """With rate and time left."""
    with progress(what=text, total=total, unit="B", done=initial) as bar:
        yield bar.update
