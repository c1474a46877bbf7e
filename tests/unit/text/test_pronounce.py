"""Pronunciations by espeak-ng, against the dictionary that pocketsphinx carries."""

import random
import re
import sys
from pathlib import Path

import Levenshtein
import pytest

from aubert.text.pronounce import PronounceUnavailable, pronounce

CMU_PHONES = set(
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW "
    "V W Y Z ZH".split()
)


@pytest.fixture(scope="module")
def dictionary() -> dict[str, list[list[str]]]:
    import pocketsphinx

    path = Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"))
    entries: dict[str, list[list[str]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, *phones = line.split()
        entries.setdefault(re.sub(r"\(\d+\)$", "", word), []).append(phones)
    return entries


def error_rate(dictionary: dict[str, list[list[str]]], words: list[str]) -> float:
    """Phone errors per phone, against the nearest of a word's pronunciations."""
    pronounced = pronounce(words)
    errors = phones = 0
    for word in words:
        spoken = pronounced[word].split()
        distance, length = min((Levenshtein.distance(spoken, e), len(e)) for e in dictionary[word])
        errors += distance
        phones += length
    return errors / phones


def test_words_of_the_dictionary_are_pronounced_nearly_as_it_says(dictionary):
    """10% of the phones of random entries (mostly names) differ, measured on 3,000 words."""
    words = sorted(word for word in dictionary if re.fullmatch(r"[a-z]{3,}", word))
    assert error_rate(dictionary, random.Random(7).sample(words, 200)) < 0.15


def test_common_words_are_pronounced_as_the_dictionary_says(dictionary):
    words = (
        "the and of water morning evening captain doctor little bottle measure thought weather "
        "father journey hurry fire tower button ladder singing bird nature church judge"
    ).split()
    assert error_rate(dictionary, words) < 0.06


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("ishmael", "IH SH M EY L"),
        ("queequeg", "K W IY K W EH G"),
        ("strake", "S T R EY K"),
        ("o'clock", "AH K L AA K"),
        ("clockmaker's", "K L AA K M EY K ER Z"),
    ],
)
def test_names(word, phones):
    assert pronounce([word]) == {word: phones}


def test_only_cmu_phones_and_no_empty_entries(dictionary):
    words = sorted(dictionary)[::400]
    for phones in pronounce(words).values():
        assert phones and set(phones.split()) <= CMU_PHONES


def test_no_words():
    assert pronounce([]) == {}


def test_without_espeak(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(PronounceUnavailable, match="pip install"):
        pronounce(["ishmael"])
