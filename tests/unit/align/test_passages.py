"""Readings that leave the order of the book, and readings that do not."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prose import by_hand, misrecognise, prose, vocabulary

from aubert.align.anchors import blocks
from aubert.align.book import Book
from aubert.align.match import MatchOptions, place, results
from aubert.align.passages import passages, unique_anchors
from aubert.align.path import Transcript
from aubert.align.refine import RefineOptions, refine_chapter
from aubert.align.script import build_script
from aubert.stage import Reject


def book_of(rng, num_parts, words=80):
    """A book, and the words of each of its parts as ranges."""
    known = vocabulary(rng)
    parts = [prose(rng, words, known) for _ in range(num_parts)]
    sizes = [len(Book(part).words) for part in parts]
    starts = [sum(sizes[:index]) for index in range(num_parts)]
    book = Book("\n\n".join(parts))
    return book, [range(a, a + n) for a, n in zip(starts, sizes, strict=True)], known


def utterances(words, size):
    return [" ".join(words[at : at + size]) for at in range(0, len(words), size)]


def refined(book, texts):
    """The rows of `refined` with their texts."""
    found = list(results(place(texts, book), MatchOptions()))
    rows = [
        ({"utterance_id": f"r_{index:04}", "book_id": "b", "language": "en", **row}, text)
        for index, (row, text) in enumerate(zip(found, texts, strict=True))
        if isinstance(row, dict)
    ]
    refined = refine_chapter(
        [row for row, _ in rows], [text for _, text in rows], book, RefineOptions()
    )
    pairs = zip(refined, rows, strict=True)
    return [(row, text) for row, (_, text) in pairs if not isinstance(row, Reject)]


def read(book, rows):
    """Where the words of the scripts are written, in the order of speech."""
    scripts = [build_script(book.text, row, text) for row, text in rows]
    return [item.token.char_start for script in scripts for item in script if item.token]


@pytest.mark.parametrize("order", [(5, 6, 0, 1, 2, 3), (1, 2, 3, 4, 0), (0, 3, 4, 1, 2, 5)])
@pytest.mark.parametrize("size", [17, 30, 55])
def test_parts_in_another_order_are_read_to_the_word(order, size):
    """Utterances end anywhere: one or two words beyond a jump are too few to be kept apart."""
    rng = random.Random(0)
    book, parts, _ = book_of(rng, 7)
    spoken = [word for part in order for word in parts[part]]
    found = read(book, refined(book, utterances([book.words[word] for word in spoken], size)))
    truth = [book.char_start(word) for word in spoken]
    num_jumps = sum(after < before for before, after in pairwise(order))
    assert len(set(found) ^ set(truth)) <= 2 * num_jumps
    shared = set(found) & set(truth)
    assert [at for at in found if at in shared] == [at for at in truth if at in shared]


@pytest.mark.parametrize("seed", range(4))
def test_parts_in_another_order_and_misrecognised(seed):
    rng = random.Random(seed)
    book, parts, known = book_of(rng, 8, words=150)
    order = [4, 5, 6, 0, 1, 2]
    spoken = [word for part in order for word in parts[part]]
    recognised = misrecognise(rng, [book.words[word] for word in spoken], 0.2, known)
    found = read(book, refined(book, utterances(recognised, 40)))
    truth = {book.char_start(word) for word in spoken}
    assert len(truth & set(found)) >= 0.97 * len(truth)
    assert len(set(found) - truth) <= 0.02 * len(truth)
    assert len(found) == len(set(found))


def test_a_part_that_is_read_again_stays_extra_speech():
    rng = random.Random(1)
    book, parts, known = book_of(rng, 6)
    order = [0, 1, 2, 3, 2, 3, 4]
    spoken = [word for part in order for word in parts[part]]
    recognised = misrecognise(rng, [book.words[word] for word in spoken], 0.1, known)
    found = read(book, refined(book, utterances(recognised, 30)))
    assert found == sorted(found)


def test_a_few_words_of_another_page_are_no_jump():
    rng = random.Random(2)
    book, parts, _ = book_of(rng, 6)
    quoted = by_hand(book, parts[5].start, parts[5].start + 20)
    texts = [by_hand(book, part.start, part.stop) for part in parts[:3]]
    rows = refined(book, [texts[0], quoted, *texts[1:]])
    assert read(book, rows) == [book.char_start(word) for part in parts[:3] for word in part]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.1, 0.25, 0.4]))
def test_a_reading_in_the_book_s_order_is_one_passage(seed, rate):
    """Whatever is skipped, added or misrecognised."""
    rng = random.Random(seed)
    book, parts, known = book_of(rng, 8)
    words = [word for part in parts if rng.random() < 0.8 for word in part]
    recognised = misrecognise(rng, [book.words[word] for word in words], rate, known)
    texts = utterances(recognised, rng.choice([10, 40])) or ["ba"]
    texts.insert(rng.randrange(len(texts) + 1), "pardon the noise outside my window")
    chapter = place(texts, book)
    chain = [step for piece in chapter.pieces for step in piece.steps]
    assert all(a.book <= b.book for a, b in pairwise(chain))


def test_passages_hold_every_word_once():
    rng = random.Random(3)
    book, parts, _ = book_of(rng, 5)
    texts = [by_hand(book, parts[part].start, parts[part].stop) for part in (3, 4, 0, 1)]
    transcript = Transcript([*texts[:2], "pardon me", *texts[2:]], book)
    chain = blocks(transcript.id_list, book.id_list, *unique_anchors(transcript, book), 4)
    found = passages(transcript, book, chain)
    bounds = transcript.bounds
    assert [(one.start, one.stop) for one in found] == [(0, bounds[2]), (bounds[2], bounds[5])]
    assert (found[0].low, found[0].high) == (parts[1].stop, len(book.words))
    assert (found[1].low, found[1].high) == (0, parts[3].start)
