"""Spans around stretches of an EPUB's page, its elements left as they are."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lxml import etree

from aubert.text.markup import Block, Document, Run, local_name

_STRING = etree.XPath("string()")


class Place(NamedTuple):
    """A place between characters: `offset` into the text that follows the child `after` of
    `parent`, or its start tag where after is None."""

    parent: etree._Element
    after: etree._Element | None
    offset: int

    @property
    def text(self) -> str:
        return (self.parent.text if self.after is None else self.after.tail) or ""


class Marked(NamedTuple):
    """An element that holds a part of a stretch. share: of the stretch's characters"""

    element_id: str
    share: float


def mark(document: Document, stretches: Sequence[tuple[int, int]]) -> list[list[Marked]]:
    """Gives each stretch [start, end) of the text an element with an id: its paragraph's, where
    it is all of that, else a new span, or several where it begins or ends within an element.

    stretches: in order, each in one of the document's blocks. The document's text stays the same.
    """
    ids = {element.get("id") for element in document.root.iter() if element.get("id")}
    names = (f"read{n}" for n in range(1, 10**9) if f"read{n}" not in ids)
    prepared = [_whole(document, *stretch) for stretch in stretches]
    found: list[list[etree._Element]] = []
    # From the last on: what stands before keeps its places.
    for stretch, block in zip(reversed(stretches), reversed(prepared), strict=True):
        found.append([block.element] if block else list(_wrapped(document, *stretch)))
    marked = []
    for elements in found[::-1]:
        for element in elements:
            if not element.get("id"):
                element.set("id", next(names))
        lengths = [len("".join(_text(element).split())) for element in elements]
        marked.append([
            Marked(element.get("id"), length / sum(lengths))
            for element, length in zip(elements, lengths, strict=True)
            if length
        ])  # fmt: skip
    return marked


def _whole(document: Document, start: int, end: int) -> Block | None:
    """The block that the stretch is all of, where no other has its element."""
    at = bisect_right(document.blocks, start, key=lambda block: block.char_start) - 1
    block = document.blocks[at]
    if (block.char_start, block.char_end) != (start, end):
        return None
    beside = document.blocks[max(0, at - 1) : at] + document.blocks[at + 1 : at + 2]
    is_shared = any(
        other.element is block.element or block.element in other.element.iterancestors()
        for other in beside
    )
    return None if is_shared or local_name(block.element) in ("body", "html") else block


def _wrapped(document: Document, start: int, end: int) -> Iterator[etree._Element]:
    """The new spans around a stretch, in order."""
    runs = document.runs
    first = bisect_right(runs, start, key=lambda run: run.char_end)
    last = bisect_left(runs, end, key=lambda run: run.char_start) - 1
    if first > last:
        return
    low = _place(runs[first], max(start, runs[first].char_start))
    high = _place(runs[last], min(end, runs[last].char_end))
    low, high = _lifted(low, high)
    while low.parent is not high.parent:
        if _holds(low.parent, high.parent):
            inner = high.parent
            while inner.getparent() is not low.parent:
                inner = inner.getparent()
            before = inner.getprevious()
            here = Place(low.parent, before, 0)
            yield from _span(low, here._replace(offset=len(here.text)))
            low = Place(inner, None, 0)
        else:
            outer = low.parent
            here = Place(outer, outer[-1] if len(outer) else None, 0)
            yield from _span(low, here._replace(offset=len(here.text)))
            low = Place(outer.getparent(), outer, 0)
    yield from _span(low, high)


def _place(run: Run, char: int) -> Place:
    offset = run.raw_start + char - run.char_start
    if run.is_tail:
        return Place(run.element.getparent(), run.element, offset)
    return Place(run.element, None, offset)


def _lifted(low: Place, high: Place) -> tuple[Place, Place]:
    """The same stretch from outside of elements that it is all of."""
    while not _holds(low.parent, high.parent) and _opens(low):
        outer = low.parent
        low = Place(outer.getparent(), outer.getprevious(), 0)
        low = low._replace(offset=len(low.text))
    while not _holds(high.parent, low.parent) and _closes(high):
        high = Place(high.parent.getparent(), high.parent, 0)
    return low, high


def _opens(place: Place) -> bool:
    """Whether nothing but white space stands before it in its parent."""
    if place.text[: place.offset].strip():
        return False
    if place.after is None:
        return True
    before = (place.after, *place.after.itersiblings(preceding=True))
    tails = "".join(child.tail or "" for child in before[1:])
    return not ((place.parent.text or "") + tails + "".join(map(_text, before))).strip()


def _closes(place: Place) -> bool:
    """Whether nothing but white space stands behind it in its parent."""
    if place.text[place.offset :].strip():
        return False
    behind = place.parent if place.after is None else place.after.itersiblings()
    return not any(_text_with_tail(child).strip() for child in behind)


def _text(element: etree._Element) -> str:
    """What is written in it, without comments."""
    return _STRING(element) if isinstance(element.tag, str) else ""


def _text_with_tail(element: etree._Element) -> str:
    return _text(element) + (element.tail or "")


def _holds(outer: etree._Element, inner: etree._Element) -> bool:
    return outer is inner or outer in inner.iterancestors()


def _span(low: Place, high: Place) -> Iterator[etree._Element]:
    """A span around what lies between two places of one parent; none, where that is no text."""
    parent = low.parent
    namespace = etree.QName(parent).namespace
    span = parent.makeelement(f"{{{namespace}}}span" if namespace else "span")
    text = low.text
    at = 0 if low.after is None else parent.index(low.after) + 1
    if low.after is high.after:
        span.text, span.tail = text[low.offset : high.offset], text[high.offset :]
        if not span.text.strip():
            return
    else:
        inside = parent[at : parent.index(high.after) + 1]
        between = "".join(map(_text_with_tail, inside[:-1])) + _text(high.after)
        if not (text[low.offset :] + between + high.text[: high.offset]).strip():
            return
        span.text, span.tail = text[low.offset :], high.text[high.offset :]
        high.after.tail = high.text[: high.offset]
        span.extend(inside)
    if low.after is None:
        parent.text = text[: low.offset]
    else:
        low.after.tail = text[: low.offset]
    parent.insert(at, span)
    yield span
