"""Plain texts in the layouts that people have them in."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aubert.corpus.books import read_text
from aubert.mini.books import STORIES, chapters, story_text
from aubert.text.boilerplate import body
from aubert.text.pages import without_edges
from aubert.text.paragraphs import alike_line_ends, paragraphs

PROSE = (
    "The old lighthouse stood upon the northern cliff, and every evening the\n"
    "keeper climbed the narrow stairs. He counted the steps aloud. Never once\n"
    "did he arrive at the same number.",
    "“Who is there?” he asked.",
    "In the village below, the fishermen mended their nets beside the harbour\n"
    "wall. They spoke of the storm.",
)
VERSE = "Tiger, tiger,\nburning bright\nIn the forests of the night"


def shown(text: str) -> list[str]:
    return [" ".join(text[one.start : one.end].split()) for one in paragraphs(text)]


def plain(*parts: str) -> list[str]:
    return [" ".join(part.split()) for part in parts]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_kind(line_end):
    text = "\n\n".join((*PROSE, VERSE)).replace("\n", line_end)
    assert shown(text) == plain(*PROSE, VERSE)
    assert [one.is_verse for one in paragraphs(text)] == [False, False, False, True]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_paragraph_a_line(line_end):
    lines = plain("The Lighthouse", *PROSE, "He waited.")
    assert shown(line_end.join(lines)) == lines
    # Blank lines between the chapters alone.
    assert shown("\n".join(lines) + "\n\n" + "\n".join(lines[1:])) == lines + lines[1:]
    assert not any(one.is_verse for one in paragraphs("\n".join(lines)))


def test_a_sentence_that_goes_on_over_a_line_end_is_one_paragraph():
    lines = plain("The Lighthouse", *PROSE, "He waited for the boat, which", "did not come.")
    assert shown("\n".join(lines)) == [*lines[:-2], f"{lines[-2]} {lines[-1]}"]


def test_a_drop_capital_is_of_the_paragraph_that_it_begins():
    assert shown("T\n\nHE tower stood.\n\nA\n\nship came.") == [
        "T HE tower stood.", "A", "ship came."
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "headings"),
    [
        ("de", ["Erstes Kapitel.", "Zweites Kapitel. Der Sturm", "III.", "Vorwort"]),
        ("fr", ["CHAPITRE PREMIER", "Chapitre II — La tempête", "3", "Préface"]),
        ("es", ["Capítulo primero", "CAPÍTULO II", "III", "Prólogo"]),
    ],
)
def test_headings_in_other_languages(language, headings):
    text = "\n\n".join(f"{heading}\n\n{PROSE[0]}\n\n{PROSE[2]}" for heading in headings)
    found = [text[one.start : one.end] for one in paragraphs(text, language=language) if one.level]
    assert found == headings


def test_indented_first_lines():
    text = "\n".join("  " + part for part in PROSE)
    assert shown(text) == plain(*PROSE)


def test_a_page_parts_no_paragraph():
    first, second = PROSE[0].split(". He")
    text = (
        f"{first}. He\n\n - 12 -\n\f\n\nTHE KEEPER\n\n{second.strip().replace('counted', 'went')}"
    )
    text = f"{text}\n\n{PROSE[2]}\n\n- 13 -\n\f"
    assert [part.split()[0] for part in shown(text.replace("THE KEEPER\n\n", ""))] == ["The", "In"]


def test_headings_begin_chapters_and_contents_do_not():
    contents = "CONTENTS\n\nChapter I. Dusk\n\nChapter II. Night\n\nChapter III. Dawn"
    parts = [f"Chapter {n}. {name}\n\n{PROSE[0]}\n\nHELP!\n\n{PROSE[1]}" for n, name in
             (("I", "Dusk"), ("II", "Night"), ("III", "Dawn"))]  # fmt: skip
    text = (
        "THE KEEPER\n\n\n"
        + contents
        + "\n\n\nPART ONE\n\n"
        + "\n\n\n".join(parts)
        + "\n\n\nTHE END"
    )
    found = [(text[one.start : one.end], one.level) for one in paragraphs(text) if one.level]
    assert found == [
        ("PART ONE", 1),
        ("Chapter I. Dusk", 2),
        ("Chapter II. Night", 1),
        ("Chapter III. Dawn", 1),
    ]


@pytest.mark.parametrize("book_id", STORIES)
def test_the_stories_headings_are_found(book_id):
    text = story_text(book_id)
    start, end = body(text)
    headings = [
        paragraph
        for chapter in chapters(book_id)
        for paragraph in chapter.paragraphs
        if paragraph.kind == "heading"
    ]
    found = {one.start for one in paragraphs(text, start, end) if one.level}
    assert {one.char_start for one in headings} <= found
    assert len(found) <= len(headings) + 2  # the title, and "Contents"


TEXTS = st.lists(
    st.sampled_from(["\n", "\r\n", "\r", "\f", " ", "a.", "The word", "Chapter 1", "12", "\u2028"]),
    max_size=40,
).map("".join)


@given(TEXTS)
@example("The word\u2028\n\fa.\n\na.")
@example("The word\n\fThe word\n\na.")
def test_every_word_is_in_one_paragraph_and_offsets_count_in_the_untouched_text(text):
    assert len(alike_line_ends(text)) == len(text)
    found = paragraphs(text)
    ends = [0, *(edge for one in found for edge in (one.start, one.end))]
    assert ends == sorted(ends)
    shown = without_edges(text)  # without running heads
    covered = "".join(shown[one.start : one.end] for one in found)
    letters = re.sub(r"[\s\d]", "", shown)  # page numbers are in none
    assert re.sub(r"[\s\d]", "", covered) == letters


def test_the_inputs_that_failed(faults):
    crlf = read_text(next(faults.glob("K3*/in/*/book.txt")))
    assert len(paragraphs(crlf)) == len(re.split(r"\n\s*\n", crlf.strip().replace("\r", "")))
    assert not any(one.is_verse or one.level for one in paragraphs(crlf))
    by_line = read_text(next(faults.glob("K21*/in/*/book.txt")))
    assert [by_line[one.start : one.end] for one in paragraphs(by_line)] == by_line.splitlines()
    hyphens = read_text(next(faults.glob("K16*/in/*/book.txt")))
    assert not any(one.is_verse for one in paragraphs(hyphens))
