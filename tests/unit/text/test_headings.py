"""What headings of chapters say."""

import pytest

from aubert.text.headings import is_heading, names_a_number


def test_a_heading_that_does_no_more_than_count():
    counting = ("CHAPTER IV.", "12", "Part Two", "XII.", "Chapter the Last")
    assert all(map(names_a_number, counting))
    assert not any(map(names_a_number, ("The Storm", "CHAPTER IV. The Storm", "I went home")))


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "Chapter Two: The Storm"), ("en", "XII. The End"), ("en", "Epilogue"),
        ("de", "2. Kapitel: Der Sturm"), ("de-AT", "Zweiter Teil"), ("fr", "Livre premier"),
        ("es", "Capítulo dos"), ("pl", "IV."),
    ],
)  # fmt: skip
def test_lines_that_begin_chapters(language, line):
    assert is_heading(line, language)


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "Chapter after chapter went by."), ("de", "Teil davon ist nichts geblieben."),
        ("fr", "Partie remise, dit-il."), ("es", "Parte de la casa ardía."), ("pl", "Rozdział"),
    ],
)  # fmt: skip
def test_sentences_that_begin_like_headings(language, line):
    assert not is_heading(line, language)
