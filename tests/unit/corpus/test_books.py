"""Texts as people have them: plain, HTML, EPUB."""

from __future__ import annotations

import zipfile

import pytest
from tiny_epub import page, write_epub

from aubert.corpus.books import BookError, Bookshelf, language_of_file, read_book, read_text
from aubert.text.metadata import Metadata

ONE = page(
    '<h1>Chapter <i>One</i></h1>\n<!-- no text --><p><span class="dropcap">T</span>HE  old\n man'
    '&nbsp;said<a epub:type="noteref" href="#n">1</a> so<sup><a href="#n">2</a></sup>.<br/>'
    "x<sup>2</sup> M<sup>r</sup></p><div>loose <b>text</b><p>in</p> after"
    '<span epub:type="pagebreak" title="7">7</span></div><pre>a\n  b</pre>'
)
TWO = page(
    '<h2>Two</h2><ul><li><a href="#a">One</a> 5</li><li><a href="#b">Two</a> 7</li>'
    '<li><a href="#b">Three</a></li></ul><p id="a">caf&eacute; &amp; <ruby>k<rt>gloss</rt></ruby>'
    '</p><p id="b" hidden="">unseen</p>'
)
TEXT = (
    "Chapter One\n\nTHE old man\xa0said so.\nx2 Mr\n\nloose text\n\nin\n\nafter\n\na\n  b"
    "\n\n\nTwo\n\ncafé & k"
)


@pytest.fixture
def epub_path(tmp_path):
    # The order of the spine is not that of the names.
    return write_epub(tmp_path / "book.epub", {"z.xhtml": ONE, "a.xhtml": TWO})


def test_an_epub_is_its_text_in_the_order_of_its_spine(epub_path):
    book = read_book(epub_path)
    assert book.text == TEXT == read_text(epub_path)
    assert book.metadata.title == "The Tiny Book"
    assert book.metadata.authors == ("No Body",)
    assert (book.metadata.language, book.metadata.cover) == ("en-GB", "OEBPS/cover.png")


def test_every_character_leads_back_to_its_element(epub_path):
    book = read_book(epub_path)
    led_back = set()
    for document in book.documents:
        for run in document.runs:
            raw = (run.element.tail if run.is_tail else run.element.text)[run.raw_start :]
            assert raw.startswith(book.text[run.char_start : run.char_end])
            led_back.update(range(run.char_start, run.char_end))
    others = "".join(c for place, c in enumerate(book.text) if place not in led_back)
    assert not others.strip() and led_back <= set(range(len(book.text)))
    blocks = [block for document in book.documents for block in document.blocks]
    shown = [(block.level, book.text[block.char_start : block.char_end]) for block in blocks]
    assert shown[:4] == [
        (1, "Chapter One"), (0, "THE old man\xa0said so.\nx2 Mr"), (0, "loose text"), (0, "in")
    ]  # fmt: skip
    assert shown[-2:] == [(2, "Two"), (0, "café & k")]


def test_html_is_its_text_and_tag_soup_too(tmp_path):
    soup = (
        "<html lang=de><head><title>Das Buch</title><meta name=author content='Anna B.'>"
        "<meta charset=windows-1252></head><body><h2>Eins<p>Die T\xfcr &mdash; <b>schlo\xdf"
        "</b> sich<br>leise.<script>no()</script><p>Zwei"
    )
    (tmp_path / "b.html").write_bytes(soup.encode("cp1252"))
    book = read_book(tmp_path / "b.html")
    assert book.text.split("\n\n")[-2:] == ["Die Tür — schloß sich\nleise.", "Zwei"]
    assert book.metadata[:3] == ("Das Buch", ("Anna B.",), "de")
    for encoding in ("cp1252", "utf-8-sig", "utf-16"):  # in a file that says it is plain text
        (tmp_path / "c.txt").write_bytes(f"\n<!DOCTYPE html>{soup}".encode(encoding))
        assert read_text(tmp_path / "c.txt") == book.text
    (tmp_path / "d.txt").write_text("He wrote <html> on the wall.")
    assert read_text(tmp_path / "d.txt") == "He wrote <html> on the wall."
    (tmp_path / "b.xhtml").write_text(ONE, encoding="utf-8")
    assert TEXT.startswith(read_text(tmp_path / "b.xhtml"))


