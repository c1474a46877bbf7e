"""A chapter made by hand, of which every error is known."""

import json

import numpy as np
import pytest

from aubert.corpus.books import Bookshelf
from aubert.corpus.held_out import HeldOut
from aubert.evaluate.against_reference import Tally, figures_of
from aubert.evaluate.reference import Reference, words_within

BOOK = "One day the old mill stopped. Nobody knew why. The miller went home."
#       0                             30               47


def word(text, start_s, end_s, char_start=None):
    return {
        "recording_id": "r",
        "book_id": "b",
        "label": "EXTRA" if char_start is None else "READ",
        "word": text,
        "spoken": text.lower(),
        "char_start": char_start,
        "char_end": None if char_start is None else char_start + len(text),
        "start_s": start_s,
        "end_s": end_s,
    }


# "Chapter one" is added, "Nobody knew why" is skipped.
TRUTH = [word("chapter", 0.0, 0.5), word("one", 0.5, 1.0)]
for number, text in enumerate("One day the old mill stopped".split()):
    TRUTH.append(word(text, 1.0 + number, 1.8 + number, BOOK.index(text)))
for number, text in enumerate("The miller went home".split()):
    TRUTH.append(word(text, 8.0 + number, 8.8 + number, BOOK.index(text, 47)))

RECORDING = {"recording_id": "r", "speaker": "s", "sample_rate_hz": 1000}
UTTERANCES = [
    {
        "utterance_id": f"r_{number:04}",
        "recording_id": "r",
        "slices": [{"start_sample": start, "end_sample": end}],
    }
    for number, (start, end) in enumerate([(0, 7000), (7500, 12_000)])
]
TEXTS = ["chapter one one day the cold mill stopped", "the miller went home"]


def refined(number, runs):
    names = ("label", "char_start", "char_end", "text_start", "text_end")
    return {
        "utterance_id": f"r_{number:04}",
        "book_id": "b",
        "char_start": runs[0][1],
        "char_end": runs[-1][2],
        "runs": [dict(zip(names, run, strict=True)) for run in runs],
    }


def timed(number, true, shift_ms=0):
    offset_ms = [0, 7500][number]
    start_ms = round(true["start_s"] * 1000) + shift_ms
    end_ms = round(true["end_s"] * 1000) + shift_ms
    return {
        "utterance_id": f"r_{number:04}",
        "char_start": true["char_start"],
        "char_end": true["char_end"],
        "start_ms": start_ms - offset_ms,
        "end_ms": end_ms - offset_ms,
        "recording_start_ms": start_ms,
    }


@pytest.fixture
def figures(tmp_path):
    (tmp_path / "b.txt").write_text(BOOK)
    reference = Reference({"r": TRUTH})

    def evaluate(spans, words, texts=TEXTS):
        tally = Tally(Bookshelf(tmp_path), reference, HeldOut(books=["b"]))
        transcripts = [
            {"utterance_id": f"r_{number:04}", "text": text} for number, text in enumerate(texts)
        ]
        tally.add([RECORDING], UTTERANCES, transcripts, spans, words)
        values = json.loads(json.dumps(tally.values))  # as it comes from a shard's job
        return {key: figure for key, figure in figures_of(values).items() if figure is not None}

    return evaluate


PERFECT = [
    refined(0, [("EXTRA", 0, 0, 0, 12), ("READ", 0, 29, 12, 41)]),
    refined(1, [("READ", 47, 68, 0, 20)]),
]
READ = [word for word in TRUTH if word["label"] == "READ"]
WORDS = [timed(0, true, 20) for true in READ[:6]] + [timed(1, true, 20) for true in READ[6:]]


def test_a_perfect_run(figures):
    found = figures(PERFECT, WORDS)
    assert found["match.placed_within_5_chars"].value == 1.0
    assert found["match.placed_within_5_chars"].n == 2
    for label in ("skipped", "extra"):
        assert found[f"match.{label}_precision"].value == 1.0
        assert found[f"match.{label}_recall"].value == 1.0
    assert found["transcribe.wer"].value == pytest.approx(1 / 12)  # "cold" for "old"
    assert found["words.start_error_ms_median"].value == 20
    assert found["words.end_error_ms_median"].value == 20
    assert found["words.timed"].value == 1.0


