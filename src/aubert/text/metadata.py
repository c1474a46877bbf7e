"""What the file of a book says of it: title, authors, language."""

from __future__ import annotations

import re
from typing import NamedTuple

from lxml import etree

from aubert.text.epub import NS, Epub
from aubert.text.markup import local_name

_ROLE = "{http://www.idpf.org/2007/opf}role"
HEADER = 8192  # characters of a text in which a header is looked for
_START = re.compile(r"\*{3} ?START OF (?:THE|THIS) PROJECT GUTENBERG")
_LINE = re.compile(r"^(Title|Author|Language):[ \t]*(\S[^\r\n]*?)[ \t]*\r?$", re.MULTILINE)
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


class Metadata(NamedTuple):
    """Nothing where the file says nothing. language: BCP 47; cover: its name in the EPUB"""

    title: str | None = None
    authors: tuple[str, ...] = ()
    language: str | None = None
    cover: str | None = None


def metadata_of(epub: Epub) -> Metadata:
    """Of the package document: the first title and language, and who wrote the book."""
    titles, languages = epub.metadata("title"), epub.metadata("language")
    authors = [_text(one) for one in epub.metadata("creator") if _role(epub, one) in ("", "aut")]
    return Metadata(
        title=_text(titles[0]) if titles else None,
        authors=tuple(dict.fromkeys(authors)),
        language=_text(languages[0]) if languages else None,
        cover=_cover(epub),
    )


def metadata_of_html(root: etree._Element) -> Metadata:
    """Of an HTML document's head."""
    title = authors = None
    for element in root.iter():
        if local_name(element) == "title" and title is None:
            title = _text(element) or None
        if local_name(element) == "meta" and element.get("name", "").lower() == "author":
            authors = element.get("content", "").strip()
    language = root.get(_LANG) or root.get("lang")
    return Metadata(title, (authors,) if authors else (), language)


def metadata_of_text(text: str) -> Metadata:
    """Of the header of Project Gutenberg's texts, which begin with it. text: HEADER characters at
    least"""
    start = _START.search(text, 0, HEADER)
    fields: dict[str, str] = {}
    for name, value in _LINE.findall(text, 0, start.start() if start else 0):
        fields.setdefault(name, value)
    authors = (fields["Author"],) if "Author" in fields else ()
    return Metadata(fields.get("Title"), authors, fields.get("Language"))


def _role(epub: Epub, element: etree._Element) -> str:
    """MARC's code of what a creator did, "" where the package does not say."""
    refined = epub.package.iterfind("opf:metadata/opf:meta[@property='role']", NS)
    roles = {meta.get("refines"): _text(meta) for meta in refined}
    return element.get(_ROLE) or roles.get(f"#{element.get('id')}", "")


def _cover(epub: Epub) -> str | None:
    covers = [item for item in epub.items.values() if "cover-image" in item.properties]
    for meta in epub.package.iterfind("opf:metadata//opf:meta[@name='cover']", NS):
        covers += [item for item in [epub.items.get(meta.get("content", ""))] if item]
    pictures = [item.path for item in covers if item.media_type.startswith("image/")]
    return next((path for path in pictures if path in epub), None)


def _text(element: etree._Element) -> str:
    return " ".join("".join(element.itertext()).split())
