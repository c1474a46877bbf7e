"""The pages of a read-aloud book: its text in sections, each read word with an id."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from aubert.export.corpus import Word
from aubert.text.boilerplate import body

_BLANK_LINE = re.compile(r"(?:\r?\n|\r)[ \t]*(?:\r?\n|\r)\s*")
# Control characters, which XML forbids, and byte-order marks.
_NOT_IN_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_VERSE_LINE = 60  # characters; prose of plain-text books is filled to about 70
_HEADING = 80


class Reading(NamedTuple):
    """One recording of the book, and the words that were read in it, in order of time."""

    recording_id: str
    words: Sequence[Word]


@dataclass(frozen=True)
class Section:
    """A page: the book's text[start:end]. recording_id: that reads it, None where nobody does.
    words: (id, word), in the book's order, without the text between them."""

    start: int
    end: int
    recording_id: str | None
    words: Sequence[tuple[str, Word]]


def sections(text: str, readings: Sequence[Reading]) -> list[Section]:
    """The book's own text, without licences: a page for each reading, and for what was not read.

    A page begins with the paragraph of its first word. What was read twice is spoken the first
    time only: an overlay follows the text.
    """
    start, end = body(text)
    kept = _in_order(readings)
    if not kept:
        return [Section(start, end, None, ())]
    first = [_paragraph_start(text, reading.words[0].char_start) for reading in kept]
    last = _paragraph_end(text, kept[-1].words[-1].char_end)
    # Of two readings that meet in one paragraph, the second has what is left of it.
    cuts = [place if place >= before.words[-1].char_end else reading.words[0].char_start
            for place, before, reading in zip(first[1:], kept, kept[1:], strict=False)]  # fmt: skip
    edges = [min(start, first[0]), first[0], *cuts, last, max(end, last)]
    readers = [None, *(reading.recording_id for reading in kept), None]
    words = [(), *(reading.words for reading in kept), ()]
    number = 0
    found = []
    for (low, high), reader, said in zip(pairwise(edges), readers, words, strict=True):
        if text[low:high].strip():
            named = [(f"w{number + place}", word) for place, word in enumerate(said)]
            number += len(named)
            found.append(Section(low, high, reader, named))
    return found


def _in_order(readings: Sequence[Reading]) -> list[Reading]:
    """By place in the book, each without words that stand before what is already said."""
    kept: list[Reading] = []
    said = 0
    for reading in sorted(readings, key=lambda reading: reading.words[0].char_start):
        words = []
        for word in reading.words:
            if word.char_start >= said:
                words.append(word)
                said = word.char_end
        if words:
            kept.append(Reading(reading.recording_id, words))
    return kept


def _paragraph_start(text: str, place: int) -> int:
    return max((match.end() for match in _BLANK_LINE.finditer(text, 0, place)), default=0)


def _paragraph_end(text: str, place: int) -> int:
    match = _BLANK_LINE.search(text, place)
    return match.start() if match else len(text)


def title(text: str, section: Section, otherwise: str) -> str:
    """The section's first paragraph where it is short, as headings are."""
    for low, high in _paragraphs(text, section):
        first = _line(text[low:high])
        return first if len(first) <= _HEADING else otherwise
    return otherwise


def page(text: str, section: Section, name: str) -> str:
    """The section as XHTML; name: its title."""
    paragraphs = []
    places = iter(section.words)
    waiting = next(places, None)
    for number, (low, high) in enumerate(_paragraphs(text, section)):
        parts, at = [], low
        while waiting and waiting[1].char_start < high:
            word_id, word = waiting
            parts += [_escaped(text[at : word.char_start]), f'<span id="{word_id}">']
            parts += [_escaped(text[word.char_start : word.char_end]), "</span>"]
            at, waiting = word.char_end, next(places, None)
        parts.append(_escaped(text[at:high]))
        plain = text[low:high]
        is_heading = number == 0 and _line(plain) == name
        tag, style = ("h1", "") if is_heading else ("p", _style(plain))
        paragraphs.append(f"<{tag}{style}>{''.join(parts).strip()}</{tag}>")
    style = '<link rel="stylesheet" type="text/css" href="../style.css"/>'
    lines = ['<section epub:type="chapter">', *paragraphs, "</section>"]
    return xhtml(_escaped(name), "\n".join(lines), style)


def xhtml(title: str, body: str, head: str = "") -> str:
    """A document of an EPUB. title, body, head: XHTML already"""
    return f"""<?xml version="1.0" encoding="utf-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"
 lang="en" xml:lang="en">
<head><title>{title}</title>{head}</head>
<body>{body}</body>
</html>
"""


def _paragraphs(text: str, section: Section) -> Iterator[tuple[int, int]]:
    """Without the white space around them."""
    gaps = _BLANK_LINE.finditer(text, section.start, section.end)
    edges = [section.start, *(edge for gap in gaps for edge in gap.span()), section.end]
    for low, high in zip(edges[::2], edges[1::2], strict=True):
        if text[low:high].strip():
            yield low, high


def _style(paragraph: str) -> str:
    """Lines that are no longer than a verse keep their ends."""
    lines = paragraph.splitlines()
    return ' class="verse"' if len(lines) > 1 and max(map(len, lines)) < _VERSE_LINE else ""


def _line(text: str) -> str:
    return " ".join(_NOT_IN_XML.sub(" ", text).split())


def _escaped(text: str) -> str:
    return html.escape(_NOT_IN_XML.sub(" ", text), quote=False)
