"""The documents of an EPUB 3 around its pages: package, navigation, overlays."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from aubert.export.epub_text import Section, xhtml

_ACTIVE = "-epub-media-overlay-active"

CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles>
<rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/>
</rootfiles>
</container>
"""

STYLE = f"""body {{ line-height: 1.5; margin: 1em; }}
h1 {{ font-size: 1.4em; text-align: center; }}
.verse {{ white-space: pre-line; }}
.{_ACTIVE} {{ background-color: #ffd54a; color: #000; }}
@media (prefers-color-scheme: dark) {{
  .{_ACTIVE} {{ background-color: #6a4d00; color: #fff; }}
}}
"""


class About(NamedTuple):
    title: str
    authors: list[str]


class Clip(NamedTuple):
    """What is heard while a word is highlighted."""

    word_id: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Page:
    """number: from 1; title: in the table of contents"""

    number: int
    section: Section
    title: str

    @property
    def text_path(self) -> str:
        return f"text/{self.number:04}.xhtml"

    @property
    def overlay_path(self) -> str:
        return f"overlays/{self.number:04}.smil"

    @property
    def audio_path(self) -> str:
        return f"audio/{self.number:04}.mp3"

    @property
    def clips(self) -> list[Clip]:
        """Each word goes on up to the next one: the reading has no holes."""
        words = self.section.words
        starts_s = [word.recording_start_s for _, word in words]
        ends_s = [*starts_s[1:], *(word.recording_end_s for _, word in words[-1:])]
        return [
            Clip(word_id, start_s, end_s)
            for (word_id, _), start_s, end_s in zip(words, starts_s, ends_s, strict=True)
            if start_s < end_s
        ]

    @property
    def seconds(self) -> float:
        return sum(clip.end_s - clip.start_s for clip in self.clips)


@dataclass(frozen=True)
class Book:
    """modified: in UTC, to the second"""

    identifier: str
    title: str
    authors: Sequence[str]
    narrator: str
    modified: str
    pages: Sequence[Page]


def opf(book: Book) -> str:
    """The package document."""
    lines = [*_metadata(book), "<manifest>", *_manifest(book), "</manifest>", "<spine>"]
    lines += [f'<itemref idref="text-{page.number}"/>' for page in book.pages]
    body = "\n".join([*lines, "</spine>"])
    return f"""<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
{body}
</package>
"""


def _metadata(book: Book) -> Iterator[str]:
    yield '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
    yield f'<dc:identifier id="id">urn:uuid:{book.identifier}</dc:identifier>'
    yield f"<dc:title>{_text(book.title)}</dc:title>"
    yield "<dc:language>en</dc:language>"
    for author in book.authors:
        yield f"<dc:creator>{_text(author)}</dc:creator>"
    yield f'<dc:contributor id="narrator">{_text(book.narrator)}</dc:contributor>'
    yield '<meta refines="#narrator" property="role" scheme="marc:relators">nrt</meta>'
    yield f'<meta property="dcterms:modified">{book.modified}</meta>'
    for name, values in {
        "accessMode": ("textual", "auditory"),
        "accessModeSufficient": ("textual", "auditory"),
        "accessibilityFeature": ("synchronizedAudioText", "tableOfContents"),
        "accessibilityHazard": ("none",),
        "accessibilitySummary": ("The text is read aloud, each word highlighted as it is said.",),
    }.items():
        yield from (f'<meta property="schema:{name}">{value}</meta>' for value in values)
    yield f'<meta property="media:active-class">{_ACTIVE}</meta>'
    yield f'<meta property="media:narrator">{_text(book.narrator)}</meta>'
    total_s = sum(page.seconds for page in book.pages)
    yield f'<meta property="media:duration">{_clock(total_s)}</meta>'
    for page in book.pages:
        if page.section.recording_id:
            of_page = f'refines="#overlay-{page.number}" property="media:duration"'
            yield f"<meta {of_page}>{_clock(page.seconds)}</meta>"
    yield "</metadata>"


def _manifest(book: Book) -> Iterator[str]:
    yield '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
    yield '<item id="style" href="style.css" media-type="text/css"/>'
    for page in book.pages:
        number = page.number
        overlay = f' media-overlay="overlay-{number}"' if page.section.recording_id else ""
        yield _item(f"text-{number}", page.text_path, "application/xhtml+xml", overlay)
        if page.section.recording_id:
            yield _item(f"overlay-{number}", page.overlay_path, "application/smil+xml")
            yield _item(f"audio-{number}", page.audio_path, "audio/mpeg")


def _item(name: str, path: str, kind: str, more: str = "") -> str:
    return f'<item id="{name}" href="{path}" media-type="{kind}"{more}/>'


def nav(book: Book) -> str:
    """The navigation document: a line for each page."""
    entries = "\n".join(
        f'<li><a href="{page.text_path}">{_text(page.title)}</a></li>' for page in book.pages
    )
    name = _text(book.title)
    return xhtml(name, f'<nav epub:type="toc" id="toc"><h1>{name}</h1><ol>\n{entries}\n</ol></nav>')


def overlay(page: Page) -> str:
    """The SMIL of a page: which stretch of audio is which word."""
    pars = "\n".join(
        f'<par id="p-{clip.word_id}"><text src="../{page.text_path}#{clip.word_id}"/>'
        f'<audio src="../{page.audio_path}" clipBegin="{clip.start_s:.3f}s" '
        f'clipEnd="{clip.end_s:.3f}s"/></par>'
        for clip in page.clips
    )
    return f"""<?xml version="1.0" encoding="utf-8"?>
<smil xmlns="http://www.w3.org/ns/SMIL" xmlns:epub="http://www.idpf.org/2007/ops" version="3.0">
<body><seq id="page" epub:textref="../{page.text_path}" epub:type="bodymatter chapter">
{pars}
</seq></body>
</smil>
"""


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:06.3f}"


def _text(text: str) -> str:
    return html.escape(" ".join(text.split()), quote=False)
