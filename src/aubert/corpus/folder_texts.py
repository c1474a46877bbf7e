"""Which texts of a folder a book is read from: from the names of folders and files alone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from aubert.corpus.books import TEXT_SUFFIXES
from aubert.corpus.folder_layout import Book, Chapter, is_of_a_kind, plain, short_name
from aubert.corpus.shards import natural_key

# Texts that lie beside recordings and are not read.
_ASIDES = re.compile(
    r"(read ?me|licen[cs]e|info(rmation)?|about|notes?|credits|track ?list|contents|toc|"
    r"liesmich|lizenz|impressum)",
    re.IGNORECASE,
)
_MIN_TITLE = 4  # letters of a title that may stand within a longer name


def texts_of(
    chapters: Sequence[Chapter],
    texts: Sequence[PurePosixPath],
    titles: Mapping[Book, Iterable[str]] | None = None,
) -> dict[Book, list[PurePosixPath]]:
    """The texts that each book's folder says it is read from; a book that no folder and no name
    tells the text of is not there: it is found by what is read.

    In this order: a text for each chapter (01.txt beside 01.mp3); the text in the book's folder
    that has its name, or the one that is there; texts in one folder, as many as chapters or
    numbered, in their order; the text of a folder above that has the book's name, or that is alone
    there with the one book. titles: what tags say that books are called
    """
    of_book: dict[Book, list[Chapter]] = defaultdict(list)
    for chapter in chapters:
        of_book[chapter.book].append(chapter)
    shelf = _Shelf(texts, of_book, titles or {})
    found = {book: shelf.of(book) for book in of_book}
    return {book: paths for book, paths in found.items() if paths}


def flat_name(path: PurePosixPath) -> str:
    """A text's name in one folder with all others: its folders stay in it."""
    return short_name(" - ".join([*path.parts[:-1], path.stem])) + path.suffix.lower()


