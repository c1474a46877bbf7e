"""Pictures of a trained AuBERT say what the model read, and no more."""

from types import SimpleNamespace

import numpy as np

from aubert.crossmodal.evaluation import Features
from aubert.crossmodal.pictures import pictures_of

TEXT = "He ran. She saw the old sea and the boat. They slept all day long in the sun and wind."
SHELF = SimpleNamespace(text={"b": TEXT}.__getitem__)
SENTENCE = (TEXT.index("She"), TEXT.index(" They"))  # nearer to the span than a snippet reaches


def row(word: str) -> dict:
    start = TEXT.index(word)
    return {
        "book_id": "b",
        "speaker": "s",
        "split": "held_out_book",
        "ngram": word,
        "num_words": 1,
        "char_start": start,
        "char_end": start + len(word),
        "context_start": SENTENCE[0],
        "context_end": SENTENCE[1],
    }


def inner_product(text: np.ndarray, audio: np.ndarray) -> np.ndarray:
    return text @ audio.T


def test_snippets_end_where_the_context_ends():
    pairs = [row("sea"), row("sea"), row("boat")]
    vectors = np.eye(3, dtype=np.float32)
    found = pictures_of(
        {"held_out_book": (pairs, Features(vectors, vectors))}, inner_product, SHELF
    )
    expected = "She saw the old [sea] and the boat."
    assert found["similarity"]["ngram"] == found["map"]["word"] == "sea"
    assert found["similarity"]["texts"] == [expected] * 2
    assert [point["text"] for point in found["map"]["points"]] == [expected] * 2
    np.testing.assert_allclose(found["similarity"]["scores"], np.eye(2), atol=1e-6)


def test_nothing_held_out_draws_nothing():
    assert pictures_of({}, inner_product, SHELF) == {"similarity": None, "map": None}
