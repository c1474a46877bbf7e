"""What readers do with their voices follows from the text, and is in the sound."""

from dataclasses import replace

import numpy as np
import pytest

from aubert.mini import books, reading
from aubert.mini.prosody import manners
from aubert.text import espeak
from aubert.text.espeak import Voice
from aubert.text.normalise import tokenize

VOICE = Voice(name="en-us+f2")


def lines(text: str) -> list[reading.Line]:
    return reading.read_plainly(text, books.sentences(text, tokenize(text), len(text)))


def spoken(text: str) -> list[tuple[str, reading.SpokenWord]]:
    return [(word.written, word) for line in lines(text) for word in line.words]


@pytest.mark.parametrize("marks", ["“”", '""'])
def test_quotations_are_found_over_sentences_and_end_with_their_paragraph(marks):
    start, end = marks
    text = f"He said, {start}Go now. Run!{end} They ran.\n\n{start}No,{end} said Ann."
    text += "\n\nAll _was_ well."
    quoted = [word for word, each in spoken(text) if each.quoted]
    assert quoted == ["Go", "now", "Run", "No"]
    assert [word for word, each in spoken(text) if each.emphasised] == ["was"]


def test_a_quotation_is_livelier_than_narration():
    (narrated,) = lines("They will stop the train now.")
    (quoted,) = lines("“They will stop the train now.”")
    for plain, lively in zip(manners(narrated.words), manners(quoted.words), strict=True):
        assert all(more > less for more, less in zip(lively, plain, strict=True))
    beside = manners(lines("“No,” said the girl.")[0].words)
    assert max(each.pitch for each in beside[1:]) < beside[0].pitch


def test_the_voice_fades_through_a_sentence_and_comes_again_after_a_comma():
    first, *middle, last = manners(lines("The boys let the rope run down into the well.")[0].words)
    assert first.level_db > middle[4].level_db > last.level_db
    comma = manners(lines("They ran down the stairs, and the train stood there.")[0].words)
    assert comma[4].level_db < comma[5].level_db < comma[0].level_db
    # Pitch and rate change between phrases alone.
    assert len({(each.pitch, each.rate) for each in comma[:5]}) == 1
    assert comma[5].pitch < comma[4].pitch
    stated, asked, cried = (
        manners(lines(f"They will stop the train{mark}")[0].words)[2] for mark in ".?!"
    )
    assert asked.pitch > stated.pitch < cried.pitch and cried.level_db > stated.level_db


def test_each_word_is_spoken_as_its_voice_says():
    words, marks = "we saw you there today".split(), ["", "", "", "", "."]
    high = [replace(VOICE, pitch=80 if i == 2 else 50) for i in range(5)]
    slow = [replace(VOICE, rate_wpm=110 if i == 4 else 165) for i in range(5)]
    with espeak.session() as engine:
        plain, higher, slower, again = (
            engine.say(words, marks, voice) for voice in (VOICE, high, slow, VOICE)
        )
    rises = [pitch_hz(higher, place) / pitch_hz(plain, place) for place in range(5)]
    assert rises[2] > 1.2 and all(abs(rises[place] - 1) < 0.1 for place in (0, 1, 3, 4))
    lengths = [
        (b.end - b.start) / (a.end - a.start)
        for a, b in zip(plain.words, slower.words, strict=True)
    ]
    assert lengths[4] > 1.3 and max(lengths[:3]) < 1.1
    # What one sentence changed does not reach into the next.
    assert [pitch_hz(again, place) for place in range(5)] == pytest.approx(
        [pitch_hz(plain, place) for place in range(5)], rel=0.05
    )


def pitch_hz(speech: espeak.Speech, place: int) -> float:
    """The median over the word's frames, by autocorrelation."""
    word = speech.words[place]
    samples = speech.samples[word.start : word.end].astype(float)
    shortest, longest = (round(espeak.SAMPLE_RATE_HZ / hz) for hz in (450, 80))
    found = []
    for start in range(0, len(samples) - 1024, 256):
        frame = samples[start : start + 1024] - samples[start : start + 1024].mean()
        lags = np.correlate(frame, frame, "full")[len(frame) - 1 :]
        lag = shortest + int(lags[shortest:longest].argmax())
        if lags[0] > 0 and lags[lag] > 0.5 * lags[0]:
            found.append(espeak.SAMPLE_RATE_HZ / lag)
    return float(np.median(found))
