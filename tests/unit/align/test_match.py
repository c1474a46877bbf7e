import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prose import by_hand, misrecognise, prose, sentences, vocabulary

from aubert.align.book import Book
from aubert.align.find_book import sketch
from aubert.align.match import MatchOptions, match, place, results
from aubert.corpus.books import Bookshelf
from aubert.stage import Reject


def match_one(tmp_path, books, texts, book_id, options=None):
    for name, text in books.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    recording = {"recording_id": "r", "speaker": "s", "book_id": book_id}
    transcripts = [{"utterance_id": f"r_{i:04}", "text": text} for i, text in enumerate(texts)]
    utterances = [
        {"utterance_id": f"r_{i:04}", "recording_id": "r", "index": i}
        for i in range(len(texts) + 1)  # the last one has no transcript
    ]
    sketches = {name: sketch(text) for name, text in books.items()}
    shelf = Bookshelf(tmp_path)
    found = match([recording], transcripts, utterances, shelf, sketches, options or MatchOptions())
    return list(found)


def a_book(seed, num_words=2000):
    rng = random.Random(seed)
    return Book(prose(rng, num_words))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 1900), st.lists(st.integers(1, 40), min_size=1))
def test_a_chapter_comes_back_at_its_offsets(seed, start, sizes):
    """Any words of a book, cut anywhere into utterances, are found where they were cut."""
    book = a_book(seed % 5)
    cuts = [start]
    for size in sizes[:12]:
        cuts.append(min(cuts[-1] + size, len(book.words)))
    spans = [(a, b) for a, b in pairwise(cuts) if a < b]
    if sum(b - a for a, b in spans) < 8:
        return  # so few words may well stand elsewhere too
    chapter = place([by_hand(book, a, b) for a, b in spans], book)
    assert chapter.share == 1.0
    for (a, b), found in zip(spans, results(chapter, MatchOptions()), strict=True):
        assert (found["char_start"], found["char_end"]) == (
            book.char_start(a),
            book.char_end(b - 1),
        )
        assert found["similarity"] == 1.0


@pytest.mark.parametrize("seed", range(4))
def test_a_quarter_misrecognised_still_finds_every_utterance(seed):
    book = a_book(seed)
    rng = random.Random(seed)
    spans = sentences(book)[40:90]
    recognised = [misrecognise(rng, book.words[a:b], 0.25, vocabulary(rng)) for a, b in spans]
    chapter = place([" ".join(words) or "ba" for words in recognised], book)
    found = list(results(chapter, MatchOptions()))
    placed = [
        abs(row["char_start"] - book.char_start(a)) <= 30
        for (a, b), row in zip(spans, found, strict=True)
        if isinstance(row, dict)
    ]
    assert len(placed) >= 0.9 * len(spans) and sum(placed) >= 0.95 * len(placed)


def test_a_passage_that_stands_twice_is_decided_by_reading_order():
    rng = random.Random(0)
    words = vocabulary(rng)
    refrain = prose(rng, 40, words)
    parts = [prose(rng, 300, words) for _ in range(3)]
    book = Book(f"{parts[0]}\n\n{refrain}\n\n{parts[1]}\n\n{refrain}\n\n{parts[2]}")
    second = book.text.rindex(refrain)
    spans = [span for span in sentences(book) if book.char_start(span[0]) >= second - 300][:20]
    chapter = place([by_hand(book, a, b) for a, b in spans], book)
    rows = list(results(chapter, MatchOptions()))
    assert [row["char_start"] for row in rows] == [book.char_start(a) for a, _ in spans]
    inside = [second <= row["char_start"] < second + len(refrain) for row in rows]
    statuses = [row["status"] for row in rows]
    assert any(inside)
    assert statuses == ["repeated" if twice else "matched" for twice in inside]


def test_a_chapter_that_stands_twice_is_placed_behind_the_one_before():
    rng = random.Random(1)
    words = vocabulary(rng)
    chapter, other = prose(rng, 200, words), prose(rng, 300, words)
    book = Book(f"{chapter}\n\n{other}\n\n{chapter}")
    first = place([chapter.lower()], book)
    assert first.pieces[0].steps[0].book == 0
    again = place([by_hand(book, 0, 200)], book, after=500)
    assert again.pieces[0].steps[0].book == 500


