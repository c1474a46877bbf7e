"""Texts of books: where they are looked for, and what becomes of those that are nowhere."""

from __future__ import annotations

import json

import pytest
from flaky_server import serving

from aubert.corpus.books import Bookshelf
from aubert.download.book_texts import fetch_books, named_by_meta, named_by_recordings, places_of
from aubert.download.remote import RemoteOptions

QUICK = RemoteOptions(tries=2, pause_s=0.0)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://www.gutenberg.org/etext/1342", "cache/epub/1342/pg1342.txt"),
        ("https://www.gutenberg.org/ebooks/84", "cache/epub/84/pg84.txt"),
        ("http://gutenberg.org/files/98/98-h/98-h.htm", "cache/epub/98/pg98.txt"),
        ("https://archive.org/details/abook00auth", "download/abook00auth/abook00auth_djvu.txt"),
        ("https://texts.example/a.txt", "texts.example/a.txt"),
        ("https://en.wikisource.org/wiki/A_Book", None),
        ("file:///etc/secret.txt", None),
        ("", None),
    ],
)
def test_a_source_is_where_its_plain_text_lies(url, place):
    places = places_of(url)
    assert (place in places[0]) if place else places == []


def test_texts_come_from_the_folder_the_web_or_are_listed_as_missing(tmp_path):
    root = tmp_path / "librilight"
    urls = {"1": "", "2": "https://texts.example/2.txt", "3": "https://a.example/x.txt", "../4": ""}
    for number, (book_id, url) in enumerate(urls.items()):
        path = root / f"small/9/book{number}/01.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"book_meta": {"id": book_id, "url_text_source": url}}))
    (root / "small/9/book0/broken.json").write_text("{")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "1.txt").write_text("My own text.")
    books = named_by_recordings(root, ["small"])
    assert books == urls
    with serving(**{"2__txt": b"Two.", "3__txt": b"<!DOCTYPE html>"}) as server:
        server.faults = [("drop", 1)]
        message = fetch_books(books, tmp_path / "out", mine, server.address, QUICK)
        requests = len(server.ranges)
        assert fetch_books(books, tmp_path / "out", mine, server.address, QUICK) == message
        assert len(server.ranges) == requests + 1  # the one that is missing
    assert message.startswith("books: 2 of 4 texts")
    shelf = Bookshelf(tmp_path / "out/books", tmp_path / "out/book_meta.json")
    assert [shelf.text(book_id) for book_id in shelf] == ["My own text.", "Two."]
    missing = (tmp_path / "out/books_missing.txt").read_text().splitlines()
    assert len(missing) == 2 and "is a web page, not a text" in missing[1]
    assert named_by_meta(tmp_path / "out/book_meta.json") == {"1": "", "2": urls["2"]}


def test_a_book_meta_that_is_none_is_one_clear_line(tmp_path):
    (tmp_path / "meta.json").write_text("[]")
    with pytest.raises(ValueError, match=r"meta\.json is not"):
        named_by_meta(tmp_path / "meta.json")
