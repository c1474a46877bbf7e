import itertools
import json

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from aubert import audio
from aubert.align.trim import loud_frames, trim
from aubert.align.words_pocketsphinx import (
    Aligner,
    WordsPocketsphinxOptions,
    confidence,
    words_pocketsphinx,
)
from aubert.corpus.books import Bookshelf
from aubert.stage import Reject
from aubert.text.normalise import spoken_words


@pytest.fixture(scope="session")
def aligner():
    return Aligner()


@pytest.fixture(scope="session")
def clip(real):
    """samples, [(word, start_s, end_s)] of one clip, timed by another run of pocketsphinx."""
    lines = (real / "words" / "refs.jsonl").read_text(encoding="utf-8").splitlines()
    reference = next(row for row in map(json.loads, lines) if row["id"] == "ss01-0880")
    return audio.decode(real / "words" / reference["audio"]), reference["words"]


@pytest.fixture(scope="session")
def spoken():
    """A sentence with a pause of one second in it, and the true times of its words."""
    pytest.importorskip("espeakng_loader")
    import soxr

    from aubert.text import espeak

    voice = espeak.Voice(name="en-us+f2")
    words = [["the", "old", "sailor", "came", "home"], ["the", "harbour", "was", "quiet"]]
    samples, times = [np.zeros(3_200)], []
    with espeak.session() as engine:
        for sentence in words:
            speech = engine.say(sentence, [""] * len(sentence), voice)
            offset_s = sum(map(len, samples)) / audio.SAMPLE_RATE_HZ
            for word, start, end in speech.words:
                start_s, end_s = start / espeak.SAMPLE_RATE_HZ, end / espeak.SAMPLE_RATE_HZ
                times.append((word, offset_s + start_s, offset_s + end_s))
            sound = speech.samples / 32768
            samples += [soxr.resample(sound, espeak.SAMPLE_RATE_HZ, 16_000), np.zeros(16_000)]
    joined = np.concatenate(samples)
    noisy = joined + 0.0015 * np.random.default_rng(0).standard_normal(len(joined))
    return noisy.astype(np.float32), times


def test_edges_of_synthetic_speech(aligner, spoken):
    samples, times = spoken
    words = aligner.align(samples, [word for word, _, _ in times])
    errors = [
        abs(found - true)
        for word, (_, start_s, end_s) in zip(words, times, strict=True)
        for found, true in ((word.start_s, start_s), (word.end_s, end_s))
    ]
    assert np.median(errors) < 0.03
    assert max(errors) < 0.12


def test_phones_lie_in_their_words(aligner, spoken):
    samples, times = spoken
    script = [word for word, _, _ in times]
    plain = aligner.align(samples, script)
    words = aligner.align(samples, script, with_phones=True)
    assert [word[:3] for word in words] == [word[:3] for word in plain]
    assert [phone.phone for phone in words[2].phones] == ["S", "EY", "L", "ER"]
    for word in words:
        assert all(phone.start_s < phone.end_s for phone in word.phones)
        assert word.phones[-1].end_s == pytest.approx(word.end_s, abs=0.35)


def test_a_word_that_was_not_spoken_has_low_confidence(aligner, spoken):
    samples, times = spoken
    script = [word for word, _, _ in times]
    right = aligner.align(samples, script)
    wrong = aligner.align(samples, [*script[:2], "impossible", *script[3:]])
    assert wrong[2].confidence < 0.5 < right[2].confidence


def near(words):
    times = np.array([(word.start_s, word.end_s) for word in words])
    return pytest.approx(times, abs=0.031)


@pytest.mark.parametrize("place", [0, 3, 9])
@pytest.mark.parametrize("marks", [["one"], ["keeper"], ["enter", "margaret", "stranger", "aside"]])
def test_optional_words_that_were_not_read(aligner, spoken, place, marks):
    samples, times = spoken
    script = [word for word, _, _ in times]
    plain = aligner.align(samples, script)
    every = [*script[:place], *marks, *script[place:]]
    parts = [range(at, at + 1) for at in range(place, place + len(marks))]
    for optional in (parts, [range(place, place + len(marks))]):
        words = aligner.align(samples, every, optional=optional)
        assert words[place : place + len(marks)] == [None] * len(marks)
        rest = words[:place] + words[place + len(marks) :]
        assert np.array([word[:2] for word in rest]) == near(plain)


def test_optional_words_that_were_read(aligner, spoken):
    samples, times = spoken
    script = [word for word, _, _ in times]
    plain = aligner.align(samples, script)
    several = [range(0, 1), range(1, 3), range(5, 6), range(6, 7)]
    words = aligner.align(samples, script, optional=several)
    assert np.array([word[:2] for word in words]) == near(plain)


