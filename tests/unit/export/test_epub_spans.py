"""Spans around stretches of a page: its text and its elements stay."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from aubert.export.epub_spans import mark
from aubert.export.epub_zip import serialised
from aubert.text.markup import lay_out, local_name, parse_xhtml

HEAD = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>t</title></head><body>'


def laid_out(body: str):
    root = parse_xhtml(f"{HEAD}{body}</body></html>".encode(), "a page")
    text, (document,) = lay_out([("a.xhtml", root)])
    return text, document


def marked(body: str, *stretches: str) -> str:
    """The body's markup, without its namespace, when stretches of its text have elements."""
    text, document = laid_out(body)
    spans, at = [], 0
    for stretch in stretches:
        at = text.index(stretch, at)
        spans.append((at, at + len(stretch)))
        at += len(stretch)
    mark(document, spans)
    written = serialised(document.root).decode()
    return written.partition("<body>")[2].removesuffix("</body></html>")


def test_a_word_gets_a_span():
    assert marked("<p>One  two\n three</p>", "One", "three") == (
        '<p><span id="read1">One</span>  two\n <span id="read2">three</span></p>'
    )


def test_a_stretch_that_is_all_of_its_paragraph_is_the_paragraph():
    assert marked("<h1><i>One</i></h1><p id='p'>Two.</p>", "One", "Two.") == (
        '<h1 id="read1"><i>One</i></h1><p id="p">Two.</p>'
    )
    # Not an element that holds another paragraph.
    assert marked("<div>One<p>two</p></div>", "One", "two") == (
        '<div><span id="read1">One</span><p id="read2">two</p></div>'
    )


def test_a_stretch_takes_whole_elements_in():
    assert marked("<p>He <i>said</i> no. Yes</p>", "He said no.") == (
        '<p><span id="read1">He <i>said</i> no.</span> Yes</p>'
    )
    assert marked('<p><b class="drop">T</b>HE man</p>', "THE") == (
        '<p><span id="read1"><b class="drop">T</b>HE</span> man</p>'
    )
    assert marked("<p>A <i><b>word</b></i>s end</p>", "words") == (
        '<p>A <span id="read1"><i><b>word</b></i>s</span> end</p>'
    )


def test_a_stretch_that_begins_within_an_element_is_in_parts():
    text, document = laid_out("<p>Go <i>on. Now</i> then. End</p>")
    (first, second) = mark(document, [(0, 6), (7, 16)])
    assert text[7:16] == "Now then."
    assert [part.element_id for part in (*first, *second)] == ["read1", "read2", "read3", "read4"]
    assert [part.share for part in first] == [2 / 5, 3 / 5]
    assert "".join(document.root.itertext()) == "tGo on. Now then. End"


def test_ids_of_the_page_are_not_taken_again():
    assert 'id="read2"' in marked('<p><a id="read1"></a>One two</p>', "One")


def test_empty_elements_keep_their_end_tags():
    # <a/> and <div/> are open tags to a parser of HTML.
    assert serialised(laid_out('<p>x<a id="y"/></p><div/><br/>')[1].root).count(b"/>") == 1


INLINE = st.recursive(
    st.sampled_from(["one", " two", ". Three ", "T", "HE ", "<br/>", "<!-- c -->", " ", "x "]),
    lambda inner: st.builds(
        lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>",
        st.sampled_from(["i", "b", "span", "em"]),
        st.lists(inner, max_size=4),
    ),
    max_leaves=12,
)
BLOCK = st.lists(INLINE, max_size=6).map("".join)
BODY = st.lists(
    st.one_of(
        BLOCK.map(lambda inner: f"<p>{inner}</p>"),
        st.tuples(BLOCK, BLOCK, BLOCK).map(lambda p: f"<div>{p[0]}<p>{p[1]}</p>{p[2]}</div>"),
    ),
    min_size=1,
    max_size=4,
).map("".join)


@given(BODY, st.data())
def test_whatever_is_marked_the_text_stays_and_every_stretch_is_found(body, data):
    text, document = laid_out(body)
    before = document.root.xpath("string()")
    elements = [local_name(element) for element in document.root.iter() if local_name(element)]
    stretches = []
    for block in document.blocks:
        places = range(block.char_start, block.char_end + 1)
        cuts = sorted(data.draw(st.sets(st.sampled_from(places), max_size=6)))
        for low, high in zip(cuts[::2], cuts[1::2], strict=False):
            while low < high and text[low].isspace():
                low += 1
            if low < high:
                stretches.append((low, high))
    found = mark(document, stretches)
    assert document.root.xpath("string()") == before
    ids = [element.get("id") for element in document.root.iter() if element.get("id")]
    assert len(set(ids)) == len(ids)
    by_id = {element.get("id"): element for element in document.root.iter() if element.get("id")}
    for (low, high), parts in zip(stretches, found, strict=True):
        covered = "".join(by_id[part.element_id].xpath("string()") for part in parts)
        assert "".join(covered.split()) == "".join(text[low:high].split())
        assert abs(sum(part.share for part in parts) - 1) < 1e-9 or not parts
    # Nothing but spans was added.
    after = [local_name(element) for element in document.root.iter() if local_name(element)]
    assert len(after) - after.count("span") == len(elements) - elements.count("span")
    again, _ = lay_out([("a.xhtml", etree.fromstring(serialised(document.root)))])
    assert again == text