def test_speech_outside_the_book_is_no_fault(tmp_path):
    book = a_book(3)
    spans = sentences(book)[20:40]
    texts = [by_hand(book, a, b) for a, b in spans]
    preamble = "section four of a night this recording is in the public domain read by nobody"
    closing = "end of section four thank you for listening"
    results_ = match_one(tmp_path, {"b": book.text}, [preamble, *texts, closing], "b")
    first, *rows, last = results_
    assert (first.reason, last.reason) == ("not_in_book", "not_in_book")
    assert [row["char_start"] for row in rows] == [book.char_start(a) for a, _ in spans]
    assert {row["book_id"] for row in rows} == {"b"}


def test_headers_and_footers_are_never_matched(tmp_path):
    story = prose(random.Random(5), 500)
    header = "This eBook is for the use of anyone anywhere at no cost and with no restrictions"
    text = f"{header}.\n*** START OF THE PROJECT GUTENBERG EBOOK A ***\n{story}"
    texts = [header.lower(), *[" ".join(story.split()[:60]).lower()]]
    found = match_one(tmp_path, {"b": text}, texts, "b")
    assert isinstance(found[0], Reject)
    assert found[1]["char_start"] >= text.index(story)


@pytest.mark.parametrize("book_id", [None, "999"])
def test_an_unknown_book_is_found_by_content(tmp_path, book_id):
    books = {f"b{i}": a_book(i).text for i in range(3)}
    text = by_hand(Book(books["b1"]), 500, 700)
    (row,) = match_one(tmp_path, books, [text], book_id)
    assert row["book_id"] == "b1" and row["similarity"] == 1.0


def test_a_wrong_book_is_reported_with_the_right_one(tmp_path):
    books = {f"b{i}": a_book(i).text for i in range(3)}
    book = Book(books["b1"])
    texts = [by_hand(book, a, a + 20) for a in range(500, 700, 20)]
    rejects = match_one(tmp_path, books, texts, "b2")
    assert len(rejects) == len(texts)
    assert {reject.reason for reject in rejects} == {"wrong_book"}
    assert "'b1'" in rejects[0].detail and "%" in rejects[0].detail


def test_a_few_words_say_nothing_about_the_book(tmp_path):
    (found,) = match_one(tmp_path, {"b": a_book(1).text}, ["thank you for listening"], "b")
    assert found.reason == "not_in_book"


def test_another_edition_in_part_is_low_similarity(tmp_path):
    rng = random.Random(8)
    words = vocabulary(rng)
    before, mine, theirs, after = (prose(rng, n, words) for n in (200, 40, 40, 200))
    texts = [" ".join(Book(part).words) for part in (before, mine, after)]
    first, other, last = match_one(tmp_path, {"b": f"{before}\n{theirs}\n{after}"}, texts, "b")
    assert isinstance(first, dict) and isinstance(last, dict)
    assert other.reason == "low_similarity"


@pytest.mark.parametrize(
    ("books", "book_id", "reason"),
    [
        ({"b": "... \n"}, "b", "book_empty"),
        ({"b": "Something else entirely."}, None, "book_unknown"),
        ({}, "b", "book_unknown"),
    ],
)
def test_books_that_cannot_be_used(tmp_path, books, book_id, reason):
    found = match_one(tmp_path, books, ["some words of a book that is not here"], book_id)
    assert [reject.reason for reject in found] == [reason]


def test_an_empty_transcript_is_a_reject(tmp_path):
    (found,) = match_one(tmp_path, {"b": "A word."}, [""], "b")
    assert found.reason == "no_words"


def test_verse_without_punctuation_and_one_utterance():
    rng = random.Random(4)
    words = vocabulary(rng)
    lines = [" ".join(rng.choices(words, k=7)) for _ in range(200)]
    book = Book("\n".join(lines))
    recognised = misrecognise(rng, book.words[350:700], 0.25, words)
    (row,) = results(place([" ".join(recognised)], book), MatchOptions())
    assert abs(row["char_start"] - book.char_start(350)) <= 20
    assert abs(row["char_end"] - book.char_end(699)) <= 20
