import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prose import by_hand, misrecognise, prose, sentences, vocabulary

from aubert.align.book import Book
from aubert.align.coverage import coverage, read_spans
from aubert.align.match import MatchOptions, place, results
from aubert.align.refine import RefineOptions, refine, refine_chapter
from aubert.corpus.books import Bookshelf
from aubert.stage import Reject


def refined(book, texts):
    found = list(results(place(texts, book), MatchOptions()))
    rows, kept = [], []
    for index, (row, text) in enumerate(zip(found, texts, strict=True)):
        if isinstance(row, dict):
            rows.append({"utterance_id": f"r_{index:04}", "book_id": "b", "language": "en", **row})
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


def test_a_word_spoken_twice_is_extra_and_a_misrecognised_one_is_read():
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
    read = coverage(
        book.text, [span for r in rows for span in read_spans(r["runs"], [], book.text)]
    )
    assert [label for label, _, _ in read] == ["SKIPPED", "READ", "SKIPPED", "READ", "SKIPPED"]
    assert (read[0][1], read[-1][2]) == (0, len(book.text))
    assert all(a[2] == b[1] for a, b in pairwise(read))


def spans(book, rows):
    return [" ".join(book.text[r["char_start"] : r["char_end"]].split()) for r in rows]


STORY = (
    "Nobody in that town ever hurried. Only strangers were ever caught running. The list was two "
    "pages long, and at the bottom of it she had written a word. One man came out of the water "
    "with a beard full of salt. By the end of a week there was a carriage at the door, with six "
    "white horses. Then she leaned across and rang the bell for the captain."
)


def test_a_stretch_that_was_misrecognised_is_read():
    text = "nobody in that town ever hurried believe three that with it whole running the list was"
    book = Book(STORY)
    rows, _ = refined(book, [text + " two pages long"])
    assert [run[0] for run in runs_of(rows[0], text, book)] == ["READ"]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("believe three that with it whole", "the list was two pages long"),
        ("only strangers were ever caught running", "novels what to pages long"),
        ("believe three that with it whole", "novels what to pages long"),
    ],
)
def test_words_misrecognised_at_a_cut_belong_to_the_side_where_they_stand(left, right):
    book = Book(STORY)
    texts = [
        f"nobody in that town ever hurried {left}",
        f"{right} and at the bottom of it she had written a word",
    ]
    rows, kept = refined(book, texts)
    first, second = spans(book, rows)
    assert first.endswith("were ever caught running.") and second.startswith("The list was two")
    for row, text in zip(rows, kept, strict=True):
        assert [run[0] for run in runs_of(row, text, book)] == ["READ"]


def test_words_that_are_equal_beside_misrecognised_ones_at_a_cut_are_read():
    book = Book(
        "A thing like that cannot be kept secret in a city of bridges. First the neighbours stood "
        "below the window. Then the neighbours’ cousins came with stools. By the end of a week "
        "there was a carriage at the door, with six white horses and a driver in a blue coat."
    )
    texts = [
        "sing to be kept secret in a city of bridges a sold old window and neighbours cousins to "
        "you with stools",
        "and only door with six white horses and a driver in a blue coat",
    ]
    rows, kept = refined(book, texts)
    first, second = spans(book, rows)
    assert first.startswith("A thing") and first.endswith("with stools.")
    assert second.startswith("By the end")
    assert [run[0] for run in runs_of(rows[1], kept[1], book)] == ["READ"]


def test_a_few_words_missed_at_a_cut_go_to_their_sentence():
    book = Book(STORY)
    texts = [
        "one man came out of the water with a beard full of salt",
        "a week there was a carriage at the door with six white horses",
    ]
    rows, _ = refined(book, texts)
    assert spans(book, rows)[0].endswith("salt.")
    assert spans(book, rows)[1].startswith("By the end of a week")


def test_an_aside_at_a_cut_takes_no_word_of_the_next_sentence():
    """The aside's "one" is the next sentence's first word by chance."""
    book = Book(STORY)
    texts = [
        "pages long and at the bottom of it she had written a word one the or dot side my window",
        "one man came out of the water with a beard full of salt",
    ]
    rows, kept = refined(book, texts)
    assert spans(book, rows)[0].endswith("she had written a word.")
    assert spans(book, rows)[1].startswith("One man")
    assert runs_of(rows[0], kept[0], book)[-1] == ("EXTRA", "", "one the or dot side my window")


@pytest.mark.parametrize("recognised", ["rank a bell for to captain", "tune and or to two"])
def test_the_last_words_of_a_chapter_are_read_though_misrecognised(recognised):
    book = Book(f"{STORY}\n\n\nTHE END\n")
    text = f"with six white horses then she leaned across and {recognised}"
    rows, kept = refined(book, [text])
    assert spans(book, rows)[0].endswith("rang the bell for the captain.")
    assert [run[0] for run in runs_of(rows[0], kept[0], book)] == ["READ"]


