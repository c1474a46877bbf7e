"""The reader's own EPUB with media overlays added; all else in it stays as it is.

An EPUB 2 becomes an EPUB 3, which alone has overlays. EPUB 3.3 (W3C), "Media overlays".
"""

from __future__ import annotations

import posixpath
import shutil
import zipfile
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from lxml import etree

from aubert.export import epub_overlay
from aubert.export.epub_about import About
from aubert.export.epub_clips import Clip, recordings_of
from aubert.export.epub_overlay import ACTIVE, Par, clock, relative_href, smil
from aubert.export.epub_spans import mark
from aubert.export.epub_upgrade import DOCTYPE, upgraded
from aubert.export.epub_zip import add, add_mimetype, add_sounds, serialised
from aubert.text.epub import NS, Epub, Item
from aubert.text.markup import Document, local_name

_OPF = "{http://www.idpf.org/2007/opf}"
_SIGNATURES = "META-INF/signatures.xml"  # of what is no longer the same
_SMIL = "application/smil+xml"


@dataclass(frozen=True)
class _Overlaid:
    """A page that is read aloud. path: of its overlay in the EPUB"""

    item: Item
    path: str
    pars: Sequence[Par]


def write(
    archive: zipfile.ZipFile,
    source: Path,
    documents: Sequence[Document],
    clips: Sequence[Clip],
    sounds: Mapping[str, Path],
    about: About,
    jobs: int = 1,
) -> None:
    """Writes the EPUB `source` with overlays into `archive`.

    documents: its pages as `read_book` gives them; they are changed. clips: in the order of the
    text. sounds: recording_id -> its file. about: its narrator and date alone are taken
    """
    with Epub(source) as epub:
        folder = _free_folder(epub)
        names = {one: f"{folder}/audio/{number:04}.mp3"
                 for number, one in enumerate(recordings_of(clips), 1)}  # fmt: skip
        is_old = not epub.package.get("version", "").startswith("3")
        changed: dict[str, bytes] = {}
        if is_old:
            changed = upgraded(epub, {document.path: document.root for document in documents})
        dropped = {_SIGNATURES, *_drop_overlays(epub)}
        # A class that the book names has a style of the book's.
        classes = {meta.text for meta in _metas(epub, "media:active-class")} - {ACTIVE}
        style = None if classes else f"{folder}/read-aloud.css"
        items = {item.path: item for item in epub.items.values()}
        overlaid = []
        for document, inside in _by_document(documents, clips):
            pars = list(_pars(document, inside, names))
            if style:
                _link(document, style)
            changed[document.path] = serialised(document.root, DOCTYPE if is_old else None)
            path = f"{folder}/{len(overlaid) + 1:04}.smil"
            overlaid.append(_Overlaid(items[document.path], path, pars))
        _describe(epub, overlaid, style, list(names.values()), about)
        changed[epub.package_path] = serialised(epub.package)
        _copy(archive, epub, changed, dropped)
        if style:
            add(archive, style, epub_overlay.STYLE)
        for one in overlaid:
            add(archive, one.path, smil(one.path, one.item.path, one.pars))
        add_sounds(
            archive, {name: sounds[recording_id] for recording_id, name in names.items()}, jobs
        )


def _by_document(
    documents: Sequence[Document], clips: Sequence[Clip]
) -> Iterator[tuple[Document, list[Clip]]]:
    """Those that are read aloud, with their clips."""
    starts = [clip.char_start for clip in clips]
    for document in documents:
        if document.blocks:
            first = bisect_left(starts, document.blocks[0].char_start)
            last = bisect_left(starts, document.blocks[-1].char_end)
            if first < last:
                yield document, list(clips[first:last])


def _pars(document: Document, clips: Sequence[Clip], names: Mapping[str, str]) -> Iterator[Par]:
    """Of a stretch with several elements, each has its characters' share of the sound."""
    marked = mark(document, [(clip.char_start, clip.char_end) for clip in clips])
    for clip, elements in zip(clips, marked, strict=True):
        at = clip.start_s
        for element_id, share in elements:
            until = at + share * (clip.end_s - clip.start_s)
            if round(at, 3) < round(until, 3):
                yield Par(element_id, names[clip.recording_id], at, until)
            at = until


def _link(document: Document, style: str) -> None:
    head = next((one for one in document.root if local_name(one) == "head"), None)
    if head is not None:
        href = relative_href(style, document.path)
        attributes = {"rel": "stylesheet", "type": "text/css", "href": href}
        etree.SubElement(head, head.tag.replace("head", "link"), attributes)


