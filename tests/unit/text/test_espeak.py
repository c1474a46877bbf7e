"""The espeak-ng driver: every word is timed, and nothing depends on what was spoken before."""

from itertools import pairwise

import numpy as np
import pytest

from aubert.text import espeak
from aubert.text.espeak import Voice

# Words that espeak joins in running text, vowels after nasals and liquids, single letters.
WORDS = "in the morning a man had been there for an hour and i saw all of it".split()
MARKS = [""] * 3 + [","] + [""] * (len(WORDS) - 5) + ["."]
VOICE = Voice(name="en-us+f2")


def test_each_word_is_one_interval_and_phones_fill_it():
    with espeak.session() as engine:
        speech = engine.say(WORDS, MARKS, VOICE)
    assert [word.label for word in speech.words] == WORDS
    for before, word in pairwise(speech.words):
        assert before.start < before.end <= word.start
    assert speech.words[-1].end == len(speech.samples)
    for word in speech.words:
        phones = [phone for phone in speech.phones if word.start <= phone.start < word.end]
        assert phones[0].start == word.start and phones[-1].end == word.end


def test_speech_is_silent_outside_of_its_words():
    with espeak.session() as engine:
        speech = engine.say(["stop", "then", "go"], ["!", ",", "."], Voice(name="en-us+Mario"))
    inside = np.zeros(len(speech.samples), bool)
    for word in speech.words:
        inside[word.start : word.end] = True
    samples = speech.samples.astype(float)
    assert (~inside).sum() > 0.3 * espeak.SAMPLE_RATE_HZ
    assert np.mean(samples[~inside] ** 2) < 1e-4 * np.mean(samples[inside] ** 2)


@pytest.mark.parametrize("name", ["en-us+f2", "gmw/en-GB-x-rp+m3", "en-us+edward2"])
def test_a_session_forgets_the_one_before(name):
    voice = Voice(name=name)
    first, second = (spoken_after(voice, other) for other in (["one"], ["other", "words"]))
    assert np.array_equal(first.samples, second.samples) and first.words == second.words


def spoken_after(voice: Voice, other: list[str]) -> espeak.Speech:
    with espeak.session() as engine:
        engine.say(other, [""] * len(other), VOICE)
    with espeak.session() as engine:
        return engine.say(WORDS, MARKS, voice)


def test_voice_settings_change_the_speech():
    with espeak.session() as engine:
        fast = engine.say(WORDS, MARKS, Voice(name="en-us+m3", rate_wpm=260))
        slow = engine.say(WORDS, MARKS, Voice(name="en-us+m3", rate_wpm=130))
    assert len(slow.samples) > 1.5 * len(fast.samples)


def test_phonemes_of_a_word():
    with espeak.session() as engine:
        assert engine.phonemes("church") == ["tʃ", "ˈɜː", "tʃ"]