def test_what_is_held_out_has_error_rates_of_its_own(tmp_path):
    (tmp_path / "b.txt").write_text(BOOK)
    transcripts = [{"utterance_id": "r_0000", "text": TEXTS[0]}]
    for held_out, group in (
        (HeldOut(), "train"),
        (HeldOut(books=["b"]), "held_out"),
        (HeldOut(books=["b"], speakers=["s"]), "unseen_voices"),
        (HeldOut(speakers=["s"]), "train"),
    ):
        tally = Tally(Bookshelf(tmp_path), Reference({"r": TRUTH}), held_out)
        tally.add([RECORDING], UTTERANCES[:1], transcripts, [], [])
        names = {name for name in tally.values if name.startswith("wer.")}
        assert {name.split(".")[1] for name in names} == {"all", group}


def readings(num_speakers: int, num_utterances: int = 4) -> dict:
    """Of a shard whose speakers differ much more than their utterances."""
    rng = np.random.default_rng(num_speakers)
    values: dict = {"wer.all": {}, "start": {}, "timed": {}, "skipped": {}}
    for speaker in range(num_speakers):
        own = rng.uniform(5, 60)
        rows = [[own + rng.normal() for _ in range(9)] for _ in range(num_utterances)]
        values["start"][f"s{speaker}"] = rows
        values["timed"][f"s{speaker}"] = [[True] * 9] * num_utterances
        values["wer.all"][f"s{speaker}"] = [[[int(own / 10), 9]]] * num_utterances
        values["skipped"][f"s{speaker}"] = [[[True, True]] * 9] * num_utterances
    return values


def test_intervals_resample_speakers_where_there_are_enough():
    found = figures_of(readings(12))
    for key in ("words.start_error_ms_median", "transcribe.wer_all", "words.timed"):
        assert found[key].resampled == ("speakers", 12)
    few = figures_of(readings(3))
    assert few["words.start_error_ms_median"].resampled == ("utterances", 12)
    assert few["match.skipped_recall"].resampled == ("recordings", 12)
    # Taken for words of nobody, the interval is less than half as wide.
    words = [[word] for own in readings(12)["start"].values() for row in own for word in row]
    alone = figures_of({"start": {"one": words}})
    wide, narrow = (one["words.start_error_ms_median"].ci95 for one in (found, alone))
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])
    # All words have times: that does not show that all words of other speakers do.
    low, high = found["words.timed"].ci95
    assert 0.98 < low < high == 1


def test_a_skip_that_is_not_seen_and_an_extra_that_is_taken_for_read(figures):
    spans = [refined(0, [("READ", 0, 29, 0, 41)]), refined(1, [("READ", 30, 68, 0, 20)])]
    timed_too = [
        timed(1, word(text, 7.5, 7.6, BOOK.index(text))) for text in ("Nobody", "knew", "why")
    ]
    found = figures(spans, [*WORDS, *timed_too])
    assert found["match.skipped_recall"].value == 0.0
    assert found["match.extra_recall"].value == 0.0
    assert found["match.placed_within_5_chars"].value == 0.5  # the second begins 17 early


def test_what_the_word_aligner_finds_unread_is_skipped(figures):
    spans = [PERFECT[0], refined(1, [("READ", 30, 68, 0, 20)])]
    found = figures(spans, WORDS)
    assert found["match.skipped_precision"].value == 1.0
    assert found["match.skipped_recall"].value == 1.0


def test_an_utterance_that_is_lost(figures):
    found = figures(PERFECT[:1], WORDS[:6])
    assert found["match.placed_within_5_chars"].value == 0.5
    assert found["words.timed"].value == 0.6
    assert found["match.skipped_precision"].value == pytest.approx(3 / 7)  # "home" was read


def test_words_within_takes_the_middle():
    pieces = [{"start_sample": 700, "end_sample": 1300}, {"start_sample": 1500, "end_sample": 2500}]
    assert [w["word"] for w in words_within(TRUTH, pieces, 1000)] == ["one", "day"]
