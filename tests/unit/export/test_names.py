"""Titles of any length and script as names of files."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aubert.export.names import file_name

TITLES = {
    "Latin": "The Life and Strange Surprising Adventures of the Keeper. " * 5,
    "Cyrillic": "Жизнь и удивительные приключения смотрителя северного маяка. " * 5,
    "Chinese": "灯塔的守护者住在悬崖上四十年" * 12,
    "combining": unicodedata.normalize("NFD", "Příliš žluťoučký kůň úpěl ďábelské ódy. ") * 10,
    "emoji": "📚🕯️" * 60,
}


@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES)
def test_a_long_title_is_cut_between_characters(title, tmp_path):
    name = file_name(title, "-Ann.epub")
    (tmp_path / name).write_text("x")
    kept = name.removesuffix("-Ann.epub").rpartition("~")[0]
    assert 230 <= len(name.encode()) <= 255
    assert title.startswith(kept) and not unicodedata.combining(title[len(kept)])
    assert file_name(title + "!", "-Ann.epub") != name


def test_a_title_that_fits_is_the_name():
    for title in ("Жизнь смотрителя", "L’été à la mer; 50%", "O'Hara (2)"):
        assert file_name(title, ".epub") == f"{title}.epub"


def test_what_names_cannot_hold_is_escaped():
    assert file_name("../a/b\x00:c?", ".x") == "%2E.%2Fa%2Fb%00%3Ac%3F.x"
    assert file_name("..") == "%2E%2E" and file_name("") == "_"
    assert file_name("\udcff.txt") == "%ED%B3%BF.txt"


ANY = st.text(st.characters(exclude_categories=()), min_size=1, max_size=300)


@given(ANY, ANY)
def test_different_texts_have_different_names_that_a_file_can_have(one, other):
    names = [file_name(text, ".epub") for text in (one, other)]
    assert (names[0] == names[1]) == (one == other)
    for name in names:
        assert 0 < len(name.encode()) <= 255
        assert "/" not in name and "\0" not in name and name not in (".", "..")
