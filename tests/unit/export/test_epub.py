"""Read-aloud books made of texts, by epubcheck and by what a reading system does with them."""

from __future__ import annotations

import io
import re
import zipfile

import numpy as np
import pytest
import soundfile
from epub_reader import XHTML, assert_valid, body, contents, highlights, package, pages
from tiny_aligned import BOOK, Aligned, write_aligned
from tiny_epub import PIXEL
from tiny_read import Read, write_read

from aubert.cli import main
from aubert.corpus.books import Bookshelf
from aubert.export.corpus import Word
from aubert.export.epub import EpubOptions, export_epub
from aubert.export.epub_clips import Reading, clips


@pytest.fixture(scope="module")
def aligned(tmp_path_factory) -> Aligned:
    return write_aligned(tmp_path_factory.mktemp("aligned"))


@pytest.fixture(scope="module")
def books(aligned, tmp_path_factory):
    out = tmp_path_factory.mktemp("epub") / "out"
    command = ["--debug", "export", "epub", str(aligned.results), str(out), *aligned.arguments()]
    assert main(command) == 0
    return sorted(out.iterdir())


def test_epubcheck_finds_nothing(books):
    assert [path.name for path in books] == [
        "The Tiny Book-118.epub",
        "The Tiny Book-O'Hara 2.epub",
    ]
    assert_valid(books[0])


def test_every_word_is_highlighted_while_it_is_spoken(books, aligned):
    found = []
    with zipfile.ZipFile(books[0]) as archive:
        sounds = {name: soundfile.read(io.BytesIO(archive.read(name)))
                  for name in archive.namelist() if name.endswith(".mp3")}  # fmt: skip
    for one in highlights(books[0]):
        found.append((one.text, one.start_s))
        samples, rate_hz = sounds[one.audio]
        # A tone begins there, to 10 ms: the MP3 is not late.
        before = samples[
            round((one.start_s - 0.1) * rate_hz) : round((one.start_s - 0.01) * rate_hz)
        ]
        after = samples[
            round((one.start_s + 0.01) * rate_hz) : round((one.start_s + 0.1) * rate_hz)
        ]
        assert np.abs(before).max() < 0.1 < 0.4 < np.abs(after).max(), one
    truth = [
        (word, start_s) for words in list(aligned.words.values())[:2] for word, start_s, _ in words
    ]
    assert [word for word, _ in found] == [word for word, _ in truth]
    assert [at for _, at in found] == pytest.approx([at for _, at in truth], abs=0.002)


def test_the_whole_book_is_there_once(books):
    for path in books:
        text = " ".join("".join(body(path, name).itertext()) for name in pages(path))
        assert text.split() == BOOK.removeprefix("\ufeff").split()


# --- texts as people have them


def made(directory, text, reads=(), options=None, about=None):
    """The EPUB of a text, of which all is read, or (chapter, from, to) of `reads`."""
    (directory / "books").mkdir(exist_ok=True)
    (directory / "books/b.txt").write_text(text, encoding="utf-8", newline="")
    shelf = Bookshelf(directory / "books")
    spans = [(chapter, text.index(low), text.index(high) + len(high)) for chapter, low, high in
             reads] or [("01", 0, len(text))]  # fmt: skip
    corpus = write_read(directory, shelf, [Read("b", *span, about=about) for span in spans])
    export_epub(corpus, directory / "out", options)
    (path,) = (directory / "out").iterdir()
    return path


def shown(path, tag="p"):
    return [
        " ".join("".join(element.itertext()).split())
        for name in pages(path)
        for element in body(path, name).iter(f"{XHTML}{tag}")
    ]


PARAGRAPHS = (
    "The old lighthouse stood upon the northern cliff, and every evening the\n"
    "keeper climbed the narrow stairs. He counted the steps aloud, as always.",
    "In the village below, the fishermen mended their nets beside the harbour\n"
    "wall. They spoke of the storm.",
    "Nobody slept that night, and nobody spoke of it in the morning, or ever\n"
    "after that. It was so.",
)


@pytest.mark.parametrize("line_end", ["\r\n", "\r", "\n"])
def test_line_ends_make_no_paragraphs(tmp_path, line_end):
    path = made(tmp_path, "\n\n".join(PARAGRAPHS).replace("\n", line_end))
    assert shown(path) == [" ".join(part.split()) for part in PARAGRAPHS]
    assert not shown(path, "h1") and len(contents(path)) == 1