def test_plain_text_is_untouched_and_what_was_decided_is_noted(tmp_path):
    data = "\ufeff“One”\r\n\r\nTwo’s\r\n".encode()
    (tmp_path / "a.txt").write_bytes(data)
    assert read_book(tmp_path / "a.txt").text == data.decode()
    assert not read_book(tmp_path / "a.txt").notes
    (tmp_path / "a.txt").write_bytes(data + b"caf\xe9\r\n")
    (note,) = read_book(tmp_path / "a.txt").notes
    assert "a.txt" in note and "line 4" in note
    assert read_text(tmp_path / "a.txt") == data.decode() + "café\r\n"


def bomb(path):
    write_epub(path, {"a.xhtml": page(f"<p>{' ' * 30_000_000}</p>")})


def many_small_bombs(path):
    more = {f"OEBPS/{n}.bin": b"\0" * 900_000 for n in range(60)}
    write_epub(path, {"a.xhtml": ONE}, more=more)


def entity(path):
    own = '<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    write_epub(path, {"a.xhtml": ONE.replace("<!DOCTYPE html>", own).replace("One", "&x;")})


def protected(path):
    encryption = (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        '<EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#">'
        '<EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/>'
        "</EncryptedData></encryption>"
    )
    write_epub(path, {"a.xhtml": ONE}, more={"META-INF/encryption.xml": encryption})


def leads_out(path):
    write_epub(path, {"a.xhtml": ONE}, more={"../evil.txt": "x"})


def no_container(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")


def no_archive(path):
    path.write_bytes(b"<html>")


def damaged(path):
    write_epub(path, {"a.xhtml": ONE * 3})
    data = bytearray(path.read_bytes())
    at = data.index(b"OEBPS/text/a.xhtml") + 40
    data[at : at + 60] = bytes(60)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (bomb, "unpacks from"),
        (many_small_bombs, "unpacks from"),
        (entity, "entities"),
        (protected, "DRM"),
        (leads_out, "leads out"),
        (no_container, "container.xml"),
        (no_archive, "not an EPUB"),
        (damaged, "a.xhtml"),
    ],
)
def test_an_epub_that_is_none_or_unsafe_is_refused_in_words(tmp_path, make, says):
    make(tmp_path / "x.epub")
    with pytest.raises(ValueError, match=says):
        read_text(tmp_path / "x.epub")
    with pytest.raises(BookError) as caught:
        Bookshelf(tmp_path).text("x")
    assert caught.value.reason == "book_unreadable"


def test_obfuscated_fonts_protect_no_book(tmp_path):
    encryption = (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        '<EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#">'
        '<EncryptionMethod Algorithm="http://www.idpf.org/2008/embedding"/>'
        "</EncryptedData></encryption>"
    )
    path = write_epub(
        tmp_path / "x.epub", {"a.xhtml": ONE}, more={"META-INF/encryption.xml": encryption}
    )
    assert TEXT.startswith(read_text(path))


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_the_header_of_a_plain_text_is_its_metadata(tmp_path, line_end):
    header = "Title: Die Burg\n\nAuthor: Eva Maß\n\nLanguage: German\n\n\n"
    start = "*** START OF THE PROJECT GUTENBERG EBOOK DIE BURG ***\n\n"
    text = f"The Project Gutenberg eBook\n\n{header}{start}Title: Der Turm\n"
    path = tmp_path / "a.txt"
    path.write_text(text, encoding="utf-8", newline=line_end)
    assert read_book(path).metadata[:3] == ("Die Burg", ("Eva Maß",), "German")
    assert language_of_file(path) == "de"
    path.write_text(header + "It begins.")  # a letter may begin so
    assert read_book(path).metadata == Metadata() and language_of_file(path) is None


def test_a_shelf_holds_texts_and_nothing_else(tmp_path):
    for name in (".DS_Store", "cover.jpg", "notes.pdf", ".hidden.txt", "One.TXT", "two.txt"):
        (tmp_path / name).write_text("words")
    write_epub(tmp_path / "two.epub", {"a.xhtml": ONE})
    shelf = Bookshelf(tmp_path)
    assert {book_id: shelf.file_name(book_id) for book_id in shelf} == {
        "One": "One.TXT",
        "two": "two.epub",  # rather than two.txt: the reader's own book is given back
    }
