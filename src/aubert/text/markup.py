"""XHTML and HTML as text, with a map back to the elements.

Nothing outside a document is read: no DTD, no entity, no network.
"""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lxml import etree

from aubert.text.decode import decode

XHTML = "http://www.w3.org/1999/xhtml"
EPUB_TYPE = "{http://www.idpf.org/2007/ops}type"

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = {
    *_HEADINGS, "address", "article", "aside", "blockquote", "body", "caption", "center", "dd",
    "details", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form",
    "header", "hgroup", "hr", "html", "li", "main", "menu", "ol", "p", "pre", "section",
    "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
}  # fmt: skip
# What is no text of the book, or not read: a ruby's base is, its gloss is not.
_LEFT_OUT = {
    "audio", "button", "canvas", "embed", "head", "iframe", "img", "input", "math", "nav",
    "noscript", "object", "option", "rp", "rt", "script", "select", "style", "svg", "template",
    "textarea", "title", "video",
}  # fmt: skip
_LEFT_OUT_TYPES = {
    "doc-noteref", "doc-pagebreak", "doc-pagelist", "doc-toc", "landmarks", "noteref",
    "page-list", "pagebreak", "toc",
}  # fmt: skip
_LEFT_OUT_CLASSES = {"pagenum", "pageno", "page-number", "pagenumber", "fnanchor", "noteref"}
_NOTE_MARK = re.compile(r"\s*[\[(]?(?:\d{1,3}|[a-z]|[*†‡§‖¶]{1,3})[\])]?\s*")
_CONTENTS = 3  # entries in a row are a table of contents

_FORBIDDEN = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # in XML
_XML_DECLARATION = re.compile(r"\ufeff?\s*<\?xml[^>]*\?>")
_XML_ENCODING = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)")
_META_CHARSET = re.compile(rb"<meta[^>]+?charset\s*=\s*[\"']?\s*([A-Za-z0-9._:-]+)", re.IGNORECASE)
_HEAD = 4096  # bytes in which a document says its encoding
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_OF_XML = {"amp", "lt", "gt", "quot", "apos"}
_SPACE = re.compile(r"[ \t\n\r\f]+")
_NOT_ONE_SPACE = re.compile(r"[ \t\n\r\f]{2,}|[\t\n\r\f]")


class Run(NamedTuple):
    """Characters [char_start, char_end) of the text, as they stand in a document: from the
    character raw_start on of an element's text, or of its tail, without a change."""

    char_start: int
    char_end: int
    element: etree._Element
    is_tail: bool
    raw_start: int


class Block(NamedTuple):
    """A paragraph, [char_start, char_end) of the text. level: 1 to 6 of a heading, else 0.
    element: the innermost one, laid out as a block, that holds it."""

    char_start: int
    char_end: int
    level: int
    element: etree._Element


@dataclass(frozen=True)
class Document:
    """A page of a book. path: its name in the EPUB, or the file's; runs: in the text's order"""

    path: str
    root: etree._Element
    blocks: Sequence[Block]
    runs: Sequence[Run]


def parse_xhtml(data: bytes, name: str) -> etree._Element:
    """The root of an XHTML document or of another XML file of an EPUB.

    What is not well-formed is mended as far as libxml2 can. Raises ValueError, with `name`,
    where nothing is left, and for a document that declares entities: those of HTML are known,
    others name files and grow without bound.
    """
    text = _XML_DECLARATION.sub("", _decoded(data), count=1)
    if "<!ENTITY" in text:
        raise ValueError(f"{name} declares entities of its own, which are not read: remove them")
    content = _ENTITY.sub(_character, _FORBIDDEN.sub("", text)).encode()
    settings = {"resolve_entities": False, "no_network": True, "load_dtd": False}
    try:
        return etree.fromstring(content, etree.XMLParser(**settings))
    except etree.XMLSyntaxError as error:
        root = etree.fromstring(content, etree.XMLParser(recover=True, **settings))
        if root is None:
            raise ValueError(f"{name} is not XML: {error}") from None
        return root