class _Shelf:
    """All texts beside all books of a folder."""

    def __init__(
        self,
        texts: Sequence[PurePosixPath],
        of_book: Mapping[Book, Sequence[Chapter]],
        titles: Mapping[Book, Iterable[str]],
    ):
        self._texts, self._of_book, self._titles = texts, of_book, titles
        self._folders = {book: {one.folder for one in of_book[book]} for book in of_book}

    def of(self, book: Book) -> list[PurePosixPath]:
        inside = self._inside(book)
        own = self._of_chapters(book, inside)
        stems = {path.with_suffix("") for path in own}
        others = _one_of_each([path for path in inside if path.with_suffix("") not in stems])
        if own and len(own) == len({one.path.with_suffix("") for one in self._of_book[book]}):
            return own
        is_shared = self._is_shared(book)
        whole = self._named(book, others) or ([] if is_shared else _the_one(others))
        if whole:
            return whole
        if own:
            return own
        return (
            ([] if is_shared else self._in_order(book, others))
            or self._above(book)
            or self._named(book, _one_of_each(self._texts))
            or (list(self._texts) if len(self._texts) == len(self._of_book) == 1 else [])
        )

    def _inside(self, book: Book) -> list[PurePosixPath]:
        """In the book's folder at any depth, but not in another book's; right in it, where that is
        the root."""
        mine = self._folders[book]
        theirs = {
            folder
            for other, folders in self._folders.items()
            if other != book
            for folder in folders - mine
        }
        found = []
        for path in self._texts:
            around = [folder for folder in (*mine, *theirs) if _lies_in(path, folder)]
            if around and max(around, key=lambda folder: len(folder.parts)) in mine:
                found.append(path)
        return found

    def _of_chapters(self, book: Book, inside: Sequence[PurePosixPath]) -> list[PurePosixPath]:
        """In the order of the chapters."""
        by_stem = {path.with_suffix(""): path for path in _one_of_each(inside)}
        stems = dict.fromkeys(one.path.with_suffix("") for one in self._of_book[book])
        return [by_stem[stem] for stem in stems if stem in by_stem]

    def _named(self, book: Book, texts: Sequence[PurePosixPath]) -> list[PurePosixPath]:
        """The one that has the book's name, or the only one that has it in its own."""
        names = {plain(name) for name in self._names_of(book)} - {""}
        same = [path for path in texts if plain(path.stem) in names]
        if len(same) == 1:
            return same
        within = [
            path
            for path in texts
            if any(_has_words(path.stem, name) for name in self._names_of(book))
        ]
        return within if len(within) == 1 and not same else []

    def _names_of(self, book: Book) -> list[str]:
        own = self._of_book[book]
        names = [book.title, *self._titles.get(book, ())]
        if len(own) == 1 and self._is_shared(book):
            names.append(own[0].path.stem)
        return names

    def _is_shared(self, book: Book) -> bool:
        mine = self._folders[book]
        return any(other != book and mine & theirs for other, theirs in self._folders.items())

    def _in_order(self, book: Book, others: Sequence[PurePosixPath]) -> list[PurePosixPath]:
        """Texts of chapters that have other names than the recordings."""
        read = [path for path in others if not _ASIDES.fullmatch(path.stem)] or list(others)
        is_one_folder = len({path.parent for path in read}) == 1
        is_numbered = all(re.search(r"\d", path.stem) for path in read)
        if len(read) < 2 or not is_one_folder:
            return []
        if len(read) != len(self._of_book[book]) and not is_numbered:
            return []
        return sorted(read, key=lambda path: natural_key(path.name))

    def _above(self, book: Book) -> list[PurePosixPath]:
        for folder in self._folders[book]:
            for above in folder.parents:
                texts = [
                    path
                    for path in self._texts
                    if path.parent == above
                    or (path.parent.parent == above and is_of_a_kind(path.parent.name))
                ]
                named = self._named(book, _one_of_each(texts))
                if named:
                    return named
                books = [
                    other
                    for other, folders in self._folders.items()
                    if any(one.is_relative_to(above) for one in folders)
                ]
                if above.parts and len(books) == 1 and _the_one(_one_of_each(texts)):
                    return _the_one(_one_of_each(texts))
        return []


def _has_words(name: str, title: str) -> bool:
    """Whether a title stands in a name, word by word."""
    words = re.findall(r"[^\W_]+", title.casefold())
    inside = re.findall(r"[^\W_]+", name.casefold())
    starts = range(len(inside) - len(words) + 1)
    is_title = len("".join(words)) >= _MIN_TITLE
    return is_title and any(inside[at : at + len(words)] == words for at in starts)


def _lies_in(path: PurePosixPath, folder: PurePosixPath) -> bool:
    """Right in it, where that is the root; else at any depth."""
    if folder.parts:
        return path.is_relative_to(folder)
    return path.parent == folder or (len(path.parts) == 2 and is_of_a_kind(path.parts[0]))


def _one_of_each(texts: Sequence[PurePosixPath]) -> list[PurePosixPath]:
    """Of files that differ in their suffix alone the one that is first in TEXT_SUFFIXES."""
    by_stem: dict[PurePosixPath, PurePosixPath] = {}
    for path in sorted(texts, key=_rank):
        by_stem.setdefault(path.with_suffix(""), path)
    return sorted(by_stem.values())


def _the_one(texts: Sequence[PurePosixPath]) -> list[PurePosixPath]:
    """The only text of its kind, an EPUB before others; asides do not count beside another."""
    read = [path for path in texts if not _ASIDES.fullmatch(path.stem)] or list(texts)
    for suffixes in ((".epub",), (".txt",), TEXT_SUFFIXES):
        found = [path for path in read if path.suffix.lower() in suffixes]
        if found:
            return found if len(found) == 1 else []
    return []


def _rank(path: PurePosixPath) -> int:
    return TEXT_SUFFIXES.index(path.suffix.lower())