# --- the package


def _free_folder(epub: Epub) -> str:
    """A folder beside the package document that the EPUB does not have yet."""
    beside = posixpath.dirname(epub.package_path)
    taken = {entry.filename.casefold() for entry in epub.entries}
    for number in count(1):
        name = posixpath.join(beside, f"read-aloud{number if number > 1 else ''}")
        if not any(entry.startswith(f"{name}/".casefold()) for entry in taken):
            return name
    raise AssertionError


def _metas(epub: Epub, name: str) -> list[etree._Element]:
    return epub.package.findall(f"opf:metadata/opf:meta[@property='{name}']", NS)


def _drop_overlays(epub: Epub) -> Iterator[str]:
    """Takes the overlays that the book has out of its package, with their sound; yields the names
    of their files in the EPUB."""
    paths = set()
    for item in epub.items.values():
        item.element.attrib.pop("media-overlay", None)
        if item.media_type == _SMIL:
            paths.add(item.path)
            if item.path in epub:
                sources = epub.parse(item.path).iterfind(".//{*}audio[@src]")
                paths |= {epub.resolve(one.get("src"), item.path) for one in sources}
    for item in epub.items.values():
        if item.path in paths:
            item.element.getparent().remove(item.element)
            yield item.path
    for name in ("media:duration", "media:narrator"):
        for meta in _metas(epub, name):
            meta.getparent().remove(meta)


def _describe(
    epub: Epub,
    overlaid: Sequence[_Overlaid],
    style: str | None,
    sounds: Sequence[str],
    about: About,
) -> None:
    """Adds to the package what was added to the book."""
    _drop_prefix(epub.package)
    ids = {element.get("id") for element in epub.package.iter()}
    free_ids = (name for name in map("read-aloud-{}".format, count(1)) if name not in ids)
    metadata = epub.package.find("opf:metadata", NS)
    manifest = epub.package.find("opf:manifest", NS)

    def item(path: str, kind: str) -> str:
        name = next(free_ids)
        href = relative_href(path, epub.package_path)
        attributes = {"id": name, "href": href, "media-type": kind}
        etree.SubElement(manifest, f"{_OPF}item", attributes).tail = "\n"
        return name

    def meta(name: str, text: str, **refines: str) -> None:
        element = etree.SubElement(metadata, f"{_OPF}meta", {"property": name, **refines})
        element.text, element.tail = text, "\n"

    if style:
        item(style, "text/css")
        if not _metas(epub, "media:active-class"):
            meta("media:active-class", ACTIVE)
    if about.narrator:
        meta("media:narrator", about.narrator)
    meta("media:duration", clock(sum(epub_overlay.seconds(one.pars) for one in overlaid)))
    for one in overlaid:
        overlay = item(one.path, _SMIL)
        one.item.element.set("media-overlay", overlay)
        duration = clock(epub_overlay.seconds(one.pars))
        meta("media:duration", duration, refines=f"#{overlay}")
    for sound in sounds:
        item(sound, "audio/mpeg")
    if modified := _metas(epub, "dcterms:modified"):
        modified[0].text = about.modified
    else:
        meta("dcterms:modified", about.modified)


def _drop_prefix(package: etree._Element) -> None:
    """Takes out declarations of a prefix for the package's own elements, where none has it: what is
    added would get it, and simple readers look for `meta` by that name."""
    prefixes = {prefix for element in package.iter() for prefix, name in element.nsmap.items()
                if prefix and name != NS["opf"]}  # fmt: skip
    etree.cleanup_namespaces(package, keep_ns_prefixes=list(prefixes))


# --- the archive


def _copy(
    archive: zipfile.ZipFile, epub: Epub, changed: Mapping[str, bytes], dropped: set[str]
) -> None:
    """The EPUB's files with those that changed; new ones last."""
    add_mimetype(archive)
    for entry in epub.entries:
        name = entry.filename
        if name == "mimetype" or name in dropped or entry.is_dir():
            continue
        if name in changed:
            add(archive, name, changed[name])
            continue
        info = zipfile.ZipInfo(name, entry.date_time)
        info.compress_type = entry.compress_type
        info.file_size = entry.file_size
        with epub.open(name) as source, archive.open(info, "w") as target:
            shutil.copyfileobj(source, target)
    for name in sorted(changed.keys() - {entry.filename for entry in epub.entries}):
        add(archive, name, changed[name])
