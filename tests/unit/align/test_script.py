import pytest
from hypothesis import given
from hypothesis import strategies as st

from aubert.align.script import build_script, choose_readings
from aubert.align.timeline import Timeline, word_rows
from aubert.text.normalise import spoken_words, tokenize

BOOK = "It was 1848. Mr. Rob said nothing. He left the house at once."


def refined(*runs):
    """A row of the refined table from (label, book text, transcript text)."""
    place, offset, rows = BOOK.index(runs[0][1]) if runs[0][1] else 0, 0, []
    start = place
    for label, written, recognised in runs:
        rows.append(
            {
                "label": label,
                "char_start": place,
                "char_end": place + len(written),
                "text_start": offset,
                "text_end": offset + len(recognised),
            }
        )
        place += len(written)
        offset += len(recognised)
    text = "".join(recognised for _, _, recognised in runs)
    return {"char_start": start, "char_end": place, "language": "en", "runs": rows}, text


def spoken(script):
    return [" ".join(item.spoken) for item in script]


def test_reads_tokens_of_the_book():
    row, text = refined(("READ", BOOK[:34], "it was eighteen forty eight mister rob said nothing"))
    script = build_script(BOOK, row, text)
    assert spoken(script) == [
        "it", "was", "eighteen forty eight", "mister", "rob", "said", "nothing",
    ]  # fmt: skip
    assert [BOOK[i.token.char_start : i.token.char_end] for i in script[:4]] == [
        "It", "was", "1848", "Mr.",
    ]  # fmt: skip


def test_takes_the_reading_that_was_recognised():
    row, text = refined(("READ", BOOK[:13], "it was one thousand eight hundred forty eight"))
    reading = build_script(BOOK, row, text)[2].spoken
    assert reading == ("one", "thousand", "eight", "hundred", "forty", "eight")
    assert tokenize(BOOK)[2].spoken == ("eighteen", "forty", "eight")  # the default reading


def test_leaves_out_what_was_skipped_and_takes_extra_words_from_the_transcript():
    row, text = refined(
        ("READ", "It was 1848. ", "it was eighteen forty eight "),
        ("SKIPPED", "Mr. Rob said nothing. ", ""),
        ("EXTRA", "", "well now "),
        ("READ", "He left", "he left"),
    )
    script = build_script(BOOK, row, text)
    assert spoken(script) == ["it", "was", "eighteen forty eight", "well", "now", "he", "left"]
    assert [item.token is None for item in script] == [False] * 3 + [True] * 2 + [False] * 2


def test_an_utterance_inside_the_book_keeps_offsets_of_the_whole_book():
    row, text = refined(("READ", "He left the house", "he left the house"))
    script = build_script(BOOK, row, text)
    assert [BOOK[i.token.char_start : i.token.char_end] for i in script] == [
        "He", "left", "the", "house",
    ]  # fmt: skip


WORDS = st.sampled_from(["one", "two", "forty", "forte", "the", "saint", "street"])
READING = st.lists(WORDS, min_size=1, max_size=3).map(tuple)
CHOICES = st.lists(st.lists(READING, min_size=1, max_size=3, unique=True), min_size=1, max_size=5)


@given(CHOICES, st.lists(WORDS, max_size=10))
def test_chooses_one_of_the_readings_of_every_token(choices, recognised):
    chosen = choose_readings(choices, recognised)
    assert len(chosen) == len(choices)
    assert all(reading in options for reading, options in zip(chosen, choices, strict=True))


@given(CHOICES, st.data())
def test_what_was_spoken_exactly_is_found(choices, data):
    readings = [data.draw(st.sampled_from(options)) for options in choices]
    recognised = [word for reading in readings for word in reading]
    chosen = choose_readings(choices, recognised)
    assert [word for reading in chosen for word in reading] == recognised


@given(CHOICES)
def test_ties_go_to_the_default(choices):
    doubled = [[options[0], options[0]] for options in choices]
    assert choose_readings(doubled, []) == [options[0] for options in choices]


SLICES = [{"start_sample": 1000, "end_sample": 9000}, {"start_sample": 20000, "end_sample": 24000}]


