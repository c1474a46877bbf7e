"""German through pocketsphinx's English model, and models of other languages."""

from itertools import pairwise

import numpy as np
import pocketsphinx
import pytest

from aubert import audio
from aubert.align.words_pocketsphinx import (
    Aligner,
    WordsPocketsphinxOptions,
    words_pocketsphinx,
)
from aubert.corpus.books import Bookshelf
from aubert.evaluate.wer import word_errors
from aubert.stage import Reject
from aubert.text import espeak
from aubert.text.espeak import Voice
from aubert.text.languages import PACKS
from aubert.text.normalise import spoken_words
from aubert.text.pronounce import _CMU, SPOKEN_WITH_CMU, pronounce
from aubert.text.pronunciations import pronunciations, read_dictionary
from aubert.transcribe import pocketsphinx as backend
from aubert.transcribe.pocketsphinx import PocketsphinxOptions, recognise, unread


def recording(book_id="book", language=None) -> dict:
    return {"recording_id": "r", "path": "01.flac", "book_id": book_id, "speaker": "1",
            "language": language, "sample_rate_hz": 16_000}  # fmt: skip


def whole(path) -> dict:
    num_samples = audio.probe(path).num_samples
    return {"utterance_id": "r_0000", "recording_id": "r", "index": 0, "num_samples": num_samples,
            "slices": [{"start_sample": 0, "end_sample": num_samples}]}  # fmt: skip


def test_a_german_book_is_read(faults):
    """K5. As English it is a fault that names the language; as German its words are found."""
    folder = faults / "K5-german/in/German"
    rows = [whole(folder / "01.flac")]
    (reject,) = recognise([recording()], rows, folder, Bookshelf(folder), PocketsphinxOptions())
    assert isinstance(reject, Reject) and reject.reason == "language_unread"
    assert "is German (de), and was to be read as English (en)" in reject.detail
    german = Bookshelf(folder, language="de")
    (row,) = recognise([recording()], rows, folder, german, PocketsphinxOptions())
    spoken = spoken_words(german.text("book"), "de")[: len(row["text"].split())]
    assert word_errors(spoken, row["text"].split()) <= 0.2 * len(spoken)


@pytest.mark.parametrize("language", SPOKEN_WITH_CMU)
def test_words_of_other_languages_are_timed(language):
    """Against espeak-ng's own times: its words in each language, by English's phones."""
    text = {
        "de": "Der alte Leuchtturm stand auf der nördlichen Klippe über dem Dorf",
        "fr": "Le vieux phare se dressait au bout de la lande devant la mer",
        "es": "El viejo faro estaba en la costa y cada noche subía el guardián",
    }[language]
    words = spoken_words(text, language)
    with espeak.session() as engine:
        voice = Voice(name=PACKS[language].voice)
        speech = engine.say(words, [""] * (len(words) - 1) + ["."], voice)
    samples = speech.samples.astype(np.float32) / 32768
    rate_hz = espeak.SAMPLE_RATE_HZ
    places = np.arange(0, len(samples), rate_hz / 16_000)
    samples = np.interp(places, np.arange(len(samples)), samples).astype(np.float32)
    quiet = np.random.default_rng(0).normal(0, 1e-3, 8_000).astype(np.float32)
    aligned = Aligner(language).align(np.concatenate([quiet, samples, quiet]), words)
    errors = [
        abs(word.start_s - 0.5 - true.start / rate_hz)
        for word, true in zip(aligned, speech.words, strict=True)
    ]
    assert np.median(errors) < 0.04 and max(errors) < 0.25


@pytest.mark.parametrize("language", SPOKEN_WITH_CMU)
def test_every_sound_of_a_pack_has_a_phone(language):
    phones = set(" ".join([*_CMU.values(), *SPOKEN_WITH_CMU[language].values()]).split())
    words = {word for phrase in PACKS[language].announcements for word in phrase.split()}
    words |= {word for phrase in PACKS[language].chapters(40) for word in phrase.split()}
    found = pronounce(words, language)
    assert found.keys() == words
    assert {phone for entry in found.values() for phone in entry.split()} <= phones
    # "die" is no English word in German, nor "de" in French.
    assert pronunciations(["die", "de"], language) != pronunciations(["die", "de"])


