"""The reader's own EPUB, with overlays."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from urllib.parse import unquote

import pytest
from epub_reader import assert_valid, contents, highlights, package, pages
from lxml import etree
from tiny_epub import page, write_epub, write_epub2
from tiny_read import STEP_MS, Read, write_read

from aubert.corpus.books import Bookshelf, read_text
from aubert.export.epub import EpubOptions, export_epub

FIRST = page(
    '<h1 id="one">Chapter <i>One</i></h1>\n<p><span class="dropcap">T</span>HE keeper<a '
    'epub:type="noteref" href="#n">1</a> said: “Go <em>on. Now</em> go, Mr. Hale.” He&nbsp;went.'
    '</p>\n<div>Loose words<p><img src="../cover.png" alt=""/>An end.</p></div>'
    '<aside epub:type="footnote" id="n">A note.</aside>'
)
SECOND = page('<h2>Two</h2><p>Nobody read this.<a id="x"></a></p>')
THIRD = page("<h2>Three</h2><p>It was over.</p>")
PAGES = {"%C3%A4.xhtml": FIRST, "b.xhtml": SECOND, "c.xhtml": THIRD}


def write_pages(path: Path) -> Path:
    """With a name that is escaped in the package."""
    made = write_epub(path.with_name("plain.epub"), PAGES)
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(path, "w") as new:
        for info in old.infolist():
            new.writestr(unquote(info.filename), old.read(info), info.compress_type)
    made.unlink()
    return path


def overlaid(directory: Path, write, granularity="word", spans=None) -> tuple[Path, Path]:
    """(the reader's EPUB, the one with overlays): its text is read, or two stretches of it."""
    (directory / "books").mkdir(exist_ok=True)
    own = directory / "books/own.epub"
    write(own)
    shelf = Bookshelf(directory / "books")
    text = shelf.text("own")
    places = [(text.index(low), text.index(high) + len(high)) for low, high in spans or []]
    reads = [Read("own", f"0{n}", *place) for n, place in
             enumerate(places or [(0, len(text))], 1)]  # fmt: skip
    out = directory / granularity
    export_epub(write_read(directory, shelf, reads), out, EpubOptions(granularity=granularity))
    (made,) = out.iterdir()
    return own, made


SPANS = [("Chapter", "An end."), ("Three", "over.")]


@pytest.fixture(scope="module", params=["word", "sentence", "paragraph"])
def read(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp(request.param)
    return request.param, *overlaid(directory, write_pages, request.param, SPANS)


def test_it_is_valid(read):
    assert_valid(read[2])


def test_all_else_in_it_is_untouched(read):
    _, own, made = read
    with zipfile.ZipFile(own) as before, zipfile.ZipFile(made) as after:
        names = before.namelist()
        assert after.namelist()[: len(names)] == names and names[0] == "mimetype"
        changed = {name for name in names if before.read(name) != after.read(name)}
        # The page that nobody read, styles, pictures and the contents are the same bytes.
        assert changed == {"OEBPS/content.opf", "OEBPS/text/ä.xhtml", "OEBPS/text/c.xhtml"}
    assert read_text(made) == read_text(own)
    assert contents(made) == contents(own)
    for name in ("title", "creator", "language", "identifier"):
        facts = [[e.text for e in package(p)[0].iter(f"{{*}}{name}")] for p in (own, made)]
        assert facts[0] == facts[1]


def test_elements_and_entities_of_a_page_stay(read):
    _, own, made = read
    for name in ("OEBPS/text/ä.xhtml", "OEBPS/text/c.xhtml"):
        shapes = []
        for path in (own, made):
            root = etree.fromstring(
                zipfile.ZipFile(path).read(name).replace(b"&nbsp;", "\xa0".encode())
            )
            body = root.find("{*}body")
            for element in list(body.iter("{*}span")):
                if (element.get("id") or "").startswith("read"):
                    element.tag = "gone"
            etree.strip_tags(body, "gone")
            for element in body.iter():
                if element.get("id", "").startswith("read"):
                    del element.attrib["id"]
            shapes.append(etree.tostring(body, method="c14n"))
        assert shapes[0] == shapes[1]


WANTED = {
    "word": "Chapter|One|THE|keeper|said|Go|on|Now|go|Mr.|Hale|He|went|Loose|words|An|end|"
    "Three|It|was|over",
    # What an element cuts has a part on each side of the cut.
    "sentence": "Chapter One|THE keeper1 said: “Go |on.| Now| go, Mr. Hale.”|He\xa0went.|"
    "Loose words|An end.|Three|It was over.",
    "paragraph": "Chapter One|THE keeper1 said: “Go on. Now go, Mr. Hale.” He\xa0went.|Loose words|"
    "An end.|Three|It was over.",
}


def test_what_is_spoken_is_highlighted(read):
    granularity, _, made = read
    found = highlights(made)
    texts = [one.text for one in found]
    wanted = WANTED[granularity].split("|")
    assert "".join(texts).replace(" ", "") == "".join(wanted).replace(" ", "")
    assert len(texts) <= len(wanted)
    # Each recording is played from its first word to its last, without holes.
    for audio in dict.fromkeys(one.audio for one in found):
        of_one = [one for one in found if one.audio == audio]
        assert of_one[0].start_s == 0.0
        assert [one.end_s for one in of_one[:-1]] == [one.start_s for one in of_one[1:]]
    if granularity == "word":
        assert texts == wanted
        assert [one.start_s for one in found[:17]] == [n * STEP_MS / 1000 for n in range(17)]


def test_overlays_that_it_had_are_replaced(tmp_path):
    def write(path):
        first = tmp_path / "first"
        first.mkdir()
        _, made = overlaid(first, write_pages)
        shutil.copy(made, path)

    _, made = overlaid(tmp_path, write, spans=SPANS)
    assert_valid(made)
    assert len(highlights(made)) == 21
    root, _ = package(made)
    assert len(root.xpath("//*[@property='media:active-class']")) == 1
    overlays = [
        item for item in root.iter("{*}item") if item.get("media-type").endswith("smil+xml")
    ]
    assert len(overlays) == 2
    with zipfile.ZipFile(made) as archive:
        sounds = [name for name in archive.namelist() if name.endswith(".mp3")]
    assert [name.split("/")[1] for name in sounds] == ["read-aloud2"] * 2


OLD = (
    '<h2><a name="top"></a>Chapter</h2><p align="center"><font color="red" size="+1">One</font> '
    "two <tt>three</tt> <big>four</big>. Five&nbsp;six&mdash;seven.</p>"
    "<center><b>Bold.</b></center>"
    '<table border="1" cellpadding="2" width="100%" summary="s"><tr><td valign="top" width="50%" '
    'nowrap="nowrap">cell</td><td><acronym title="a">ABC</acronym></td></tr></table>'
    '<hr width="50%" noshade="noshade"/><p><img src="cover.png" alt="c" border="0" align="left" '
    'width="10"/>Line<br clear="all"/>break <u>under</u> <strike>gone</strike></p>'
    '<ul type="disc" compact="compact"><li>item</li></ul>'
)


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_epub_2_becomes_an_epub_3(tmp_path, wrapped):
    pages_of = {"c1.html": OLD, "c2.html": OLD.replace("Chapter", "Another")}

    def write(path):
        write_epub2(path, pages_of, wrapped=wrapped)

    own, made = overlaid(tmp_path, write, "sentence", [("Chapter", "cell")])
    assert_valid(made)
    assert read_text(made) == read_text(own)
    assert contents(made) == [("Chapter 1 & on", "c1.html"), ("Chapter 2 & on", "c2.html")]
    root, _ = package(made)
    refined = {meta.get("property"): meta.text for meta in root.iter("{*}meta")}
    assert refined["file-as"] == "Body, No"
    assert [date.text for date in root.iter("{*}date")] == ["1901"]
    assert [title.text for title in root.iter("{*}title")] == ["The Old Book"]
    assert root.xpath("string(//*[@properties='cover-image']/@href)") == "cover.png"
    page_of = zipfile.ZipFile(made).read(pages(made)[0]).decode()
    assert "text-align: center" in page_of and 'id="top"' in page_of


def test_an_epub_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "books").mkdir()
    own = write_pages(tmp_path / "books/own.epub")
    shelf = Bookshelf(tmp_path / "books")
    corpus = write_read(tmp_path, shelf, [Read("own", "01", 0, 60)])
    own.write_bytes(own.read_bytes()[:300])
    with pytest.raises(ValueError, match=r"own, read by Ann: .*own.epub is not an EPUB"):
        export_epub(corpus, tmp_path / "out")