def test_a_word_outside_every_dictionary_is_aligned(aligner, spoken, monkeypatch):
    monkeypatch.setattr("aubert.text.pronunciations.can_pronounce", lambda: False)
    samples, times = spoken
    script = [word for word, _, _ in times]
    words = aligner.align(samples, [*script[:2], "saylerre", *script[3:]])
    assert words[2].start_s == pytest.approx(times[2][1], abs=0.1)


def test_a_script_that_does_not_fit_has_no_path(aligner, spoken):
    samples, _ = spoken
    assert aligner.align(samples[:8_000], ["extraordinary"] * 20) is None
    assert aligner.align(samples, []) is None
    assert aligner.align(samples[:0], ["home"]) is None


def test_edges_of_a_real_reading(aligner, clip):
    samples, reference = clip
    words = aligner.align(samples, [word for word, _, _ in reference])
    starts = [abs(w.start_s - start_s) for w, (_, start_s, _) in zip(words, reference, strict=True)]
    assert np.median(starts) <= 0.02


def test_four_seconds_of_french_do_not_lose_the_english_around_them(aligner, faults):
    folder = faults / "K4-french-passage" / "in" / "F1 french"
    english, mixed, _ = (folder / "book.txt").read_text(encoding="utf-8").split("\n\n", 2)
    samples = audio.decode(folder / "01.flac")[: 25 * audio.SAMPLE_RATE_HZ]
    script = spoken_words(f"{english} {mixed}")
    words = dict(zip(script, aligner.align(samples, script), strict=True))
    assert words["murmured"].start_s == pytest.approx(17.2, abs=0.1)
    assert words["smiled"].start_s == pytest.approx(24.3, abs=0.1)


@given(st.floats(-20, 0), st.floats(-2, 2))
def test_confidence_falls_with_bad_sound_and_odd_lengths(fit, pace):
    assert 0 < confidence(fit, pace) < 1
    assert confidence(fit - 1, pace) < confidence(fit, pace)
    assert confidence(fit, 2 * pace) <= confidence(fit, pace)
    assert confidence(-5_000, pace) < 0.01


@given(st.lists(st.booleans(), min_size=1, max_size=80), st.booleans(), st.booleans(), st.data())
def test_a_trimmed_word_lies_in_the_word(flags, after_pause, before_pause, data):
    start = data.draw(st.integers(0, len(flags) - 1))
    end = data.draw(st.integers(start + 1, len(flags)))
    loud = np.array(flags)
    first, last = trim(start, end, loud, after_pause, before_pause)
    assert start <= first < last <= end
    assert loud[first:last].any() == loud[start:end].any()


def test_trimming_takes_the_pause_before_a_word_and_leaves_closures():
    loud = np.zeros(100, bool)
    loud[40:50] = True
    loud[58:62] = True
    assert trim(10, 62, loud) == (38, 62)
    assert trim(35, 75, loud) == (35, 75)
    assert trim(0, 10, loud) == (0, 10)


@pytest.mark.parametrize(
    ("frames", "start"),
    [
        ("..........##########", 10),
        ("...####.......######", 14),  # a click
        (".##......##.....####", 16),  # two of them
        ("...####...##########", 3),  # no quiet behind it: the burst of a stop
        ("...#########......##", 3),  # as long as a sound: "stop", "apt"
    ],
)
def test_a_word_after_a_pause_starts_with_its_sound(frames, start):
    loud = np.array([frame == "#" for frame in frames])
    assert trim(0, len(loud), loud, after_pause=True) == (start, len(loud))
    assert trim(0, len(loud), loud) in [(0, len(loud)), (8, len(loud))]


@pytest.mark.parametrize(
    ("frames", "end"),
    [
        ("##########..........", 10),
        ("######..####......", 12),
        ("######............", 18),  # a closure and a weak release, most likely
    ],
)
def test_a_word_before_a_pause_ends_with_its_sound(frames, end):
    loud = np.array([frame == "#" for frame in frames])
    assert trim(0, len(loud), loud, before_pause=True) == (0, end)
    assert trim(0, len(loud), loud) == (0, len(loud))


@pytest.fixture(scope="session")
def hand_made(real):
    """(samples, [(word, start_s, end_s)]) of sentences whose edges a person set."""
    folder = real / "more" / "timit_sample"
    lines = (folder / "refs.jsonl").read_text(encoding="utf-8").splitlines()
    references = map(json.loads, lines)
    return [(audio.decode(folder / row["audio"]), row["words"]) for row in references]


def test_first_words_start_where_a_person_set_their_edges(aligner, hand_made):
    errors = [
        abs(aligner.align(samples, [word for word, _, _ in words])[0].start_s - words[0][1])
        for samples, words in hand_made
    ]
    assert np.median(errors) <= 0.02
    assert max(errors) <= 0.1