def test_a_paragraph_a_line(tmp_path):
    lines = [" ".join(part.split()) for part in PARAGRAPHS]
    assert shown(made(tmp_path, "\n".join(lines))) == lines


def test_a_broken_word_is_shown_in_one_piece_and_a_page_number_is_not(tmp_path):
    text = (
        "The light-\nhouse was dark. A lan-\n\n- 12 -\n\f\ntern hung there.\n\n- 13 -\n\fT\nHE end."
    )
    path = made(tmp_path, text)
    assert shown(path) == ["The lighthouse was dark. A lantern hung there.", "THE end."]
    assert [one.text for one in highlights(path)] == (
        "The lighthouse was dark A lantern hung there THE end".split()
    )


def test_verse_keeps_its_lines_and_prose_does_not(tmp_path):
    path = made(tmp_path, "Tiger, tiger,\nburning bright\n\n" + "\n\n".join(PARAGRAPHS))
    first, *others = body(path, pages(path)[0]).iter(f"{XHTML}p")
    assert first.get("class") == "verse" and "".join(first.itertext()).count("\n") == 1
    assert not any(other.get("class") for other in others)


def test_characters_that_xml_forbids_do_not_reach_the_page(tmp_path):
    assert shown(made(tmp_path, "A\x00 form\x08 feed & <b>.\n\nNext.")) == [
        "A form feed & <b>.",
        "Next.",
    ]


CHAPTERS = "THE KEEPER\n\n\n" + "\n\n\n".join(
    f"CHAPTER {number}\n\n" + "\n\n".join(PARAGRAPHS).replace("harbour", f"{number} harbour")
    for number in ("I", "II", "III", "IV")
)


def test_a_book_read_in_part_keeps_its_chapters(tmp_path):
    about = {"chapter_title": "The Storm"}
    reads = [("01", "CHAPTER II\n", "II harbour")]
    path = made(tmp_path, CHAPTERS, reads, about=about)
    # The book that is read in part has all headings, files and contents.
    assert [title for title, _ in contents(path)] == [
        "THE KEEPER", "CHAPTER I", "CHAPTER II. The Storm", "CHAPTER III", "CHAPTER IV"
    ]  # fmt: skip
    assert len(pages(path)) == 5 and len({name for _, name in contents(path)}) == 5
    assert shown(path, "h1") == [f"CHAPTER {number}" for number in ("I", "II", "III", "IV")]
    assert {one.page for one in highlights(path)} == {pages(path)[2]}


def test_without_headings_recordings_begin_pages(tmp_path):
    text = "\n\n".join(PARAGRAPHS)
    reads = [("01", "In the", "nets"), ("02", "Nobody", "night")]
    path = made(tmp_path, text, reads)
    assert [title for title, _ in contents(path)] == ["b", "01", "02"]


@pytest.mark.parametrize(
    ("granularity", "wanted"),
    [
        ("paragraph", ["“Go on,” said Mr. Hale. He went. So it was.", "The end."]),
        ("sentence", ["“Go on,” said Mr. Hale.", "He went.", "So it was.", "The end."]),
    ],
)
def test_sentences_and_paragraphs_are_highlighted_at_once(tmp_path, granularity, wanted):
    text = "“Go on,” said Mr. Hale. He\nwent. So it was.\n\nThe end."
    path = made(tmp_path, text, options=EpubOptions(granularity=granularity))
    found = highlights(path)
    assert [" ".join(one.text.split()) for one in found] == wanted
    # Without holes, up to the end of the last word.
    assert [one.end_s for one in found[:-1]] == [one.start_s for one in found[1:]]
    assert (found[0].start_s, found[-1].end_s) == (0.0, pytest.approx(11 * 0.2 + 0.12))


