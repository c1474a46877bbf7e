"""Page numbers and running heads: pages are made of the miniature stories, and read as they are."""

from __future__ import annotations

import re
from itertools import count

import pytest

from aubert.mini.books import STORIES, story_text
from aubert.text.boilerplate import body
from aubert.text.normalise import spoken_words, tokenize
from aubert.text.pages import without_edges

WIDTH, HEIGHT = 56, 24


def prose(book_id: str) -> str:
    text = story_text(book_id).replace("\r\n", "\n")
    start, end = body(text)
    return text[start:end]


def pages(
    text: str,
    *,
    head: str = "",
    foot: str = "",
    feed: str = "\f",
    line_end: str = "\n",
    gap: int = 1,
) -> str:
    """The text as a program writes that takes it from a PDF. head, foot: lines of each page, its
    number for a #; gap: blank lines beside them"""
    lines = []
    for paragraph in re.split(r"\n\s*\n", text):
        line = ""
        for place, word in enumerate(paragraph.split()):
            half = len(word) // 2
            if len(line) + len(word) >= WIDTH and place % 2 and word.isalpha() and half > 2:
                lines.append(f"{line} {word[:half]}-")
                line = word[half:]
            elif len(line) + len(word) >= WIDTH:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines += [line, ""]
    made = []
    for number, start in zip(count(1), range(0, len(lines), HEIGHT)):
        page = [
            *([head.replace("#", str(number)), *[""] * gap] if head else []),
            *lines[start : start + HEIGHT],
            *([*[""] * gap, foot.replace("#", str(number))] if foot else []),
        ]
        made.append(line_end.join(page) + line_end + feed)
    return "".join(made)


@pytest.mark.parametrize("book_id", ["2303", "712", "2308"])
@pytest.mark.parametrize(
    "layout",
    [
        {"foot": "#"},
        {"foot": "- # -", "feed": ""},
        {"head": "THE STORY", "foot": "#"},
        {"head": "THE STORY", "foot": "Page #", "feed": "", "line_end": "\r\n"},
        {"head": "# THE STORY"},
        {"head": "The Story    #", "feed": ""},
        {"head": "The Story", "foot": "#", "feed": "", "gap": 0},
        {},
    ],
    ids=str,
)
def test_what_stands_at_the_edges_of_pages_is_no_word(book_id, layout):
    text = prose(book_id)
    printed = pages(text, **layout)
    assert "-\n" in printed.replace("\r", "")
    assert spoken_words(printed) == spoken_words(text)
    shown = without_edges(printed)
    assert len(shown) == len(printed)
    for token in tokenize(printed):
        edges = (shown[token.char_start], shown[token.char_end - 1])
        assert edges == (printed[token.char_start], printed[token.char_end - 1])


@pytest.mark.parametrize("book_id", STORIES)
def test_a_text_without_pages_is_left_as_it_is(book_id):
    text = story_text(book_id)
    assert without_edges(text) == text


CHAPTERS = "\n\n".join(
    f"{number}\n\nThe keeper climbed the stairs, and counted {number} steps.\n\nThen he slept."
    for number in range(1, 9)
)


@pytest.mark.parametrize(
    "text",
    [
        CHAPTERS,
        "\f".join(f"Chapter {n}\n\nHe climbed the stairs.\n\nHe slept." for n in range(1, 9)),
        "\n\n".join("Alone I sit\nand wait for thee\nand wait for thee" for _ in range(5)),
        "It was in the year\n1848\nthat he came, and in\n1849 he went away.",
    ],
    ids=["numbers of chapters", "headings on new pages", "refrains", "years"],
)
def test_what_is_read_aloud_stays(text):
    assert without_edges(text) == text


def test_the_end_of_a_sentence_at_the_top_of_a_page_stays():
    """Though what follows begins in a small letter, too."""
    text = "He climbed the stairs to the\n\fgreat lamp.\n\nde Lacey came after him."
    assert without_edges(text).split() == text.split()


@pytest.mark.parametrize("feed", ["", "\f"])
def test_a_chapters_number_between_pages_stays(feed):
    stories = " ".join(" ".join(prose(book_id).split()) for book_id in list(STORIES)[:8])
    stories = re.sub(r"\b[IVX]+\b\s*", "", stories)  # one may come to stand alone on a line
    sentences = re.split(r"(?<=[.?!])\s+(?=[A-Z])", stories)
    chapters = [" ".join(sentences[at : at + 60]) for at in range(0, len(sentences), 60)]
    text = "\n\n".join(f"{n}\n\n{chapter}" for n, chapter in enumerate(chapters, 1))
    assert len(chapters) > 5
    assert spoken_words(pages(text, foot="#", feed=feed)) == spoken_words(text)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "edge", ["12", "\n12\n", "\n12\n\nTHE KEEPER\n", "\nTHE KEEPER\n", "- 12 -\nThe Keeper", "xii"]
)
def test_one_page_s_edge_within_a_word_is_none(edge, line_end):
    text = f"He went up to the light-\n{edge}\nhouse and lit the lamp."
    assert " ".join(spoken_words(text.replace("\n", line_end))) == (
        "he went up to the lighthouse and lit the lamp"
    )


@pytest.mark.parametrize(
    "text",
    [
        "The Anglo-\nSaxon kings\nruled long.",  # the name's own hyphen
        "He went to sea-\n\nHe never came back.\n\nthe end",
        "It was the light-\nhouse, 12\nfeet high.",
    ],
)
def test_lines_behind_a_hyphen_stay(text):
    assert without_edges(text) == text