def test_edges_that_people_set_are_met_without_a_bias(aligner, hand_made):
    errors = []
    for samples, words in hand_made:
        found = aligner.align(samples, [word for word, *_ in words])
        errors += [np.subtract(word[:2], true[1:]) for word, true in zip(found, words, strict=True)]
    assert np.abs(np.median(errors, axis=0)).max() <= 0.004
    assert np.median(np.abs(errors), axis=0).max() <= 0.011


def test_a_click_before_a_first_word_of_a_real_reading(aligner, hand_made):
    samples, words = next(sentence for sentence in hand_made if sentence[1][0][0] == "positive")
    pause = np.tile(samples[800:1_600], 4)
    clicked = np.concatenate([pause, samples])
    start_s = len(pause) / 16_000 + words[0][1]
    at = round((start_s - 0.12) * 16_000)
    burst = np.random.default_rng(0).standard_normal(240) * np.exp(-np.arange(240) / 80)
    clicked[at : at + 240] += 0.05 * np.abs(samples).max() * burst
    found = aligner.align(clicked, [word for word, _, _ in words])
    assert found[0].start_s == pytest.approx(start_s, abs=0.05)


@pytest.mark.parametrize("before_s", [0.12, 0.4])
@pytest.mark.parametrize("zeros_s", [0.0, 0.5])
def test_a_click_in_the_pause_is_no_part_of_the_word_behind_it(aligner, spoken, before_s, zeros_s):
    """Digital silence at the ends does not make the room of the recording loud."""
    samples, times = spoken
    random = np.random.default_rng(0)
    clicked = samples.copy()
    for word in (0, 5):
        at = round((times[word][1] - before_s) * 16_000)
        burst = random.standard_normal(200) * np.exp(-np.arange(200) / 60)
        if at > 0:
            clicked[at : at + 200] += 0.2 * burst
    silence = np.zeros(round(zeros_s * 16_000), np.float32)
    words = aligner.align(
        np.concatenate([silence, clicked, silence]), [word for word, _, _ in times]
    )
    for word in (0, 5):
        assert words[word].start_s - zeros_s == pytest.approx(times[word][1], abs=0.05)


def test_loud_frames_of_a_burst():
    random = np.random.default_rng(0)
    samples = 0.001 * random.standard_normal(16_000)
    samples[4_800:9_600] += 0.2 * random.standard_normal(4_800)
    loud = loud_frames(samples.astype(np.float32))
    assert loud[32:58].all()
    assert not loud[:26].any() and not loud[64:].any()


BOOK = "The old sailor came home. The harbour was quiet."
TRANSCRIPT = BOOK.lower().replace(".", "")


def refined(name, book_id="b", label="READ"):
    place = {"char_start": 0, "char_end": len(BOOK)}
    run = {"label": label, **place, "text_start": 0, "text_end": len(TRANSCRIPT)}
    return {"utterance_id": name, "book_id": book_id, "language": "en", **place, "runs": [run]}


@pytest.fixture
def shelf(tmp_path):
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "b.txt").write_text(BOOK)
    return Bookshelf(tmp_path / "books")


def test_rows_and_rejects_of_a_shard(spoken, tmp_path, shelf):
    samples, _ = spoken
    soundfile.write(tmp_path / "r.flac", np.concatenate([np.zeros(16_000), samples]), 16_000)
    whole = [{"start_sample": 16_000, "end_sample": 16_000 + len(samples)}]
    names = ("good", "short", "cut", "skipped", "bookless")
    recordings = [{"recording_id": "r", "path": "r.flac", "sample_rate_hz": 16_000}]
    transcripts = [{"utterance_id": name, "text": TRANSCRIPT} for name in names]
    slices = dict.fromkeys(names, whole)
    slices["short"] = [{"start_sample": 16_000, "end_sample": 18_000}]
    slices["cut"] = [{"start_sample": 16_000, "end_sample": 10**8}]
    utterances = [{"utterance_id": n, "recording_id": "r", "slices": slices[n]} for n in names]
    rows = [refined("good"), refined("short"), refined("cut"), refined("skipped", label="SKIPPED"),
            refined("bookless", book_id="c")]  # fmt: skip
    results = list(
        words_pocketsphinx(
            recordings, utterances, transcripts, rows, tmp_path, shelf, WordsPocketsphinxOptions()
        )
    )
    words = [row for row in results if not isinstance(row, Reject)]
    assert {row["utterance_id"] for row in words} == {"good"}
    assert [row["word"] for row in words] == BOOK.replace(".", "").split()
    assert [row["index"] for row in words] == list(range(9))
    assert all(row["start_ms"] < row["end_ms"] for row in words)
    assert all(a["end_ms"] <= b["start_ms"] for a, b in itertools.pairwise(words))
    assert all(row["recording_start_ms"] == row["start_ms"] + 1000 for row in words)
    assert {r.id: r.reason for r in results if isinstance(r, Reject)} == {
        "short": "alignment_failed", "cut": "audio_truncated", "skipped": "alignment_failed",
        "bookless": "book_missing",
    }  # fmt: skip
