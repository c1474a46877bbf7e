"""Distances relative to the longer text."""

import pytest

from aubert.text.distance import relative_distance, text_similarity


@pytest.mark.parametrize(
    ("first", "second", "edits", "longer"),
    [
        ("kitten", "sitting", 3, 7),
        ("café", "cafe", 1, 4),
        ("to night", "tonight", 1, 8),
        ("", "abc", 3, 3),
        ("abc", "abc", 0, 3),
    ],
)
def test_edits_per_character_of_the_longer_text(first, second, edits, longer):
    assert relative_distance(first, second) == relative_distance(second, first) == edits / longer
    assert text_similarity(first, second) == 1 - edits / longer


def test_empty_texts_are_equal():
    assert relative_distance("", "") == 0.0
    assert text_similarity("", "") == 1.0
