"""Files of an EPUB, and their way into it."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from lxml import etree

from aubert.export.mp3 import write_mp3
from aubert.processes import in_processes
from aubert.text.markup import XHTML, local_name

_VOID = {
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
}  # fmt: skip


def add_mimetype(archive: zipfile.ZipFile) -> None:
    """First and not compressed: by it a file is known as an EPUB."""
    add(archive, "mimetype", "application/epub+zip", zipfile.ZIP_STORED)


def add(
    archive: zipfile.ZipFile, name: str, content: str | bytes, how: int = zipfile.ZIP_DEFLATED
) -> None:
    # With a date of its own the same book is the same bytes.
    archive.writestr(zipfile.ZipInfo(name), content, how)


def add_file(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    info = zipfile.ZipInfo(name)
    info.file_size = path.stat().st_size  # by which zipfile knows how to write it
    with path.open("rb") as source, archive.open(info, "w") as target:
        shutil.copyfileobj(source, target)


def add_sounds(archive: zipfile.ZipFile, sounds: Mapping[str, Path], jobs: int) -> None:
    """Recordings as MP3: name in the EPUB -> the recording. Raises AudioError."""
    with TemporaryDirectory(dir=Path(archive.filename).parent) as folder:
        tasks = [(source, Path(folder, f"{n}.mp3")) for n, source in enumerate(sounds.values())]
        for name, part in zip(sounds, in_processes(_encoded, tasks, jobs), strict=True):
            add_file(archive, name, part)
            part.unlink()


def _encoded(task: tuple[Path, Path]) -> Path:
    source, target = task
    write_mp3(source, target)
    return target


def serialised(root: etree._Element, doctype: str | None = None) -> bytes:
    """An XML document as a file. XHTML's empty elements have end tags: parsers of HTML take <a/>
    for a link that is open."""
    for element in root.iter(f"{{{XHTML}}}*"):
        if element.text is None and not len(element) and local_name(element) not in _VOID:
            element.text = ""
    return etree.tostring(
        root.getroottree(), encoding="utf-8", xml_declaration=True, doctype=doctype
    )
