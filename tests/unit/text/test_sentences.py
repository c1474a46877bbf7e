import pytest
from hypothesis import given
from hypothesis import strategies as st

from aubert.text.sentences import sentences, within_sentence

TEXT = (
    'He came. "Will you stop the train?" said Mr. Pip, quietly.  “No!” cried J. Gargery. '
    "And so\r\non it went... _Indeed!_\n \nNext Day\n\nIt is 3.5 miles, I. Then"
)


def sentence_of(word: str, reach: int = len(TEXT)) -> str:
    start = TEXT.index(word)
    span = (start, start + len(word))
    low, high = within_sentence(
        TEXT, span, (max(0, span[0] - reach), min(len(TEXT), span[1] + reach))
    )
    return TEXT[low:high]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("came", "He came."),
        ("stop", '"Will you stop the train?" said Mr. Pip, quietly.'),
        ("Mr.", '"Will you stop the train?" said Mr. Pip, quietly.'),
        ("quietly", '"Will you stop the train?" said Mr. Pip, quietly.'),
        ("No", "“No!” cried J. Gargery."),
        ("Gargery", "“No!” cried J. Gargery."),
        ("on it", "And so\r\non it went..."),
        ("Indeed", "_Indeed!_"),
        ("Next", "Next Day"),
        ("miles", "It is 3.5 miles, I."),
        ("Then", "Then"),
        ("train?\" said", '"Will you stop the train?" said Mr. Pip, quietly.'),
        ("came. \"Will", 'He came. "Will you stop the train?" said Mr. Pip, quietly.'),
    ],
)  # fmt: skip
def test_the_sentence_of_a_place(word, sentence):
    assert sentence_of(word) == sentence


def test_the_context_ends_where_it_did_if_the_sentence_goes_on():
    assert sentence_of("train", reach=9) == 'stop the train?" said M'
    assert sentence_of("Gargery", reach=9) == "cried J. Gargery."


@given(st.text("aB .?!\"”\n'", max_size=60), st.data())
def test_the_span_stays_inside_and_nothing_is_added(text, data):
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=4, max_size=4)))
    low, start, end, high = places
    found = within_sentence(text, (start, end), (low, high))
    assert low <= found[0] <= start and end <= found[1] <= high
    assert within_sentence(text, (start, end), found) == found


def test_the_sentences_of_a_text():
    assert [TEXT[low:high] for low, high in sentences(TEXT, 0, len(TEXT))] == [
        "He came.",
        '"Will you stop the train?" said Mr. Pip, quietly.',
        "“No!” cried J. Gargery.",
        "And so\r\non it went...",
        "_Indeed!_",
        "Next Day",
        "It is 3.5 miles, I.",
        "Then",
    ]
    assert [TEXT[low:high] for low, high in sentences(TEXT, 3, 22)] == ["came.", '"Will you sto']


@given(st.text("aB .?!\"”\n'", max_size=60))
def test_every_letter_is_in_one_sentence(text):
    found = list(sentences(text, 0, len(text)))
    assert "".join("".join(text[low:high].split()) for low, high in found) == "".join(text.split())
    assert all(text[low:high].strip() for low, high in found)


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("de", "Am 3. Mai kam Dr. Weil, z. B. mit Heinrich VIII. im Gepäck."),
        ("fr", "Le 1er mai vint M. Roy, av. J.-C. bien sûr."),
        ("es", "El Sr. Gil llegó, p. ej. a EE. UU. el 1.º de mayo."),
    ],
)
def test_points_of_numbers_and_abbreviations_end_no_sentence(language, sentence):
    text = f"Eins war 12. {sentence} Und dann."
    word = text.index(",")
    low, high = within_sentence(text, (word - 2, word), (0, len(text)), language)
    assert text[low:high] in (sentence, f"{sentence} Und dann.")
    assert low == text.index(sentence)