def test_the_books_own_facts_and_cover(tmp_path):
    folder = tmp_path / "audio/folder/Ann/b"
    folder.mkdir(parents=True)
    (folder / "cover.png").write_bytes(PIXEL)
    meta = {"title": "Der Turm", "language": "de", "cover": "cover.png",
            "authors": [{"first_name": "Eva", "last_name": "Maß"}]}  # fmt: skip
    path = made(tmp_path, "Ein Turm.\n\nNoch ein Turm.", about={"book_meta": meta})
    root, _ = package(path)
    facts = [element.text for element in root.iter("{http://purl.org/dc/elements/1.1/}*")]
    assert facts[1:] == ["Der Turm", "de", "Eva Maß", "Ann"]
    with zipfile.ZipFile(path) as archive:
        assert archive.read("EPUB/cover.png") == PIXEL
    assert path.name == "Der Turm-Ann.epub"
    assert_valid(path)


def test_html_is_a_book_with_its_own_headings(tmp_path):
    (tmp_path / "books").mkdir()
    (tmp_path / "books/b.html").write_text(
        "<html lang=fr><title>Le phare</title><h2>Un</h2><p>La <b>vieille</b> tour.<p>Une mer."
        "<h3>Deux</h3><p>La fin.</p></html>"
    )
    shelf = Bookshelf(tmp_path / "books")
    corpus = write_read(tmp_path, shelf, [Read("b", "01", 0, len(shelf.text("b")))])
    export_epub(corpus, tmp_path / "out")
    (path,) = (tmp_path / "out").iterdir()
    assert [title for title, _ in contents(path)] == ["Un", "Deux"]
    assert shown(path) == ["La vieille tour.", "Une mer.", "La fin."]
    assert package(path)[0].find(".//{*}language").text == "fr"
    assert path.name == "Le phare-Ann.epub"


def test_html_keeps_its_emphasis_and_the_pictures_beside_it(tmp_path):
    books = tmp_path / "books"
    (books / "pictures").mkdir(parents=True)
    (books / "pictures/the sea.png").write_bytes(PIXEL)
    (tmp_path / "outside.png").write_bytes(PIXEL)
    (books / "b.html").write_text(
        "<title>Sea</title>"
        "<h2><img src='pictures/the%20sea.png' alt='A &quot;calm&quot; sea'>One</h2>"
        "<p>An <i>old and <b>grey</b></i> sea, x<sup>2</sup> <img src=pictures/none.png>of it."
        "<p>She <em>said<br>so</em> here: <img src='pictures/the%20sea.png'>there.</p>"
        "<img src=../outside.png><img src='https://example.org/a.png'><h2>Two</h2><p>The end."
        "<p><img src='pictures/the%20sea.png'></p>"
    )
    shelf = Bookshelf(books)
    corpus = write_read(tmp_path, shelf, [Read("b", "01", 0, len(shelf.text("b")))])
    export_epub(corpus, tmp_path / "out", EpubOptions(granularity="paragraph"))
    (path,) = (tmp_path / "out").iterdir()
    assert_valid(path)
    image = '<img src="../images/0001.png" alt="{}"/>'
    with zipfile.ZipFile(path) as archive:
        pages = [archive.read(f"EPUB/text/{number:04}.xhtml").decode() for number in (1, 2)]
        assert archive.read("EPUB/images/0001.png") == PIXEL
        assert len([name for name in archive.namelist() if "images" in name]) == 1
    first, second = (re.sub(r"</?span[^>]*>", "", one.split('chapter">\n')[1]) for one in pages)
    assert first.splitlines()[:5] == [
        f"<p>{image.format('A &quot;calm&quot; sea')}</p>",
        "<h1>One</h1>",
        "<p>An <i>old and</i> <i><b>grey</b></i> sea, x<sup>2</sup> of it.</p>",
        '<p class="verse">She <em>said</em>',
        f"<em>so</em> here: {image.format('')}there.</p>",
    ]
    assert second.splitlines()[1:3] == ["<p>The end.</p>", f"<p>{image.format('')}</p>"]
    written = [one for one in shown(path) if one]
    assert written == ["An old and grey sea, x2 of it.", "She said so here: there.", "The end."]


# --- several readings, and books that cannot be made


def word(text: str, char_start: int, at_s: float = 0.0) -> Word:
    return Word(text, text, char_start, char_start + len(text), at_s, at_s + 1, at_s, at_s + 1, 1.0)