@pytest.mark.parametrize("closing", ["and on chapter two", "end of chapter two thank you and"])
def test_a_closing_is_not_the_next_heading(closing):
    book = Book(f"{STORY}\n\n\nCHAPTER III.\n\nIt rained upon the rock for a month.")
    text = f"then she leaned across and rang the bell for the captain {closing}"
    rows, kept = refined(book, [text])
    assert spans(book, rows)[0].endswith("for the captain.")
    assert runs_of(rows[0], kept[0], book)[-1] == ("EXTRA", "", closing)


def test_what_was_skipped_is_whole_sentences():
    """The words missed beside a skipped sentence belong to a sentence that was read."""
    book = Book(
        "I tell you that it is not a step. It is a box of slate, as neat as a Bible. They are a "
        "healthy people, he said to his housekeeper."
    )
    text = "i tell you that it is not a healthy people he said to his housekeeper"
    rows, _ = refined(book, [text])
    skipped = [run for run in runs_of(rows[0], text, book) if run[0] == "SKIPPED"]
    assert skipped == [("SKIPPED", "It is a box of slate, as neat as a Bible.", "")]


@pytest.mark.parametrize("heading", ["CHAPTER X", "Chapter Ten", "X", "10. The Road", "PART TEN"])
@pytest.mark.parametrize(
    "closing", ["end of chapter nine", "end of chapter ten", "and of part ten"]
)
@pytest.mark.parametrize("is_joined", [True, False])
def test_a_closing_does_not_reach_into_the_next_heading(heading, closing, is_joined):
    """Whether the recording ends, or the next chapter follows; with one blank line or more."""
    rng = random.Random(2)
    before, after = prose(rng, 60), prose(rng, 60)
    words = Book(before).words
    last = " ".join(words[30:])
    texts = [" ".join(words[:30]), *([f"{last} {closing}"] if is_joined else [last, closing])]
    for gap in ("\n\n", "\r\n\r\n", "\n\n\n"):
        book = Book(f"{before}{gap}{heading}{gap}{after}")
        rest = by_hand(book, len(words), len(book.words))
        for transcripts in (texts, [*texts, rest]):
            rows, kept = refined(book, transcripts)
            assert rows[1]["char_end"] == len(before)
            placed = [row for row in rows if not isinstance(row, Reject)]
            assert placed[-1]["char_end"] in (len(before), len(book.text))
            labels = runs_of(rows[1], kept[1], book)
            assert not is_joined or labels[-1] == ("EXTRA", "", closing)


def test_a_paragraph_that_begins_as_a_heading_does_is_read_to_the_recording_s_end():
    after = "Part of the crew went ashore at dawn, and part of them stayed where they were."
    book = Book(f"{STORY}\n\n{after}\n\nThey never came back.")
    rows, _ = refined(book, [by_hand(book, 30, len(Book(STORY).words)), "part of the crew went"])
    assert book.text[rows[-1]["char_start"] : rows[-1]["char_end"]] == "Part of the crew went"


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
    texts = [" ".join(misrecognise(rng, book.words[a:b], rate, words)) or "ba" for a, b in spans]
    texts.insert(rng.randrange(len(texts)), "pardon the noise outside my window")
    rows, kept = refined(book, texts)
    end = 0
    for row, text in zip(rows, kept, strict=True):
        if isinstance(row, Reject):  # nothing of it was understood
            assert rate > 0.0
            continue
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


@pytest.mark.parametrize(
    ("closing", "found"),
    [("the keeper by john smith chapter one", [("READ", "CHAPTER I", "chapter one")]),
     ("chapter one of the keeper by john smith", []), ("the keeper chapter two", [])],
)  # fmt: skip
def test_a_heading_that_ends_the_utterance_of_an_announcement_is_read(closing, found):
    book = Book(f"THE KEEPER\n\nby John Smith\n\nCHAPTER I\n\n{TEXT}\n\nCHAPTER II\n\n{TEXT[::-1]}")
    announced = "all librivox recordings are in the public domain and this is one of them"
    rows, texts = refined(book, [f"{announced} {closing}", "he went out the night was cold"])
    read = [run for run in runs_of(rows[0], texts[0], book) if run[0] == "READ"]
    assert read == (found or [("READ", "He went out. The night was cold,", texts[-1])])


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
        "similarity": 1.0, "raw_similarity": 0.9, "status": "matched", "language": "en",
    }  # fmt: skip
    transcripts = [{"utterance_id": "r_0000", "text": "the night was cold and the wind blew hard"}]
    shelf = Bookshelf(tmp_path)
    (found,) = refine([row], transcripts, shelf, RefineOptions())
    assert (found["char_start"], found["char_end"]) == (13, 56)
    (lost,) = refine([{**row, "book_id": "c"}], transcripts, shelf, RefineOptions())
    assert lost.reason == "book_missing"
