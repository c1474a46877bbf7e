import pytest
from hypothesis import given
from hypothesis import strategies as st

from aubert.text.boilerplate import body, front_matter

STORY = "It was a dark night.\n\nThe wind blew. Nobody came."
NEW = (
    "The Project Gutenberg eBook of A Night\n\nThis ebook is for the use of anyone.\n\n"
    "*** START OF THE PROJECT GUTENBERG EBOOK A NIGHT ***\n\n"
)
END = "\n\n*** END OF THE PROJECT GUTENBERG EBOOK A NIGHT ***\n\nSection 1. General Terms"
OLD = "**Welcome To The World of Free Plain Vanilla Electronic Texts**\n\n*END*THE SMALL PRINT! FOR"
OLD += " PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\n"


@pytest.mark.parametrize(
    "header",
    [
        "",
        NEW,
        NEW.replace("\n", " "),
        NEW.replace("THE PROJECT", "THIS PROJECT") + "Produced by A. Reader and B. Prover.\n\n\n",
        NEW + "E-text prepared by A. Reader\n\n",
        OLD,
        "This is a LibriVox recording.\nAll LibriVox recordings are in the public domain.\n\n",
    ],
)
@pytest.mark.parametrize(
    "footer",
    [
        "",
        END,
        END.replace("\n", " "),
        "\n\nEnd of the Project Gutenberg EBook of A Night, by Nobody\n" + END,
        "\n\nEnd of Project Gutenberg's A Night, by Nobody\n",
        "\n\nEnd of this LibriVox recording.\n",
    ],
)
def test_the_body_is_the_story(header, footer):
    text = header + STORY + footer
    start, end = body(text)
    assert text[start:end] == STORY


@given(st.text(alphabet="ab .\n*", min_size=1))
def test_nothing_is_cut_without_a_marker(text):
    start, end = body(text)
    assert text[start:end].strip() == text.strip()


def test_a_text_of_nothing_but_a_header_stays():
    assert body(NEW) == (0, len(NEW))


def test_the_flattened_book(real):
    import json

    raw = json.loads((real / "matching" / "master_key.input.json").read_text("utf-8"))["raw"]
    start, end = body(raw)
    assert raw[start:].startswith("The Master Key An Electrical Fairy Tale")
    assert raw[:end].endswith('ahead of the times!"')


PROSE = "He rose at six and went down to the river, for the boat was late that day."


@pytest.mark.parametrize("heading", ["CHAPTER I. The Boat", "I", "PART ONE\n\nChapter 1: Dawn"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_title_page_ends_at_the_first_heading(heading, newline):
    contents = "CONTENTS\n\n  CHAPTER I. The Boat and the River\n  CHAPTER II. The Long Way Home"
    text = f"THE BOAT\n\nby Nobody\n\n{contents}\n\n\n{heading}\n\n  A motto.\n\n{PROSE}\n\nII\n"
    text = text.replace("\n", newline)
    start = front_matter(text, 0, len(text))
    assert text[start:].startswith(heading.replace("\n", newline) + newline)


@pytest.mark.parametrize(
    "text", [PROSE, f"A Preface of Sorts\n\n{PROSE}\n\nCHAPTER I\n\n{PROSE}", ""]
)
def test_a_book_that_begins_with_prose_has_no_title_page(text):
    assert front_matter(text, 0, len(text)) == 0