def test_what_is_read_twice_or_out_of_order_is_played_once_in_the_order_of_the_text():
    text = "One two three.\nFour five.\n\nSix seven."
    places = {match.group(): match.start() for match in re.finditer(r"\w+", text)}
    readings = [
        Reading("b", [word("five", places["five"]), word("Six", places["Six"], 1)]),
        Reading("a", [word(name, places[name], n) for n, name in enumerate(("One", "two", "One"))]),
        Reading("c", [word("seven", places["seven"]), word("Four", places["Four"], 1)]),
    ]
    found = clips(text, readings, [(0, 25), (27, len(text))], "word")
    played = [(text[one.char_start : one.char_end], one.recording_id, one.start_s, one.end_s)
              for one in found]  # fmt: skip
    assert played == [
        ("One", "a", 0, 1), ("two", "a", 1, 2), ("Four", "c", 1, 2),
        ("five", "b", 0, 1), ("Six", "b", 1, 2), ("seven", "c", 0, 1),
    ]  # fmt: skip
    found = clips(text, readings, [(0, 25), (27, len(text))], "paragraph")
    played = [(text[one.char_start : one.char_end], one.recording_id) for one in found]
    assert played == [
        ("One two three.\n", "a"), ("Four ", "c"), ("five.", "b"), ("Six ", "b"), ("seven.", "c")
    ]  # fmt: skip


TITLES = {
    "a": "Жизнь и удивительные приключения смотрителя северного маяка, " * 3,
    "b": "The Life and Strange Surprising Adventures of the Keeper of the Lighthouse, " * 4,
}


def test_long_titles_are_cut_in_names_and_whole_in_the_book(tmp_path):
    (tmp_path / "books").mkdir()
    for name in TITLES:
        (tmp_path / f"books/{name}.txt").write_text("One two three.")
    shelf = Bookshelf(tmp_path / "books")
    reads = [Read(name, "01", 0, 14, about={"book_meta": {"title": title}})
             for name, title in TITLES.items()]  # fmt: skip
    export_epub(write_read(tmp_path, shelf, reads), tmp_path / "out")
    found = sorted((tmp_path / "out").iterdir(), reverse=True)
    for path, title in zip(found, TITLES.values(), strict=True):
        assert title.startswith(path.name.partition("~")[0]) and path.name.endswith("-Ann.epub")
        assert package(path)[0].find(".//{*}title").text == " ".join(title.split())


def test_a_book_that_cannot_be_made_is_named_and_the_others_are_there(tmp_path, capsys):
    (tmp_path / "books").mkdir()
    for name in ("bad", "good", "other"):
        (tmp_path / f"books/{name}.txt").write_text(f"One two {name}.")
    shelf = Bookshelf(tmp_path / "books")
    corpus = write_read(tmp_path, shelf, [Read(name, "01", 0, 12) for name in shelf])
    (tmp_path / "books/bad.txt").unlink()
    command = ["export", "epub", str(corpus.results), str(tmp_path / "out"), "--root",
               str(corpus.root), "--books-dir", str(tmp_path / "books")]  # fmt: skip
    assert main(command) == 0
    printed = capsys.readouterr()
    assert "left out bad, read by Ann: book_missing" in printed.err
    assert "2 books" in printed.out and "1 left out, see" in printed.out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "good-Ann.epub", "left-out.txt", "other-Ann.epub"
    ]  # fmt: skip
    assert "bad, read by Ann: book_missing" in (tmp_path / "out/left-out.txt").read_text()
    (tmp_path / "books/good.txt").unlink()
    (tmp_path / "books/other.txt").write_text("Another text. It is longer than that one.")
    assert main(command) == 1
    assert "other.txt is not the text that was aligned" in capsys.readouterr().err


def test_the_inputs_that_failed(faults, tmp_path):
    for number, (fault, num_words) in enumerate((("K3", 60), ("K21", 60), ("K16", 60))):
        directory = tmp_path / str(number)
        directory.mkdir()
        text = next(faults.glob(f"{fault}-*/in/*/book.txt")).read_bytes().decode()
        path = made(directory, text)
        parts = re.split(r"\n\s*\n" if fault != "K21" else r"\n", text.replace("\r", "").strip())
        whole = [re.sub(r"-\n", "", part) if fault == "K16" else part for part in parts]
        assert shown(path) == [" ".join(part.split()).lstrip("\ufeff") for part in whole]
        assert len(highlights(path)) > num_words
