import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prose import by_hand, mishear, prose, sentences, vocabulary

from aubert.align.book import Book
from aubert.align.coverage import coverage
from aubert.align.match import MatchOptions, place, results
from aubert.align.refine import RefineOptions, refine, refine_chapter
from aubert.corpus.books import Bookshelf


def refined(book, texts):
    found = list(results(place(texts, book), MatchOptions()))
    rows, kept = [], []
    for index, (row, text) in enumerate(zip(found, texts, strict=True)):
        if isinstance(row, dict):
            rows.append({"utterance_id": f"r_{index:04}", "book_id": "b", **row})
            kept.append(text)
    return list(refine_chapter(rows, kept, book, RefineOptions())), kept


def runs_of(row, text, book):
    return [
        (
            run["label"],
            book.text[run["char_start"] : run["char_end"]].strip(),
            text[run["text_start"] : run["text_end"]].strip(),
        )
        for run in row["runs"]
    ]


TEXT = (
    "He went out. The night was cold, and the wind blew hard. “Who is there?” he cried aloud. "
    "Nobody answered him at all, for the street was empty. He turned and walked home slowly, "
    "thinking of the lamp that he had left burning by the window of his room."
)


def test_a_skipped_sentence_inside_an_utterance():
    book = Book(TEXT)
    text = "the night was cold and the wind blew hard nobody answered him at all"
    rows, _ = refined(book, [text])
    assert runs_of(rows[0], text, book) == [
        (
            "READ",
            "The night was cold, and the wind blew hard. “",
            "the night was cold and the wind blew hard",
        ),
        ("SKIPPED", "Who is there?” he cried aloud.", ""),
        ("READ", "Nobody answered him at all,", "nobody answered him at all"),
    ]
    assert rows[0]["similarity"] == 1.0 > rows[0]["raw_similarity"]


def test_a_skipped_sentence_that_begins_like_the_next_one():
    book = Book("He looked in. There was a flag in it. There was a letter too, from the keeper.")
    text = "he looked in there was a letter too from the keeper"
    rows, _ = refined(book, [text])
    assert runs_of(rows[0], text, book)[1] == ("SKIPPED", "There was a flag in it.", "")


def test_speech_that_is_not_in_the_book():
    book = Book(TEXT)
    text = "the night was cold pardon me for that noise outside and the wind blew hard"
    rows, _ = refined(book, [text])
    assert runs_of(rows[0], text, book) == [
        ("READ", "The night was cold,", "the night was cold"),
        ("EXTRA", "", "pardon me for that noise outside"),
        ("READ", "and the wind blew hard.", "and the wind blew hard"),
    ]


def test_a_word_said_twice_is_extra_and_a_misheard_one_is_read():
    book = Book(TEXT)
    text = "he turned and walked walked hone slowly thinking of the lamb that he had left"
    rows, _ = refined(book, [text])
    labels = [run[0] for run in runs_of(rows[0], text, book)]
    assert labels == ["READ", "EXTRA", "READ"]


def test_words_missed_at_a_cut_go_to_their_sentence():
    book = Book(TEXT)
    texts = ["he went out the night was cold and the wind blew", "is there he cried aloud nobody"]
    rows, _ = refined(book, texts)
    assert book.text[: rows[0]["char_end"]].endswith("blew hard.")
    assert book.text[rows[1]["char_start"] :].startswith("Who is there")


def test_an_unread_sentence_between_utterances_belongs_to_neither():
    book = Book(TEXT)
    texts = ["the night was cold and the wind blew hard", "nobody answered him at all for the"]
    rows, _ = refined(book, texts)
    assert book.text[: rows[0]["char_end"]].endswith("blew hard.")
    assert book.text[rows[1]["char_start"] :].startswith("Nobody")
    read = coverage(book.text, rows)
    assert [label for label, _, _ in read] == ["SKIPPED", "READ", "SKIPPED", "READ", "SKIPPED"]
    assert (read[0][1], read[-1][2]) == (0, len(book.text))
    assert all(a[2] == b[1] for a, b in pairwise(read))


