"""What an EPUB keeps of an HTML book's markup: emphasis, and pictures that lie beside the book."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from lxml import etree

from aubert.text.markup import Document, local_name

EMPHASIS = ("b", "em", "i", "strong", "sub", "sup")
# Those that every reading system shows (EPUB 3.3, "Core media types").
MEDIA_TYPES = {
    ".gif": "image/gif", ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".png": "image/png",
    ".webp": "image/webp",
}  # fmt: skip


class Emphasis(NamedTuple):
    """Characters [char_start, char_end) of the text. tags: of EMPHASIS, the outermost first"""

    char_start: int
    char_end: int
    tags: tuple[str, ...]


class Picture(NamedTuple):
    """place: the character of the text that it stands before. path: its file. text: the
    alternative text"""

    place: int
    path: Path
    text: str


@dataclass(frozen=True)
class Marks:
    """Both, in the order of the text."""

    emphasis: Sequence[Emphasis] = ()
    pictures: Sequence[Picture] = ()

    def parts(self, start: int, end: int) -> Iterator[tuple[int, int, tuple[str, ...]]]:
        """The text [start, end) as pieces of one emphasis each: (char_start, char_end, tags). A
        picture stands only where a piece begins."""
        cuts = [start, *(one.place for one in self.pictures_of(start + 1, end)), end]
        for low, high in pairwise(dict.fromkeys(cuts)):
            yield from self._emphasised(low, high)

    def _emphasised(self, start: int, end: int) -> Iterator[tuple[int, int, tuple[str, ...]]]:
        at = start
        for one in self.emphasis[bisect_right(self.emphasis, start, key=lambda e: e.char_end) :]:
            if one.char_start >= end:
                break
            if at < one.char_start:
                yield at, one.char_start, ()
            low, at = max(at, one.char_start), min(end, one.char_end)
            yield low, at, one.tags
        if at < end:
            yield at, end, ()

    def pictures_of(self, start: int, end: int) -> Sequence[Picture]:
        """Those with start <= place < end."""
        first, last = (bisect_left(self.pictures, at, key=lambda p: p.place) for at in (start, end))
        return self.pictures[first:last]


NO_MARKS = Marks()


def marks_of(documents: Iterable[Document], folder: Path) -> Marks:
    """Of documents whose files lie in `folder`; pictures outside it are left out."""
    emphasis: list[Emphasis] = []
    pictures: list[Picture] = []
    folder = folder.resolve()
    for document in documents:
        for run in document.runs:
            inside = run.element.getparent() if run.is_tail else run.element
            if tags := _tags(inside):
                emphasis.append(Emphasis(run.char_start, run.char_end, tags))
        if document.blocks:
            pictures += _pictures(document, folder)
    return Marks(emphasis, pictures)


def _tags(element: etree._Element | None) -> tuple[str, ...]:
    around = [] if element is None else [element, *element.iterancestors()]
    return tuple(
        dict.fromkeys(tag for each in around[::-1] if (tag := local_name(each)) in EMPHASIS)
    )


def _pictures(document: Document, folder: Path) -> Iterator[Picture]:
    """Each stands before the text that follows it in the document, or at the end of all."""
    starts: dict[tuple[int, bool], int] = {}
    for run in document.runs:
        starts.setdefault((id(run.element), run.is_tail), run.char_start)
    waiting: list[etree._Element] = []
    for event, element in etree.iterwalk(document.root, events=("start", "end")):
        if event == "start" and local_name(element) == "img":
            waiting.append(element)
        place = starts.get((id(element), event == "end"))
        if place is not None:
            yield from _of_files(waiting, place, folder)
            waiting = []
    yield from _of_files(waiting, document.blocks[-1].char_end, folder)


def _of_files(images: Iterable[etree._Element], place: int, folder: Path) -> Iterator[Picture]:
    for image in images:
        name = unquote(image.get("src", "").partition("#")[0].partition("?")[0])
        path = (folder / name).resolve()
        known = path.suffix.lower() in MEDIA_TYPES
        if known and path.is_relative_to(folder) and path.is_file():
            yield Picture(place, path, " ".join(image.get("alt", "").split()))