def test_a_model_of_its_own(tmp_path):
    """The English model under another name stands for one of another language."""
    dictionary = tmp_path / "own.dict"
    dictionary.write_text("Haus HH AW S\nhaus(2) HH AW Z\ntür T IY R\n", encoding="utf-8")
    model = pocketsphinx.get_model_path("en-us/en-us")
    assert pronunciations(["haus", "tür", "anders"], "xx", str(dictionary)) == {
        "haus": ("HH AW S", "HH AW Z"), "tür": ("T IY R",)
    }  # fmt: skip
    books = tmp_path / "books"
    books.mkdir()
    (books / "book.txt").write_text("Haus Tür, Tür Haus Haus.", encoding="utf-8")
    options = PocketsphinxOptions(model=model, dictionary=str(dictionary))
    found = backend._recogniser((books / "book.txt",), "xx", options)
    assert found.transcribe(np.zeros(16_000, np.float32)).num_frames > 0
    for wrong in (tmp_path / "absent", tmp_path / "bad"):
        (tmp_path / "bad").write_text("oneword\n")
        with pytest.raises(ValueError, match="is no dictionary of pocketsphinx"):
            read_dictionary(str(wrong))
    with pytest.raises(ValueError, match="not its dictionary"):
        PocketsphinxOptions(model=model)


def test_words_that_a_models_dictionary_lacks_lie_between_their_neighbours(faults, tmp_path):
    """K5 with English's model as one of its own, and German's words in its dictionary but two."""
    folder = faults / "K5-german/in/German"
    shelf = Bookshelf(folder, language="de")
    text = shelf.text("book")
    words = spoken_words(text, "de")
    entries = pronounce(set(words) - {"stand", "jeden"}, "de")
    dictionary = tmp_path / "de.dict"
    dictionary.write_text("".join(f"{word} {phones}\n" for word, phones in entries.items()))
    options = WordsPocketsphinxOptions(
        model=pocketsphinx.get_model_path("en-us/en-us"), dictionary=str(dictionary)
    )
    row = whole(folder / "01.flac")
    end = text.index("Zahl.") + 5
    spoken = " ".join(spoken_words(text[:end], "de"))
    run = {"label": "READ", "char_start": 0, "char_end": end, "text_start": 0,
           "text_end": len(spoken)}  # fmt: skip
    span = {"utterance_id": "r_0000", "book_id": "book", "char_start": 0, "char_end": end,
            "language": "de", "runs": [run]}  # fmt: skip
    transcript = {"utterance_id": "r_0000", "text": spoken}
    found = {}
    for own in (options, WordsPocketsphinxOptions()):
        rows = words_pocketsphinx([recording()], [row], [transcript], [span], folder, shelf, own)
        found[own] = list(rows)
    with_lost, whole_rows = found.values()
    assert [row["word"] for row in with_lost] == [row["word"] for row in whole_rows]
    sure = [row["word"] for row in with_lost if row["confidence"] == 0]
    assert sure == ["stand", "jeden"]
    gaps = [abs(a["start_ms"] - b["start_ms"]) for a, b in zip(with_lost, whole_rows, strict=True)]
    assert np.mean(np.array(gaps) < 100) > 0.9
    assert all(a["end_ms"] <= b["start_ms"] for a, b in pairwise(with_lost))
    english = Bookshelf(folder, language="fr")
    (reject,) = words_pocketsphinx(
        [recording()], [row], [transcript], [span], folder, english, options
    )
    assert reject.reason == "language_unread"


def test_what_pocketsphinx_reads(monkeypatch):
    assert unread(None, "en", "en-GB") is None and unread(None, "en", "de-AT") is None
    sentence = unread(None, "en", "ru")
    assert sentence.startswith("pocketsphinx's own model reads English, and with espeak-ng")
    assert "German, French, Spanish" in sentence and "a CTC checkpoint that reads it" in sentence
    assert unread("models/ru", "ru", "ru") is None
    assert "models/ru reads corpus.language Russian (ru) alone" in unread("models/ru", "ru", "en")
    monkeypatch.setattr(backend, "can_pronounce", lambda: False)
    assert unread(None, "en", "de") is not None
