"""The miniature corpus: what is spoken is what the references say."""

import hashlib
import json
import re
import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from aubert import tables
from aubert.mini import books, cast, labelled, make_mini, reading, recordings, write
from aubert.mini.phrases import PHRASES
from aubert.mini.write import make_recordings
from aubert.text.languages import PACKS
from aubert.text.normalise import spoken_words, tokenize

RATE_HZ = 16_000


def chosen(*wanted: tuple[str, str, int]) -> list[cast.Assignment]:
    return [
        each for each in cast.ASSIGNMENTS if (each.reader, each.book_id, each.chapter) in wanted
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three recordings: with footnotes, with a refrain, and of a book in Latin-1."""
    root = tmp_path_factory.mktemp("mini")
    assignments = chosen(("311", "2305", 2), ("405", "2306", 1), ("512", "2307", 1))
    recordings = make_recordings(root, assignments)
    samples = {
        each.recording_id: soundfile.read(root / f"librilight/{each.recording_id}.flac")[0]
        for each in recordings
    }
    return root, assignments, recordings, samples


def test_words_are_the_books_words_in_order_and_inside_the_audio(made):
    _, assignments, recordings, samples = made
    for assignment, recording in zip(assignments, recordings, strict=True):
        text = books.story_text(assignment.book_id)
        duration_s = len(samples[recording.recording_id]) / RATE_HZ
        read = [word for word in recording.words if word["label"] == "READ"]
        assert len(read) > 150
        for word in read:
            assert text[word["char_start"] : word["char_end"]] == word["word"]
            assert word["spoken"].split() == spoken_words(word["word"]) or word["word"] in "IVX"
        starts = [word["char_start"] for word in read]
        assert starts == sorted(set(starts))
        assert [word["index"] for word in recording.words] == list(range(len(recording.words)))
        assert recording.words[0]["start_s"] > 0.4
        for before, word in pairwise(recording.words):
            assert before["start_s"] < before["end_s"] <= word["start_s"]
        assert recording.words[-1]["end_s"] < duration_s - 0.9


def test_every_word_of_the_chapter_is_read_once_or_skipped(made):
    _, assignments, recordings, _ = made
    for assignment, recording in zip(assignments, recordings, strict=True):
        chapter = books.chapters(assignment.book_id)[assignment.chapter - 1]
        start, end = chapter.paragraphs[0].char_start, chapter.paragraphs[-1].char_end
        covers = Counter(word["char_start"] for word in recording.words if word["label"] == "READ")
        for token in tokenize(books.story_text(assignment.book_id)):
            if start <= token.char_start < end:
                covers[token.char_start] += sum(
                    skip["char_start"] < token.char_end and token.char_start < skip["char_end"]
                    for skip in recording.skips
                )
        assert set(covers.values()) == {1}
        assert min(covers) >= start and max(covers) < end


def test_energy_lies_in_the_words_and_not_in_the_pauses(made):
    _, _, recordings, samples = made
    for recording in recordings:
        waveform = samples[recording.recording_id]
        edges = [0.0, *(edge for word in recording.words for edge in times(word))]
        edges.append(len(waveform) / RATE_HZ)
        pauses = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 0.6]
        assert len(pauses) >= 5
        floor_db = max(level_db(waveform, *pause) for pause in pauses)
        levels_db = [level_db(waveform, *times(word)) for word in recording.words]
        assert np.mean(np.array(levels_db) > floor_db + 6) > 0.97
        assert 0.01 < np.abs(waveform).max() < 0.99


def test_phones_fill_their_words(made):
    _, _, recordings, _ = made
    for recording in recordings:
        starts = {word["start_s"] for word in recording.words}
        phones = recording.phones
        assert starts <= {phone["start_s"] for phone in phones}
        for before, phone in pairwise(phones):
            assert before["start_s"] < before["end_s"] <= phone["start_s"]


def test_bytes_depend_on_neither_processes_nor_order(made, tmp_path):
    root, assignments, _, _ = made
    make_recordings(tmp_path, assignments[::-1][:2], jobs=2)
    assert len(digests(tmp_path)) == 4  # two recordings and their jsons
    assert digests(tmp_path).items() <= digests(root).items()


def test_another_seed_reads_otherwise(made, tmp_path):
    root, assignments, _, _ = made
    make_recordings(tmp_path, assignments[:1], seed=1)
    assert not digests(tmp_path).items() & digests(root).items()


def test_readers_that_are_given_read_with_their_voices(made, tmp_path):
    _, assignments, recordings, _ = made
    own = replace(cast.READERS["311"], id="9", has_voice_activity=False)
    (read,) = make_recordings(tmp_path, [replace(assignments[0], reader="9")], readers={"9": own})
    described = json.loads((tmp_path / f"librilight/{read.recording_id}.json").read_text())
    assert described["speaker"] == "9" and "voice_activity" not in described
    assert read.sha256 != recordings[0].sha256  # another room, other slips


def test_json_is_libri_lights(made):
    root, assignments, recordings, samples = made
    for assignment, recording in zip(assignments, recordings, strict=True):
        path = root / f"librilight/{recording.recording_id}.json"
        described = json.loads(path.read_text(encoding="utf-8"))
        assert described["speaker"] == assignment.reader
        assert described["book_meta"]["id"] == assignment.book_id
        duration_s = len(samples[recording.recording_id]) / RATE_HZ
        assert described["file_length_sec"] == pytest.approx(duration_s, abs=1e-3)
        activity = described["voice_activity"]
        assert all(a < b for a, b in activity)
        assert all(a[1] <= b[0] for a, b in pairwise(activity))
        assert activity[0][0] >= 0 and activity[-1][1] <= duration_s
        for word in recording.words:
            assert any(a <= word["start_s"] and word["end_s"] <= b for a, b in activity)


def test_manifest_comes_last_and_counts_what_is_there(tmp_path, monkeypatch):
    english = replace(cast.CASTS["en"], assignments=tuple(chosen(("311", "2305", 2))))
    monkeypatch.setitem(write.CASTS, "en", english)
    utterances = labelled.plan_utterances()[:3]
    monkeypatch.setattr(write, "plan_utterances", lambda cast: utterances)
    manifest = make_mini(tmp_path)
    assert json.loads((tmp_path / "manifest.json").read_text()) == manifest
    assert manifest["num_recordings"] == 1 and manifest["num_labelled_utterances"] == 3
    found = digests(tmp_path / "librilight")
    for recording_id, sha256 in manifest["recordings"].items():
        assert found[f"{recording_id}.flac"] == sha256
    for name in ("words", "phones", "skips"):
        table = tables.read(tmp_path / f"reference/{name}.parquet", f"reference_{name}")
        assert table.num_rows > 0
    transcripts = sorted((tmp_path / "librispeech_finetuning").rglob("*.trans.txt"))
    lines = "".join(path.read_text() for path in transcripts).splitlines()
    flacs = {path.stem for path in (tmp_path / "librispeech_finetuning").rglob("*.flac")}
    assert {line.split()[0] for line in lines} == flacs == {each.id for each in utterances}

    stray = tmp_path / "librilight/small/1/book/chapter.flac"
    stray.parent.mkdir(parents=True)
    stray.touch()
    with pytest.raises(ValueError, match=r"chapter\.flac is not of the miniature corpus"):
        make_mini(tmp_path)


def test_labelled_speech_keeps_voices_and_books_apart():
    utterances = labelled.plan_utterances()
    read = {(each.reader, each.book_id, each.chapter) for each in cast.ASSIGNMENTS}
    for each in utterances:
        text = books.story_text(each.book_id)
        spans = [(one.tokens[0].char_start, one.tokens[-1].char_end) for one in each.sentences]
        passage = " ".join(text[start:end] for start, end in spans)
        assert each.transcript.lower().split() == spoken_words(passage)
        if each.folder.startswith("librispeech_finetuning/"):
            assert each.speaker in cast.TRAIN_SPEAKERS and each.book_id in cast.TRAIN_BOOKS
            assert (each.speaker, each.book_id, int(each.chapter_id[-1])) not in read
        else:
            assert each.book_id in cast.HELD_OUT_BOOKS
            assert (each.speaker in cast.UNSEEN_SPEAKERS) == each.folder.endswith("dev-unseen")
    assert len({each.path for each in utterances}) == len(utterances)


def test_labelled_folders_hold_what_their_names_say():
    words = Counter()
    for each in labelled.plan_utterances():
        words[each.folder] += len(each.transcript.split())
    parts = {f"librispeech_finetuning/1h/{n}" for n in range(6)}
    assert {folder.rsplit("/", 1)[0] for folder in words if "/1h/" in folder} == parts
    hour = sum(count for folder, count in words.items() if "/1h/" in folder)
    nine = sum(count for folder, count in words.items() if "/9h/" in folder)
    assert 0.05 < hour / nine < 0.2
    assert words["librispeech/dev-seen"] > 1000 and words["librispeech/dev-unseen"] > 1000


def test_asides_stand_away_from_skipped_text():
    asides = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        made = reading.read_chapter("2301", 1, "Clara Munn", random)
        read = [i for i, line in enumerate(made.lines) if line.words[-1].label == "READ"]
        for before, after in pairwise(read):
            if after - before > 1:
                asides += 1
                start = made.lines[before].words[-1].char_end
                end = made.lines[after].words[-1].char_start
                assert not any(start <= skip.char_start < end for skip in made.skips)
    assert asides > 5


def test_announcements_do_not_run_into_headings():
    """A number just before a heading that is not read could be either."""
    preambles = [each for phrases in PHRASES.values() for each in phrases.preambles]
    for preamble in preambles:
        assert "{n}" in preamble and "{n}" not in preamble.split(". ")[-1].rstrip(".").split()[-1]


def test_rooms_are_quiet_and_differ():
    rooms = [recordings._room(np.random.default_rng(seed)) for seed in range(60)]
    assert 20 <= min(room.snr_db for room in rooms) < 23 and max(r.snr_db for r in rooms) > 32
    assert {room.noise for room in rooms} == {"white", "pink", "hum"}


def test_splits_leave_voices_and_books_out():
    assert len(cast.READERS) >= 10 and len(cast.UNSEEN_SPEAKERS) >= 2
    assert len(cast.HELD_OUT_BOOKS) >= 2
    assert {each.reader for each in cast.ASSIGNMENTS} == set(cast.READERS)
    voices = {reader.voice for reader in cast.READERS.values()}
    assert len(voices) == len(cast.READERS)
    for book_id in cast.HELD_OUT_BOOKS:
        readers = {each.reader for each in cast.ASSIGNMENTS if each.book_id == book_id}
        assert readers & set(cast.UNSEEN_SPEAKERS) and readers & set(cast.TRAIN_SPEAKERS)
    assert sum(not reader.has_voice_activity for reader in cast.READERS.values()) >= 2
    unknown = [each for each in cast.ASSIGNMENTS if each.stated_book_id != each.book_id]
    assert [each.stated_book_id in books.STORIES for each in unknown] == [False]
    whole = Counter((each.reader, each.book_id) for each in cast.ASSIGNMENTS)
    assert any(count == len(books.chapters(book)) for (_, book), count in whole.items())


@pytest.mark.parametrize("book_id", books.STORIES)
def test_story_is_a_book(book_id):
    text = books.story_text(book_id)
    found = books.chapters(book_id)
    paragraphs = [paragraph for chapter in found for paragraph in chapter.paragraphs]
    assert len(found) == 3
    words = [t for p in paragraphs for sentence in p.sentences for t in sentence.tokens]
    assert 600 <= len(words) <= 1100
    body = text[paragraphs[0].char_start : paragraphs[-1].char_end]
    assert "GUTENBERG" not in body.upper() and "etext" not in body
    assert all(chapter.paragraphs[0].kind == "heading" for chapter in found)
    assert max(map(len, text.splitlines())) <= 72


def test_stories_hold_what_makes_books_hard():
    texts = {story.slug: books.story_text(id) for id, story in books.STORIES.items()}
    data = {story.slug: books.story_bytes(id) for id, story in books.STORIES.items()}
    everything = "\n".join(texts.values())
    assert sum("*** START OF THE PROJECT GUTENBERG" in text for text in texts.values()) == 10
    assert [slug for slug, each in data.items() if b"\r\n" in each] == ["the_hundredth_loaf"]
    with pytest.raises(UnicodeDecodeError):
        data["the_garden_behind_the_cafe"].decode("utf-8")
    assert "café" in texts["the_garden_behind_the_cafe"]
    kinds = Counter(
        paragraph.kind
        for book_id in books.STORIES
        for chapter in books.chapters(book_id)
        for paragraph in chapter.paragraphs
    )
    assert kinds["epigraph"] >= 3 and kinds["footnote"] >= 3
    for pattern in (
        "Mr\\.", "Mrs\\.", "Dr\\.", "St\\.", r"\b1848\b", r"\b3rd\b", r"2,500", "£40", r"\w—\w",
        r"\w--\w", r"\[1\]", r"\.\*", r"\b_\w+_\b", "“", '"', "’", "'", "twenty-two",
    ):  # fmt: skip
        assert re.search(pattern, everything), pattern


@pytest.mark.parametrize(("book_id", "numbers"), [("2301", (1, 2)), ("2306", (1, 1))])
def test_refrain_is_read_twice(book_id, numbers):
    """Once in each of two chapters of a reader, and twice in one chapter."""
    sentences = Counter()
    for number in set(numbers):
        for paragraph in books.chapters(book_id)[number - 1].paragraphs:
            spoken = tuple(w for s in paragraph.sentences for t in s.tokens for w in t.spoken)
            sentences[spoken] += 1
    repeated = [words for words, count in sentences.items() if count == 2]
    assert [len(words) >= 25 for words in repeated] == [True]
    readers = [
        {each.reader for each in cast.ASSIGNMENTS if (each.book_id, each.chapter) == (book_id, n)}
        for n in numbers
    ]
    assert set.intersection(*readers)


def test_without_espeak_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(ValueError, match=r"pip install 'aubert\[espeak\]'"):
        make_mini(tmp_path)
    assert not (tmp_path / "manifest.json").exists()


def times(word: dict) -> tuple[float, float]:
    return word["start_s"], word["end_s"]


def level_db(samples: np.ndarray, start_s: float, end_s: float) -> float:
    piece = samples[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]
    return 10 * np.log10(np.mean(piece**2) + 1e-12)


def digests(root) -> dict[str, str]:
    """Path below the subset's parent -> sha256, of every file."""
    base = root / "librilight" if (root / "librilight").is_dir() else root
    return {
        path.relative_to(base).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in base.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("language", ["de", "fr", "es"])
def test_another_language_has_its_own_corpus(language, tmp_path):
    """Stories, voices and announcements of the language; the same splits."""
    of = cast.CASTS[language]
    assert len(of.books) == 5 and len(of.readers) == 10
    assert {each.reader for each in of.assignments} == set(of.readers)
    for book_id in of.books:
        text, found = books.story_text(book_id), books.chapters(book_id)
        words = [t for c in found for p in c.paragraphs for s in p.sentences for t in s.tokens]
        assert len(found) == 2 and 220 <= len(words) <= 340
        assert all(chapter.paragraphs[0].kind == "heading" for chapter in found)
        assert max(map(len, text.splitlines())) <= 100
    utterances = labelled.plan_utterances(of)
    assert {each.speaker for each in utterances} == set(of.readers)
    assert set(PACKS[language].own_letters) & set("".join(each.transcript for each in utterances))
    (made,) = make_recordings(tmp_path, of.assignments[:1])
    read = [word for word in made.words if word["label"] == "READ"]
    text = books.story_text(of.assignments[0].book_id)
    assert all(text[word["char_start"] : word["char_end"]] == word["word"] for word in read)
    described = json.loads((tmp_path / f"librilight/{made.recording_id}.json").read_text("utf-8"))
    assert described["book_meta"]["language"] == PACKS[language].name


def test_a_language_without_stories_is_refused(tmp_path):
    with pytest.raises(ValueError, match="the miniature corpus is in en, de, fr, es, not in it"):
        make_mini(tmp_path, language="it")
