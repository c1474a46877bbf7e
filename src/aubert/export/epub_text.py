"""The pages of a read-aloud book that is made of a text: chapters, each a file of its own."""

from __future__ import annotations

import html
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

from aubert.export.epub_about import About
from aubert.export.epub_clips import Clip, Reading
from aubert.export.epub_marks import NO_MARKS, Marks
from aubert.text.boilerplate import body
from aubert.text.broken import is_broken, unbroken
from aubert.text.headings import is_heading, names_a_number
from aubert.text.markup import Document
from aubert.text.normalise import tokenize
from aubert.text.pages import without_edges
from aubert.text.paragraphs import Paragraph, paragraphs

# Control characters, which XML forbids.
_NOT_IN_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEADING = 80  # characters of a first paragraph that may name its page


def body_of(
    text: str, documents: Sequence[Document], readings: Iterable[Reading], language: str
) -> list[Paragraph]:
    """The book's paragraphs, as its markup has them; those of a plain text by its layout, without
    licences, unless they are read too."""
    if documents:
        return list(_of_blocks(text, documents))
    start, end = body(text)
    words = [word for reading in readings for word in reading.words]
    start = min(start, *(word.char_start for word in words))
    end = max(end, *(word.char_end for word in words))
    return paragraphs(text, start, end, language)


def _of_blocks(text: str, documents: Iterable[Document]) -> Iterator[Paragraph]:
    """A chapter begins with a heading of any level. Another one right below it goes on with it,
    but for the book's title, whose level no other heading has."""
    for document in documents:
        levels = Counter(block.level for block in document.blocks)
        above = 0
        for block in document.blocks:
            level = min(block.level, 2 if above and levels[above] > 1 else 1)
            above = block.level
            is_verse = "\n" in text[block.char_start : block.char_end]
            yield Paragraph(block.char_start, block.char_end, level, is_verse)


@dataclass(frozen=True)
class Page:
    """A chapter, or what stands before the first. title: in the table of contents; clips: (id,
    clip) of what is read aloud of it"""

    title: str
    paragraphs: Sequence[Paragraph]
    clips: Sequence[tuple[str, Clip]]


class Shown:
    """A text as it is shown: words that a layout breaks in one piece, no page numbers."""

    def __init__(self, text: str, language: str):
        self._text = without_edges(text)
        tokens = [(token.char_start, token.char_end) for token in tokenize(text, language)]
        self._broken = [span for span in tokens if is_broken(text[slice(*span)])]

    def __call__(self, start: int, end: int) -> str:
        parts = []
        first = bisect_left(self._broken, (start, 0))
        for low, high in self._broken[first:]:
            if high > end:
                break
            parts += [self._text[start:low], unbroken(self._text[low:high])]
            start = high
        return "".join([*parts, self._text[start:end]])


def pages(
    shown: Shown, paragraphs: Sequence[Paragraph], clips: Sequence[Clip], about: About
) -> list[Page]:
    """The book's paragraphs in pages. A page begins at each chapter's heading, whether the chapter
    is read or not; in a book without headings, where a recording begins and where the last ends.
    """
    places = [paragraph.start for paragraph in paragraphs]
    starts = [clip.char_start for clip in clips]
    firsts: dict[int, str] = {}  # the clip with which a recording begins
    for number, clip in enumerate(clips):
        if clip.recording_id not in firsts.values():
            firsts[number] = clip.recording_id
    cuts = [place for place, one in enumerate(paragraphs) if one.level == 1]
    if not cuts:
        cuts = [bisect_right(places, starts[number]) - 1 for number in firsts]
        cuts += [bisect_left(places, clips[-1].char_end)] if clips else []
    found: list[Page] = []
    for low, high in pairwise(sorted({0, *cuts, len(paragraphs)})):
        inside = paragraphs[low:high]
        numbers = range(bisect_left(starts, inside[0].start), bisect_left(starts, inside[-1].end))
        begun = next((firsts[number] for number in numbers if number in firsts), "")
        title = (
            _title(shown, inside, about.chapters.get(begun, ""), about.language)
            or PurePosixPath(begun).name
            or (f"Part {len(found) + 1}" if found else about.title)
        )
        found.append(Page(title, inside, [(f"c{number}", clips[number]) for number in numbers]))
    return found


