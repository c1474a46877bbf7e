"""The books that were read: AuBERT's book_meta.json and a directory of texts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from aubert.text.decode import decode
from aubert.text.epub import Epub
from aubert.text.languages.codes import bcp47
from aubert.text.markup import Document, is_xhtml, lay_out, parse_html, parse_xhtml
from aubert.text.metadata import (
    HEADER,
    Metadata,
    metadata_of,
    metadata_of_html,
    metadata_of_text,
)


class BookError(ValueError):
    """A book that cannot be used; `reason` is one of the rejects table's."""

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


# What a text may be, the likelier first: of two files of one name the first is the book.
TEXT_SUFFIXES = (".epub", ".xhtml", ".html", ".htm", ".txt")
_HTML = re.compile(
    rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^>]*-->\s*)*"
    rb"<(?:!doctype\s+html|html[\s>])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Book:
    """A text as `read_book` found it.

    text: what every `char_*` offset of the pipeline counts in. documents: the pages of an EPUB
    or HTML file with their elements' places in the text; none of plain text, which is the
    file's own. metadata: what the file says of the book. notes: what was decided about bytes
    that are not UTF-8, a sentence each
    """

    text: str
    documents: Sequence[Document] = ()
    metadata: Metadata = field(default_factory=Metadata)
    notes: Sequence[str] = ()


def is_text(name: str) -> bool:
    """Whether a file of this name is taken for a book's text."""
    return name.lower().endswith(TEXT_SUFFIXES) and not name.startswith(".")


def read_text(path: str | Path) -> str:
    """The text of a book: `read_book(path).text`. Raises ValueError as that does.

    Every `char_*` offset of the pipeline counts characters of exactly this string.
    """
    path = Path(path)
    if is_markup(path):
        state = path.stat()
        return _text_of_markup(path, state.st_size, state.st_mtime_ns)
    return decode(path.read_bytes()).text


def is_markup(path: Path) -> bool:
    """Whether a text is an EPUB or HTML: a `.txt`, too, that begins as HTML does."""
    if path.suffix.lower() in TEXT_SUFFIXES[:-1]:
        return True
    with path.open("rb") as file:
        return bool(_HTML.match(file.read(HEADER).replace(b"\0", b"")))  # UTF-16, too


@lru_cache(maxsize=4)
def _text_of_markup(path: Path, _size: int, _mtime_ns: int) -> str:
    return read_book(path).text


def language_of_file(path: Path) -> str | None:
    """BCP 47, as a text says it; None where it does not, or cannot be read."""
    if not path.is_file():
        return None
    state = path.stat()
    return _language_of(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)
def _language_of(path: Path, _size: int, _mtime_ns: int) -> str | None:
    try:
        if path.suffix.lower() == ".epub":
            with Epub(path) as epub:
                return bcp47(metadata_of(epub).language)
        if is_markup(path):
            return bcp47(read_book(path).metadata.language)
        with path.open("rb") as file:
            return bcp47(metadata_of_text(decode(file.read(HEADER)).text).language)
    except ValueError:  # whoever reads its text says why
        return None


def read_book(path: str | Path) -> Book:
    """A text with all that its file says of the book, as its suffix says (TEXT_SUFFIXES).

    Plain text is the file's, untouched: line ends and a byte-order mark stay. EPUB: the pages in
    the order of reading, paragraphs parted by blank lines (`lay_out`). HTML, and a `.txt` that
    holds it (`is_markup`): likewise. Raises ValueError for a file that is not what its suffix
    says, or is unsafe to read.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".epub":
        with Epub(path) as epub:
            pages = [(item.path, root) for item, root in epub.pages()]
            text, documents = lay_out(pages)
            return Book(text, documents, metadata_of(epub))
    if is_markup(path):
        data = path.read_bytes()
        parse = parse_xhtml if is_xhtml(data) else parse_html
        root = parse(data, str(path))
        text, documents = lay_out([(path.name, root)])
        return Book(text, documents, metadata_of_html(root))
    decoded = decode(path.read_bytes())
    notes = [f"{path}: {decoded.note}"] if decoded.note else ()
    return Book(decoded.text, metadata=metadata_of_text(decoded.text), notes=notes)


class Bookshelf:
    """The texts of `books_dir`, named by `book_meta` ({book_id: {"url", "name", "language"}}).

    language: BCP 47, of books that do not say theirs; default_language.
    A text (TEXT_SUFFIXES) that book_meta does not name is a book too: its id is its file name
    without the suffix. Other files are none. Raises ValueError when book_meta is not such a file.
    """

    def __init__(
        self, books_dir: str | Path, book_meta: str | Path | None = None, language: str = "en"
    ):
        self.books_dir = Path(books_dir)
        if not self.books_dir.is_dir():
            raise ValueError(f"corpus.books_dir: {self.books_dir} is not a directory")
        self.default_language = language
        names, self._languages = _named(Path(book_meta)) if book_meta else ({}, {})
        texts = [path for path in self.books_dir.iterdir() if is_text(path.name) and path.is_file()]
        named = set(names.values())
        # Of files that differ in their suffix alone, the one that is first in TEXT_SUFFIXES.
        texts.sort(key=lambda path: (-TEXT_SUFFIXES.index(path.suffix.lower()), path.name))
        unnamed = {path.stem: path.name for path in texts if path.name not in named}
        self._names = {**unnamed, **names}

    def __iter__(self):
        """The ids of all books, sorted."""
        return iter(sorted(self._names))

    def __contains__(self, book_id: str) -> bool:
        return book_id in self._names

    def file_name(self, book_id: str) -> str:
        """The name of the book's file in books_dir, whether it is there or not."""
        return self._names[book_id]

    def path(self, book_id: str) -> Path:
        """Where the book's text lies. Raises BookError (book_missing)."""
        if book_id not in self._names:
            raise BookError("book_missing", f"no book has the id {book_id!r}")
        path = self.books_dir / self._names[book_id]
        if not path.is_file():
            raise BookError("book_missing", f"{path.name}, the text of {book_id!r}, is not there")
        return path

    def language(self, book_id: str | None, recording: Mapping | None = None) -> str:
        """BCP 47: what book_meta, the book's file or the recording of it says, in this order; else
        the shelf's.

        recording: its row
        """
        language = None
        if book_id is not None and book_id in self._names:
            language = self._languages.get(book_id)
            language = language or language_of_file(self.books_dir / self._names[book_id])
        return language or (recording or {}).get("language") or self.default_language

    def text(self, book_id: str) -> str:
        """The book as `read_text` gives it. Raises BookError (book_missing, book_unreadable,
        book_empty)."""
        path = self.path(book_id)
        try:
            text = read_text(path)
        except ValueError as error:
            raise BookError("book_unreadable", str(error)) from None
        if not any(character.isalnum() for character in text):
            raise BookError("book_empty", f"{path.name}, the text of {book_id!r}, holds no words")
        return text


def _named(book_meta: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The names of the books' files, and the languages that are given."""
    try:
        entries = json.loads(book_meta.read_text(encoding="utf-8"))
        names = {str(book_id): str(entry["name"]) for book_id, entry in entries.items()}
        given = {str(book_id): entry.get("language") for book_id, entry in entries.items()}
        languages = {book_id: bcp47(str(name)) for book_id, name in given.items() if name}
        return names, {book_id: tag for book_id, tag in languages.items() if tag}
    except FileNotFoundError:
        raise ValueError(f"corpus.book_meta: {book_meta} is not there") from None
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f'corpus.book_meta: {book_meta} is not {{book_id: {{"url": ..., "name": file}}}} '
            f"({type(error).__name__}: {error})"
        ) from None