def test_times_of_an_utterance_in_its_recording():
    timeline = Timeline(SLICES, 8000)
    assert timeline.duration_ms == 1500
    assert timeline.recording_ms(0) == 125
    assert timeline.recording_ms(999) == 1124
    assert timeline.recording_ms(1000) == 2500  # the first sample of the second slice
    assert timeline.recording_ms(1500) == 3000


def test_rows_stay_in_the_utterance_and_in_order():
    text = "One two three"
    row = {
        "char_start": 0,
        "char_end": len(text),
        "language": "en",
        "runs": [
            {"label": "READ", "char_start": 0, "char_end": 8, "text_start": 0, "text_end": 8},
            {"label": "EXTRA", "char_start": 8, "char_end": 8, "text_start": 8, "text_end": 11},
            {"label": "READ", "char_start": 8, "char_end": 13, "text_start": 11, "text_end": 16},
        ],
    }
    script = build_script(text, row, "one two um three")
    assert len(script) == len(tokenize(text)) + 1
    times = [(-0.1, 0.4, 0.5), (0.3, 0.3, 1.0), (0.5, 0.9, 0.1), (0.9, 9.0, 0.2)]
    rows = word_rows("u", Timeline(SLICES, 8000), text, script, times)
    assert [r["word"] for r in rows] == ["One", "two", "three"]
    assert [r["index"] for r in rows] == [0, 1, 2]
    assert [(r["start_ms"], r["end_ms"]) for r in rows] == [(0, 400), (400, 401), (900, 1500)]
    assert rows[2]["recording_start_ms"] == 1025


PLAY = "KEEPER. [Aside.] The lantern1 is dark, and 12 ships are near. (Exit.) He said no."
MARKS = "KEEPER Aside 1 12"


def doubted(written, transcript):
    row = {"label": "READ", "char_start": 0, "char_end": len(written),
           "text_start": 0, "text_end": len(transcript)}  # fmt: skip
    script = build_script(written, {"runs": [row], "language": "en"}, transcript)
    return [written[i.token.char_start : i.token.char_end] for i in script if i.optional]


@pytest.mark.parametrize(
    ("transcript", "words"),
    [
        ("keeper aside the lantern one is dark and twelve ships are near exit he said no", MARKS),
        ("the lantern is dark and twelve are near he said no", f"{MARKS} ships Exit"),
        # a word that was misrecognised was not missed
        ("keeper aside the lantern one is bark and twelve chips are near exit he said no", MARKS),
        # what stands beside words that were not recognised counts as read
        ("keeper aside the lantern one is dark and twelve are fear exit hello", f"{MARKS} ships"),
    ],
)
def test_what_there_is_reason_to_doubt(transcript, words):
    assert sorted(doubted(PLAY, transcript)) == sorted(words.split())


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("ACT ONE\n\nSCENE II.\n\nKEEPER. Speak now.", "KEEPER"),
        ("CHAPTER FOUR. THE KEEPER\r\n\r\nIt was dark.", ""),
        # a sentence is no heading, in whatever words it begins
        ("ACT ONE more time, said MARGARET, and then we shall see what the harbour master has to "
         "say about it.", "ACT ONE MARGARET"),
    ],
)  # fmt: skip
def test_the_capitals_of_a_heading_are_read(written, words):
    assert doubted(written, " ".join(spoken_words(written))) == words.split()


def test_nothing_of_a_passage_in_another_language_is_doubted():
    written = "He murmured, “Je ne comprends pas ce que vous dites, monsieur,” and smiled."
    assert doubted(written, "he murmured shown come on pass the voodoo miss year and smiled") == []


def test_capitals_are_no_mark_in_a_text_of_capitals():
    written = "THE KEEPER CAME CLOSE TO THE ROCKS. HE CARRIED A TIN OF OIL IN THE OTHER HAND."
    assert doubted(written, " ".join(spoken_words(written))) == []
    play = f"KEEPER. {written.lower()}"
    assert doubted(play, " ".join(spoken_words(play))) == ["KEEPER"]