def parse_html(data: bytes, name: str) -> etree._Element:
    """The root of an HTML document, its elements without a namespace. Raises ValueError, with
    `name`, where it holds no element."""
    text = _XML_DECLARATION.sub("", _decoded(data), count=1)
    content = _FORBIDDEN.sub("", text).encode()
    parser = etree.HTMLParser(encoding="utf-8", no_network=True)
    root = etree.fromstring(content, parser) if content.strip() else None
    if root is None:
        raise ValueError(f"{name} holds no HTML")
    return root


def is_xhtml(data: bytes) -> bool:
    """Whether a file that may be HTML is XHTML: it says so."""
    return b"http://www.w3.org/1999/xhtml" in data[:_HEAD]


def _decoded(data: bytes) -> str:
    """As the document says, where that is possible."""
    declared = _XML_ENCODING.search(data, 0, _HEAD) or _META_CHARSET.search(data, 0, _HEAD)
    if declared and not data.startswith(
        (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    ):
        name = declared[1].decode("ascii").lower()
        # Browsers take Latin-1 for Windows' own, which holds it.
        name = "cp1252" if name in ("iso-8859-1", "latin1", "us-ascii") else name
        try:
            if not name.startswith(("utf-16", "utf16", "ucs")):  # an ASCII declaration says that
                return data.decode(name)
        except (LookupError, UnicodeDecodeError):
            pass
    return decode(data).text.removeprefix("\ufeff")


def _character(match: re.Match) -> str:
    """What HTML's name of a character stands for; nothing for a name that it does not know."""
    if match[1] in _OF_XML:
        return match[0]
    named = html.unescape(match[0])
    return "" if named == match[0] else html.escape(named, quote=False)


@dataclass
class _Open:
    """A paragraph while it is read."""

    element: etree._Element
    level: int
    parts: list[tuple[str, etree._Element | None, bool, int]] = field(default_factory=list)
    num_linked: int = 0  # characters in links, without white space
    space: bool = False

    def add(self, text: str, element: etree._Element | None, is_tail: bool, raw_start: int):
        if self.space and self.parts and not self.parts[-1][0].endswith("\n"):
            self.parts.append((" ", None, False, 0))
        self.space = False
        self.parts.append((text, element, is_tail, raw_start))

    @property
    def text(self) -> str:
        return "".join(part[0] for part in self.parts)


def lay_out(roots: Iterable[tuple[str, etree._Element]]) -> tuple[str, list[Document]]:
    """The text of documents, one after another, and the map back to their elements.

    White space is collapsed as HTML does it. A blank line stands between two paragraphs, two
    before a heading and between two documents, a line end for each <br/>. Page numbers, marks
    of notes, navigation and tables of contents are left out.
    """
    text: list[str] = []
    documents = []
    at = 0
    for path, root in roots:
        blocks, runs = [], []
        for number, paragraph in enumerate(_paragraphs(root)):
            gap = "" if not at else "\n\n\n" if not number or paragraph.level else "\n\n"
            text.append(gap)
            at += len(gap)
            start = at
            for part, element, is_tail, raw_start in paragraph.parts:
                text.append(part)
                if element is not None:
                    runs.append(Run(at, at + len(part), element, is_tail, raw_start))
                at += len(part)
            blocks.append(Block(start, at, paragraph.level, paragraph.element))
        documents.append(Document(path, root, blocks, runs))
    return "".join(text), documents


def _paragraphs(root: etree._Element) -> Iterator[_Open]:
    """Those that hold text, without the entries of tables of contents."""
    entries: list[_Open] = []
    for paragraph in _all_paragraphs(root):
        while paragraph.parts and not paragraph.parts[-1][0].strip(" \n"):
            paragraph.parts.pop()
        text = paragraph.text
        if not text:
            continue
        others = re.sub(r"[\s\d.…]", "", text)  # leaders and page numbers
        if not paragraph.level and paragraph.num_linked and paragraph.num_linked >= len(others):
            entries.append(paragraph)
            continue
        if len(entries) < _CONTENTS:
            yield from entries
        entries = []
        yield paragraph
    if len(entries) < _CONTENTS:
        yield from entries


def _all_paragraphs(root: etree._Element) -> Iterator[_Open]:
    around: list[_Open] = [_Open(root, 0)]  # the blocks that are open, each with its text so far
    depth_left_out = depth_link = depth_pre = 0
    for event, element in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
        if event in ("comment", "pi"):
            if not depth_left_out and element.getparent() is not None:
                _add(around[-1], element, True, depth_pre, depth_link)
            continue
        tag = local_name(element)
        is_block = tag in _BLOCKS
        if event == "start":
            if depth_left_out or _is_left_out(element, tag):
                depth_left_out += 1
                continue
            depth_link += tag == "a" and "href" in element.attrib
            depth_pre += tag == "pre"
            if tag == "br":
                around[-1].space = False
                if around[-1].parts:
                    around[-1].parts.append(("\n", None, False, 0))
            elif is_block:
                yield around[-1]
                around[-1] = _Open(around[-1].element, around[-1].level)
                around.append(_Open(element, _level(element, tag, around[-1].level)))
            _add(around[-1], element, False, depth_pre, depth_link)
        else:
            if depth_left_out:
                depth_left_out -= 1
            else:
                depth_link -= tag == "a" and "href" in element.attrib
                depth_pre -= tag == "pre"
                if is_block:
                    yield around.pop()
            if not depth_left_out and element is not root:
                _add(around[-1], element, True, depth_pre, depth_link)


def _add(
    paragraph: _Open, element: etree._Element, is_tail: bool, is_pre: int, is_linked: int
) -> None:
    raw = (element.tail if is_tail else element.text) or ""
    if not raw:
        return
    if is_pre:
        if raw.strip() or paragraph.parts:
            paragraph.add(raw, element, is_tail, 0)
        return
    at = 0
    spaces = [match.span() for match in _NOT_ONE_SPACE.finditer(raw)]
    for start, end in [*spaces, (len(raw), len(raw))]:
        piece = raw[at:start]
        stripped = piece.strip(" ")
        if stripped:
            begin = at + len(piece) - len(piece.lstrip(" "))
            paragraph.space |= begin > at
            paragraph.add(stripped, element, is_tail, begin)
            paragraph.num_linked += len(_SPACE.sub("", stripped)) if is_linked else 0
            paragraph.space = piece.endswith(" ")
        else:
            paragraph.space |= bool(piece)
        paragraph.space |= end > start
        at = end


def _level(element: etree._Element, tag: str, around: int) -> int:
    """Of a heading that the element is or lies in."""
    if tag in _HEADINGS:
        return _HEADINGS[tag]
    if element.get("role") == "heading":
        level = element.get("aria-level", "2")
        return int(level) if level in "123456" else 2
    return around


def _is_left_out(element: etree._Element, tag: str) -> bool:
    types = f"{element.get(EPUB_TYPE, '')} {element.get('role', '')}".split()
    classes = element.get("class", "").lower().split()
    return (
        tag in _LEFT_OUT
        or "hidden" in element.attrib
        or not _LEFT_OUT_TYPES.isdisjoint(types)
        or not _LEFT_OUT_CLASSES.isdisjoint(classes)
        or (tag in ("a", "sup") and _is_note_mark(element, tag))
    )


def _is_note_mark(element: etree._Element, tag: str) -> bool:
    """A number or sign that is a link and raised, or follows a word without a space. In x² and
    Mʳ nothing links."""
    text = "".join(element.itertext())
    if not _NOTE_MARK.fullmatch(text):
        return False
    if tag == "sup":
        return any(local_name(each) == "a" and "#" in each.get("href", "") for each in element)
    before = element.getprevious()
    above = element.getparent()
    written = before.tail if before is not None else above.text if above is not None else None
    raised = any(local_name(each) == "sup" for each in element)
    attached = bool(written) and not written[-1].isspace()
    return "#" in element.get("href", "") and (raised or attached or not text.strip().isalnum())


def local_name(element: etree._Element) -> str:
    """The tag without its namespace, in lower case; "" of comments and the like."""
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""
