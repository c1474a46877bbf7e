"""What was read of a book: the runs of its utterances, less what has no word."""

from aubert.align.coverage import coverage, read_spans

BOOK = "KEEPER. [Aside.] The lantern1 is “dark,” he said. (Exit.) None came."


def run(label, start, end):
    return {"label": label, "char_start": start, "char_end": end}


def places(*words):
    found, place = [], 0
    for word in words:
        start = BOOK.index(word, place)
        place = start + len(word)
        found.append((start, place))
    return found


def read(runs, words):
    return [BOOK[start:end] for start, end in read_spans(runs, words, BOOK)]


def test_what_has_no_word_was_not_read():
    words = places("The", "lantern", "is", "dark", "he", "said", "None", "came")
    runs = [run("READ", 0, len(BOOK))]
    assert read(runs, words) == ["The lantern", "is “dark,” he said.", "None came."]
    labels = [(label, BOOK[a:b]) for label, a, b in coverage(BOOK, read_spans(runs, words, BOOK))]
    assert [label for label, _ in labels] == ["SKIPPED", "READ"] * 3
    assert "".join(text for _, text in labels) == BOOK
    assert [text for label, text in labels if label == "READ"] == [
        "The lantern", "is “dark,” he said.", "None came.",
    ]  # fmt: skip


def test_an_utterance_that_could_not_be_aligned_is_read_where_its_runs_say_so():
    runs = [run("READ", 0, 7), run("SKIPPED", 7, 17), run("READ", 17, 32)]
    assert read(runs, []) == ["KEEPER.", "The lantern1 is"]


def test_a_run_of_which_nothing_was_read():
    runs = [run("READ", 0, 17), run("EXTRA", 17, 17), run("READ", 17, 32)]
    assert read(runs, places("The", "lantern", "is")) == ["The lantern", "is"]