def _title(shown: Shown, paragraphs: Sequence[Paragraph], name: str, language: str) -> str:
    """The heading; with the recording's name of the chapter, where the heading only counts. Of
    text without a heading, that name, or its first paragraph where that is short."""
    lines = []
    for paragraph in paragraphs:
        if not paragraph.level:
            break
        lines.append(_line(shown(paragraph.start, paragraph.end)))
    if not lines:
        first = _line(shown(paragraphs[0].start, paragraphs[0].end))
        return name or (first if len(first) <= _HEADING else "")
    heading = " ".join(lines)
    is_name = re.search(r"[^\W\d_]{2}", name) and not names_a_number(name, language)
    is_name = is_name and len(name) <= _HEADING
    if names_a_number(heading, language) and is_name:
        return name if is_heading(name, language) else f"{heading.rstrip('.:')}. {name}"
    return heading


def page(
    shown: Shown, one: Page, language: str, marks: Marks = NO_MARKS, names: Mapping[Path, str] = {}
) -> str:
    """The page as XHTML. names: a picture's file -> its path in the EPUB, as the page names it"""

    def images(start: int, end: int) -> str:
        return "".join(
            f'<img src="{names[each.path]}" alt="{_of_xml(html.escape(each.text))}"/>'
            for each in marks.pictures_of(start, end)
        )

    def inline(start: int, end: int, after: int) -> str:
        """after: the paragraph's start, where pictures stand before it"""
        parts = []
        for low, high, tags in marks.parts(start, end):
            opened, closed = (f"<{tag}>" for tag in tags), (f"</{tag}>" for tag in tags[::-1])
            before = images(low, low + 1) if low > after else ""
            parts += [before, *opened, _escaped(shown(low, high)), *closed]
        return "".join(parts)

    parts = []
    waiting = list(one.clips)[::-1]
    for paragraph in one.paragraphs:
        written, at, start = [], paragraph.start, paragraph.start
        while waiting and waiting[-1][1].char_start < paragraph.end:
            element_id, clip = waiting.pop()
            written += [inline(at, clip.char_start, start), f'<span id="{element_id}">']
            written += [inline(clip.char_start, clip.char_end, start), "</span>"]
            at = clip.char_end
        written.append(inline(at, paragraph.end, start))
        tag = f"h{paragraph.level}" if paragraph.level else "p"
        style = ' class="verse"' if paragraph.is_verse else ""
        parts += _figure(images(start, start + 1))
        parts.append(f"<{tag}{style}>{''.join(written).strip()}</{tag}>")
    parts += _figure(images(at_end := one.paragraphs[-1].end, at_end + 1))
    style = '<link rel="stylesheet" type="text/css" href="../style.css"/>'
    lines = ['<section epub:type="chapter">', *parts, "</section>"]
    return xhtml(_escaped(one.title), "\n".join(lines), language, style)


def xhtml(title: str, body: str, language: str, head: str = "") -> str:
    """A document of an EPUB. title, body, head: XHTML already"""
    language = html.escape(language)
    return f"""<?xml version="1.0" encoding="utf-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"
 lang="{language}" xml:lang="{language}">
<head><title>{title}</title>{head}</head>
<body>{body}</body>
</html>
"""


def _figure(images: str) -> list[str]:
    return [f"<p>{images}</p>"] if images else []


def _line(text: str) -> str:
    return " ".join(_of_xml(text).split())


def _escaped(text: str) -> str:
    return html.escape(_of_xml(text), quote=False)


def _of_xml(text: str) -> str:
    return _NOT_IN_XML.sub(" ", text.replace("\ufeff", ""))  # a byte-order mark is not shown
