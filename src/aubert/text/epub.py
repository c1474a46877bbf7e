"""An EPUB as a file: what its package says, and the pages in the order of reading.

EPUB 3.3 (W3C), "Open Container Format" and "Package document"; EPUB 2's packages are read too.
Nothing is unpacked to a disk, and what would unpack to too much is refused.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from lxml import etree

from aubert.text.markup import parse_xhtml

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
NS = {
    "c": "urn:oasis:names:tc:opendocument:xmlns:container",
    "opf": "http://www.idpf.org/2007/opf",
    "dc": "http://purl.org/dc/elements/1.1/",
    "enc": "http://www.w3.org/2001/04/xmlenc#",
}
MAX_ENTRIES = 50_000
MAX_RATIO = 200  # of unpacked to packed bytes; text has 3 to 10
SMALL = 1_000_000  # bytes of one file that no ratio matters for
MAX_DOCUMENT = 50_000_000  # bytes of a page or package document
MAX_DOCUMENTS = 500_000_000  # of all pages together
# Fonts that are only obfuscated; a book is protected where anything else is encrypted.
_OBFUSCATIONS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


@dataclass(frozen=True)
class Item:
    """A file of the manifest. path: its name in the EPUB; element: in the package document"""

    path: str
    media_type: str
    properties: frozenset[str]
    element: etree._Element

    @property
    def id(self) -> str:
        return self.element.get("id", "")


class Epub:
    """An open EPUB, a context manager. Raises ValueError, whose sentence names the file, where
    it is not an EPUB, is protected, or would unpack to too much.

    package: the root of the package document, at package_path. items: those of the manifest,
    by id. spine: those that are pages, in the order of reading.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        try:
            self._archive = zipfile.ZipFile(self.path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise ValueError(f"{self.path} is not an EPUB: {error}") from None
        try:
            self._check_sizes()
            self._check_protection()
            self.package_path = self._package_path()
            self.package = self.parse(self.package_path)
            found = self.package.iterfind("opf:manifest/opf:item", NS)
            self.items = {element.get("id", ""): self._item(element) for element in found}
            self.spine = [item for item in self._spine() if "html" in item.media_type]
            self._check_documents()
        except BaseException:
            self._archive.close()
            raise

    def __enter__(self) -> Epub:
        return self

    def __exit__(self, *_) -> None:
        self._archive.close()

    @property
    def entries(self) -> list[zipfile.ZipInfo]:
        return self._archive.infolist()

    def __contains__(self, name: str) -> bool:
        return name in self._archive.NameToInfo

    def read(self, name: str) -> bytes:
        """Raises ValueError where the file is damaged or not there."""
        try:
            return self._archive.read(name)
        except (KeyError, zipfile.BadZipFile, RuntimeError, OSError, EOFError) as error:
            raise ValueError(f"{self.path}: {name} cannot be read: {error}") from None
        except Exception as error:  # zlib.error, lzma.LZMAError: each of its own module
            raise ValueError(f"{self.path}: {name} is damaged: {error}") from None

    def parse(self, name: str) -> etree._Element:
        """The root of a page or of another XML file. Raises ValueError."""
        if name not in self:
            raise ValueError(f"{self.path} is not an EPUB: it holds no {name}")
        size = self._archive.getinfo(name).file_size
        if size > MAX_DOCUMENT:
            raise ValueError(f"{self.path}: {name} has {size} bytes, which is too much")
        return parse_xhtml(self.read(name), f"{self.path}: {name}")

    def open(self, name: str):
        """A binary stream of one file."""
        return self._archive.open(name)

    def pages(self) -> Iterator[tuple[Item, etree._Element]]:
        """The pages that hold the book's text, parsed, in the order of reading."""
        for item in self.spine:
            if item.path in self and "nav" not in item.properties:
                yield item, self.parse(item.path)

    def resolve(self, href: str, base: str | None = None) -> str:
        """The name in the EPUB of what a document (the package's, if none is given) refers to."""
        folder = posixpath.dirname(self.package_path if base is None else base)
        return posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0])))

    def metadata(self, name: str) -> list[etree._Element]:
        """The elements dc:<name> of the package, those with text."""
        found = self.package.iterfind(f"opf:metadata//dc:{name}", NS)
        return [element for element in found if (element.text or "").strip()]

    def _item(self, element: etree._Element) -> Item:
        return Item(
            path=self.resolve(element.get("href", "")),
            media_type=element.get("media-type", "").lower(),
            properties=frozenset(element.get("properties", "").split()),
            element=element,
        )

    def _spine(self) -> Iterator[Item]:
        for reference in self.package.iterfind("opf:spine/opf:itemref", NS):
            if item := self.items.get(reference.get("idref", "")):
                yield item

    def _package_path(self) -> str:
        root = self.parse(CONTAINER).find("c:rootfiles/c:rootfile", NS)
        if root is None or not root.get("full-path"):
            raise ValueError(f"{self.path} is not an EPUB: {CONTAINER} names no package")
        return root.get("full-path")

    def _check_sizes(self) -> None:
        entries = self.entries
        names = {entry.filename for entry in entries}
        if len(names) < len(entries) or len(entries) > MAX_ENTRIES:
            raise ValueError(f"{self.path}: {len(entries)} entries, {len(names)} names: not read")
        for name in names:
            if name.startswith("/") or "\\" in name or ".." in name.split("/"):
                raise ValueError(f"{self.path}: the name {name!r} leads out of the EPUB: not read")
        packed = self.path.stat().st_size
        for what, size, limit in [
            (self.path, sum(entry.file_size for entry in entries), packed),
            *((entry.filename, entry.file_size, entry.compress_size) for entry in entries),
        ]:
            if size > SMALL and size > MAX_RATIO * limit:
                raise ValueError(
                    f"{self.path}: {what} unpacks from {limit} to {size} bytes: it is not read, "
                    f"as archives are that are made to fill a memory"
                )

    def _check_documents(self) -> None:
        sizes = [self._archive.getinfo(item.path).file_size for item in self.spine
                 if item.path in self]  # fmt: skip
        if max(sizes, default=0) > MAX_DOCUMENT or sum(sizes) > MAX_DOCUMENTS:
            raise ValueError(f"{self.path}: its pages have {sum(sizes)} bytes, which is too much")

    def _check_protection(self) -> None:
        if ENCRYPTION not in self:
            return
        methods = self.parse(ENCRYPTION).iterfind(".//enc:EncryptionMethod", NS)
        if any(method.get("Algorithm") not in _OBFUSCATIONS for method in methods):
            raise ValueError(
                f"{self.path} is protected (DRM), so its text cannot be read: take an EPUB "
                f"without protection, or the text as .txt"
            )
