import Levenshtein
import numpy as np
import pytest
import soundfile

from aubert import processes
from aubert.corpus.books import Bookshelf
from aubert.stage import Reject
from aubert.text.book_lm import training_sentences
from aubert.text.normalise import spoken_words
from aubert.text.pronunciations import pronunciations, spelled, write_dictionary
from aubert.transcribe import pocketsphinx as backend
from aubert.transcribe.pocketsphinx import PocketsphinxOptions, plain_word, recognise

TEXT = "It was a dark and stormy night. The rain fell in torrents; the lamps struggled.\n"


@pytest.fixture
def shelf(tmp_path):
    books = tmp_path / "books"
    books.mkdir()
    (books / "one.txt").write_text(TEXT)
    (books / "two.txt").write_text("A rose is a rose is a rose.")
    (books / "empty.txt").write_text("\n\n")
    return Bookshelf(books)


def recording(name, path, book_id="one"):
    return {"recording_id": name, "path": path, "book_id": book_id, "sample_rate_hz": 16_000}


def utterance(name, recording_id, *slices):
    pieces = [{"start_sample": start, "end_sample": end} for start, end in slices]
    return {"utterance_id": name, "recording_id": recording_id, "slices": pieces}


def test_training_sentences_hold_the_phrases_the_run_and_announcements():
    sentences = training_sentences([TEXT])
    assert "it was a dark and stormy night".split() in sentences
    assert "the lamps struggled".split() in sentences
    assert spoken_words(TEXT) in sentences
    assert "end of chapter twenty one".split() in sentences


def test_verse_without_punctuation_is_one_run():
    words = ["who"] * 5
    assert training_sentences(["\n".join(words)])[-1] == words


def test_plain_words():
    assert plain_word("and(2)") == "and"
    assert [plain_word(filler) for filler in ("<sil>", "[NOISE]", "++UM++", "(NULL)")] == [""] * 4


def test_a_dictionary_with_variants(tmp_path):
    write_dictionary({"a": ("AH", "EY"), "b": ("B IY",)}, tmp_path / "d")
    assert (tmp_path / "d").read_text() == "a AH\na(2) EY\nb B IY\n"


def test_words_outside_the_dictionary_are_left_out_where_nothing_can_pronounce_them(monkeypatch):
    monkeypatch.setattr("aubert.text.pronunciations.can_pronounce", lambda: False)
    assert set(pronunciations(["rose", "queequeg"])) == {"rose"}


def test_every_word_can_be_spelled():
    import string

    assert spelled("ship's") == "SH IH P S"
    assert all(spelled(letter) for letter in string.ascii_lowercase)


@pytest.mark.parametrize(
    ("book_id", "books"),
    [("one", ("one",)), (None, ("one", "two")), ("nine", ("one", "two")),
     ("empty", ("one", "two"))],
)  # fmt: skip
def test_the_books_behind_the_language_model(shelf, book_id, books):
    row = recording("r", "r.flac", book_id)
    found = backend._books_of(row, "en", shelf, PocketsphinxOptions())
    assert tuple(path.stem for path in found) == books
    assert backend._books_of(row, "en", shelf, PocketsphinxOptions(book_biased=False)) == ()


def test_a_large_shelf_is_no_model(shelf, monkeypatch):
    monkeypatch.setattr(backend, "MAX_SHELF_BYTES", 10)
    assert (
        backend._books_of(recording("r", "r.flac", None), "en", shelf, PocketsphinxOptions()) == ()
    )


def test_a_warning_where_words_cannot_be_pronounced(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr(backend, "can_pronounce", lambda: False)
    with pytest.warns(UserWarning, match="pip install"):
        assert list(recognise([], [], tmp_path, shelf, PocketsphinxOptions())) == []


def test_faults_are_rejects_and_nothing_is_lost(shelf, tmp_path):
    soundfile.write(tmp_path / "quiet.flac", np.zeros(8_000, np.float32), 16_000)
    (tmp_path / "broken.flac").write_bytes(b"fLaC, or not")
    recordings = [recording("a", "broken.flac"), recording("b", "quiet.flac")]
    utterances = [utterance("a_0", "a", (0, 100)), utterance("b_0", "b", (0, 100)),
                  utterance("b_1", "b", (0, 99_000))]  # fmt: skip
    results = list(recognise(recordings, utterances, tmp_path, shelf, PocketsphinxOptions()))
    assert [(r.id, r.reason) for r in results if isinstance(r, Reject)] == [
        ("a_0", "audio_unreadable"), ("b_0", "no_words"), ("b_1", "audio_truncated"),
    ]  # fmt: skip


@pytest.fixture(scope="session")
def sonnets(real):
    """The first two lines of each of two sonnets: a recording's row, utterances, the shelf."""
    root = real / "audiobooks" / "librilight"
    path = next(root.glob("small/9002/*/*.flac")).relative_to(root)
    shelf = Bookshelf(real / "audiobooks" / "books", real / "audiobooks" / "book_meta.json")
    start = int(53.27 * 16_000)  # of the second sonnet
    utterances = [
        utterance("s_0", "s", (0, 112_000)), utterance("s_1", "s", (start, start + 112_000)),
    ]  # fmt: skip
    return root, [recording("s", str(path), "90002")], utterances, shelf


def test_a_real_reading_is_recognised(sonnets):
    root, recordings, utterances, shelf = sonnets
    first, _ = recognise(recordings, utterances, root, shelf, PocketsphinxOptions())
    expected = spoken_words("From fairest creatures we desire increase, That thereby beauty's rose")
    recognised = first["text"].split()
    distance = min(
        Levenshtein.distance(expected, recognised[start : start + len(expected)])
        for start in range(4)
    )
    assert distance <= 2
    assert first["num_frames"] == pytest.approx(700, abs=3)
    assert -10 < first["score"] < 0


def test_a_transcript_does_not_depend_on_what_was_decoded_before(sonnets):
    root, recordings, utterances, shelf = sonnets
    options = PocketsphinxOptions()
    both = list(recognise(recordings, utterances, root, shelf, options))
    backwards = list(recognise(recordings, utterances[::-1], root, shelf, options))
    assert both == backwards[::-1]


def test_processes_that_share_a_recording_change_nothing(sonnets, monkeypatch):
    monkeypatch.setattr(processes, "PART_ITEMS", 1)
    root, recordings, utterances, shelf = sonnets
    given = (recordings, utterances, root, shelf, PocketsphinxOptions())
    results = [list(recognise(*given, jobs)) for jobs in (1, 2)]
    assert results[0] == results[1]
    assert [row["utterance_id"] for row in results[0]] == ["s_0", "s_1"]
