"""The books that were read: AuBERT's book_meta.json and a directory of texts."""

from __future__ import annotations

import json
from pathlib import Path


class BookError(ValueError):
    """A book that cannot be used; `reason` is one of the rejects table's."""

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def read_text(path: str | Path) -> str:
    """The file's text, untouched: UTF-8, else Latin-1; line ends and a byte-order mark stay.

    Every `char_*` offset of the pipeline counts characters of exactly this string.
    """
    data = Path(path).read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # defined for every byte: old Gutenberg texts


class Bookshelf:
    """The texts of `books_dir`, named by `book_meta` ({book_id: {"url", "name"}}).

    A text that book_meta does not name is a book too: its id is its file name without
    the extension. Raises ValueError when book_meta is not such a file.
    """

    def __init__(self, books_dir: str | Path, book_meta: str | Path | None = None):
        self.books_dir = Path(books_dir)
        if not self.books_dir.is_dir():
            raise ValueError(f"corpus.books_dir: {self.books_dir} is not a directory")
        names = _names(Path(book_meta)) if book_meta else {}
        on_disk = sorted(path.name for path in self.books_dir.iterdir() if path.is_file())
        named = set(names.values())
        unnamed = {Path(name).stem: name for name in on_disk if name not in named}
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

    def text(self, book_id: str) -> str:
        """The book as `read_text` gives it. Raises BookError (book_missing, book_empty)."""
        path = self.path(book_id)
        text = read_text(path)
        if not any(character.isalnum() for character in text):
            raise BookError("book_empty", f"{path.name}, the text of {book_id!r}, holds no words")
        return text


def _names(book_meta: Path) -> dict[str, str]:
    try:
        entries = json.loads(book_meta.read_text(encoding="utf-8"))
        return {str(book_id): str(entry["name"]) for book_id, entry in entries.items()}
    except FileNotFoundError:
        raise ValueError(f"corpus.book_meta: {book_meta} is not there") from None
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f'corpus.book_meta: {book_meta} is not {{book_id: {{"url": ..., "name": file}}}} '
            f"({type(error).__name__}: {error})"
        ) from None