def test_end_of_chapter_does_not_reach_into_the_next_heading():
    rng = random.Random(2)
    before, after = prose(rng, 60), prose(rng, 60)
    book = Book(f"{before}\n\nCHAPTER II\n\n{after}")
    words = Book(before).words
    texts = [" ".join(words[:30]), " ".join(words[30:]) + " end of chapter one"]
    rows, kept = refined(book, texts)
    assert rows[1]["char_end"] == len(before)
    assert runs_of(rows[1], kept[1], book)[-1] == ("EXTRA", "", "end of chapter one")


def test_a_preamble_in_the_first_utterance_is_extra():
    rng = random.Random(3)
    story = prose(rng, 80)
    book = Book(f"CHAPTER I. The Road\n\n{story}")
    preamble = "chapter one of a night this recording is in the public domain read by nobody"
    text = f"{preamble} {' '.join(Book(story).words[:30])}"
    rows, _ = refined(book, [text])
    assert rows[0]["char_start"] == book.text.index(story[:20].lstrip("“"))
    assert runs_of(rows[0], text, book)[0] == ("EXTRA", "", preamble)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.1, 0.25, 0.4]))
def test_runs_cover_the_span_and_the_transcript(seed, rate):
    rng = random.Random(seed)
    words = vocabulary(rng)
    book = Book(prose(rng, 600, words))
    spans = [span for span in sentences(book)[10:30] if rng.random() > 0.1]
    texts = [" ".join(mishear(rng, book.words[a:b], rate, words)) or "ba" for a, b in spans]
    texts.insert(rng.randrange(len(texts)), "pardon the noise outside my window")
    rows, kept = refined(book, texts)
    end = 0
    for row, text in zip(rows, kept, strict=True):
        assert end <= row["char_start"] < row["char_end"]
        end = row["char_end"]
        assert 0.0 <= row["raw_similarity"] <= 1.0 and 0.0 <= row["similarity"] <= 1.0
        char, place_ = row["char_start"], 0
        for run in row["runs"]:
            assert (run["char_start"], run["text_start"]) == (char, place_)
            char, place_ = run["char_end"], run["text_end"]
            assert (run["text_start"] == run["text_end"]) == (run["label"] == "SKIPPED")
            assert (run["char_start"] == run["char_end"]) == (run["label"] == "EXTRA")
        assert (char, place_) == (row["char_end"], len(text))


@pytest.mark.parametrize("seed", range(3))
def test_a_clean_reading_is_read_exactly(seed):
    rng = random.Random(seed)
    book = Book(prose(rng, 800))
    spans = sentences(book)[15:50]
    rows, _ = refined(book, [by_hand(book, a, b) for a, b in spans])
    assert [(r["char_start"], r["char_end"]) for r in rows] == [
        (book.char_start(a), book.char_end(b - 1)) for a, b in spans
    ]
    assert all([run["label"] for run in row["runs"]] == ["READ"] for row in rows)


def test_the_stage_reads_the_shelf(tmp_path):
    (tmp_path / "b.txt").write_text(TEXT, encoding="utf-8")
    row = {
        "utterance_id": "r_0000", "book_id": "b", "char_start": 13, "char_end": 56,
        "similarity": 1.0, "raw_similarity": 0.9, "status": "matched",
    }  # fmt: skip
    transcripts = [{"utterance_id": "r_0000", "text": "the night was cold and the wind blew hard"}]
    shelf = Bookshelf(tmp_path)
    (found,) = refine([row], transcripts, shelf, RefineOptions())
    assert (found["char_start"], found["char_end"]) == (13, 56)
    (lost,) = refine([{**row, "book_id": "c"}], transcripts, shelf, RefineOptions())
    assert lost.reason == "book_missing"
