import random

import numpy as np
from prose import misrecognise, prose, vocabulary

from aubert import tables
from aubert.align.find_book import MAX_HASHES, StoredSketches, find_book, sketch
from aubert.text.normalise import spoken_words


def shelf_of(rng, num_books, num_words):
    words = vocabulary(rng)
    return {f"book{index}": prose(rng, num_words, words) for index in range(num_books)}, words


def test_a_minute_with_a_quarter_misrecognised_finds_its_book():
    rng = random.Random(1)
    books, words = shelf_of(rng, 10, 900)
    sketches = {key: sketch(text) for key, text in books.items()}
    for key, text in books.items():
        recognised = misrecognise(rng, spoken_words(text)[300:450], 0.25, words)
        assert find_book(recognised, sketches) == key


def test_a_long_book_is_found_by_a_part_of_its_shingles():
    rng = random.Random(2)
    books, words = shelf_of(rng, 3, 60_000)
    sketches = {key: sketch(text) for key, text in books.items()}
    assert all(len(held) == MAX_HASHES for held in sketches.values())
    recognised = misrecognise(rng, spoken_words(books["book1"])[30_000:30_150], 0.25, words)
    assert find_book(recognised, sketches) == "book1"


def test_speech_of_no_book_finds_none():
    rng = random.Random(3)
    books, words = shelf_of(rng, 5, 3000)
    sketches = {key: sketch(text) for key, text in books.items()}
    assert find_book(spoken_words(prose(rng, 200, words)), sketches) is None
    assert find_book([], sketches) is None
    assert find_book(["one", "two"], {}) is None


def test_a_sketch_is_stable_and_sorted():
    held = sketch("One two three four five six seven.")
    assert held.dtype == np.uint64 and len(held) == 4 and (np.diff(held) > 0).all()
    assert held.tolist() == sketch("one TWO, three four--five six seven").tolist()
    assert sketch("too short").tolist() == []


def test_stored_sketches_are_those_that_were_written(tmp_path):
    texts = {"a": "one two three four five six", "b": "too short", "c": "five four three two one"}
    written = {book_id: sketch(text) for book_id, text in texts.items()}
    rows = [{"book_id": book_id, "sketch": held} for book_id, held in written.items()]
    for name, kept in (("some", rows), ("none", [])):
        tables.write(tmp_path / name, "books", kept)
        stored = StoredSketches(tmp_path / name)
        assert {key: held.tolist() for key, held in stored.items()} == {
            row["book_id"]: row["sketch"].tolist() for row in kept
        }
