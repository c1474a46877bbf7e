"""Who reads what in a folder of audiobooks, from the names of its files alone.

    <reader>/<book>/<chapter>.mp3    or   <book>/<chapter>.mp3   or   <chapter>.mp3

Deeper folders (CD1, CD2) are part of the chapter's name; without a reader's folder each book
is a reader of its own. Texts (.txt) lie anywhere.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from aubert.corpus.shards import natural_key


class Book(NamedTuple):
    """What one reader reads of one book, as the folders have it."""

    reader: str
    title: str


class Chapter(NamedTuple):
    """An audio file. path: relative to the folder"""

    path: PurePosixPath
    book: Book
    name: str


def chapters(audio: Iterable[PurePosixPath], folder: str) -> list[Chapter]:
    """The place of each audio file in the corpus. folder: its name, for files right in it.

    Raises ValueError when two files are one chapter.
    """
    found: dict[tuple[Book, str], Chapter] = {}
    for path in audio:
        *parents, _ = path.parts
        reader, title = parents[:2] if len(parents) > 1 else [*parents, folder][:1] * 2
        chapter = Chapter(path, Book(reader, title), " - ".join([*parents[2:], path.stem]))
        first = found.setdefault((chapter.book, chapter.name), chapter)
        if first is not chapter:
            raise ValueError(f"{first.path} and {path} are the same chapter: keep one of them")
    return list(found.values())


def texts_of(
    chapters: Sequence[Chapter], texts: Sequence[PurePosixPath]
) -> dict[Book, list[PurePosixPath]]:
    """The texts that each book's folder says it is read from; a book that no folder and no name
    tells the text of is not there: it is found by what is read.

    A text for each chapter (01.txt beside 01.mp3) makes the book, in reading order; else the
    one text in the book's folder; else the one that has the book's name.
    """
    of_book: dict[Book, list[Chapter]] = defaultdict(list)
    for chapter in chapters:
        of_book[chapter.book].append(chapter)
    found = {}
    for book, members in of_book.items():
        beside = {chapter.path.with_suffix("") for chapter in members}
        folders = {PurePosixPath(*chapter.path.parts[:-1][:2]) for chapter in members}
        inside = [path for path in texts if any(_lies_in(path, folder) for folder in folders)]
        of_chapters = [path for path in inside if path.with_suffix("") in beside]
        named = [path for path in texts if _plain(path.stem) == _plain(book.title)]
        if len(of_chapters) > 1:
            found[book] = sorted(of_chapters, key=lambda path: natural_key(str(path)))
        elif len(inside) == 1:
            found[book] = inside
        elif len(named) == 1:
            found[book] = named
        elif len(texts) == len(of_book) == 1:
            found[book] = list(texts)
    return found


def flat_name(path: PurePosixPath) -> str:
    """A text's name in one folder with all others: its folders stay in it."""
    return " - ".join(path.parts)


def _lies_in(path: PurePosixPath, folder: PurePosixPath) -> bool:
    """Right in it, where that is the root; else at any depth."""
    return path.parent == folder if not folder.parts else path.is_relative_to(folder)


def _plain(name: str) -> str:
    return "".join(re.findall(r"\w+", name.replace("_", " ").casefold()))
