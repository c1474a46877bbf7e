"""One recording: a chapter read aloud, its json, and what really happened in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aubert.audio import SAMPLE_RATE_HZ
from aubert.files import write_json
from aubert.mini.books import EVERY_STORY, URL, chapters
from aubert.mini.cast import EVERY_READER, Assignment, Reader
from aubert.mini.files import generator, write_flac
from aubert.mini.reading import Skip, read_chapter
from aubert.mini.sound import Performance, Room, TimedWord, perform
from aubert.text import espeak
from aubert.text.languages import english_name

_VAD_PADDING_S, _VAD_MIN_SILENCE_S = 0.1, 0.3


class Recording(NamedTuple):
    """What is known of a recording after its files are written; rows of the reference tables."""

    recording_id: str
    sha256: str
    num_samples: int
    words: list[dict]
    phones: list[dict]
    skips: list[dict]


def make_recording(
    assignment: Assignment, base: Path, seed: int, readers: Mapping[str, Reader] = EVERY_READER
) -> Recording:
    """Synthesises one chapter and writes its FLAC and json under `base`. readers: by id"""
    reader = readers[assignment.reader]
    random = generator(seed, assignment.recording_id)
    reading = read_chapter(assignment.book_id, assignment.chapter, reader.name, random)
    room = _room(random)
    with espeak.session(seed) as engine:
        performance = perform(engine, reading.lines, reader.voice, room, random)
    path = base / f"{assignment.recording_id}.flac"
    sha256 = write_flac(path, performance.samples)
    write_json(path.with_suffix(".json"), _libri_light_json(assignment, reader, room, performance))
    return Recording(
        assignment.recording_id,
        sha256,
        len(performance.samples),
        *_reference_rows(assignment, performance, reading.skips),
    )


def _room(random: np.random.Generator) -> Room:
    return Room(
        level_db=random.uniform(-30, -20),
        snr_db=random.uniform(20, 35),  # quiet rooms, as audiobooks are read in
        noise=("white", "pink", "hum")[random.integers(3)],
        lead_s=random.uniform(0.5, 3),
        tail_s=random.uniform(1, 4),
    )


def _libri_light_json(
    assignment: Assignment, reader: Reader, room: Room, performance: Performance
) -> dict:
    story = EVERY_STORY[assignment.book_id]
    first, last = story.author.split()[0], story.author.split()[-1]
    described = {
        "speaker": reader.id,
        "book_meta": {
            "id": assignment.stated_book_id,
            "title": story.title,
            "url_text_source": f"{URL}{story.id}",
            "language": english_name(story.language),
            "num_sections": str(len(chapters(story.id))),
            "authors": [{"first_name": first, "last_name": last}],
            "genre": ["Short Stories"],
        },
        "snr": round(room.snr_db, 4),
        "file_length_sec": round(len(performance.samples) / SAMPLE_RATE_HZ, 4),
    }
    if reader.has_voice_activity:
        described["voice_activity"] = _voice_activity(performance.words)
    return described


def _voice_activity(words: Sequence[TimedWord]) -> list[list[float]]:
    """Stretches of speech with a little around them, cut at the pauses."""
    stretches: list[list[float]] = []
    for word in words:
        if stretches and word.start_s - stretches[-1][1] < _VAD_MIN_SILENCE_S:
            stretches[-1][1] = word.end_s
        else:
            stretches.append([word.start_s, word.end_s])
    return [
        [round(max(0.0, start_s - _VAD_PADDING_S), 2), round(end_s + _VAD_PADDING_S, 2)]
        for start_s, end_s in stretches
    ]


def _reference_rows(
    assignment: Assignment, performance: Performance, skips: Sequence[Skip]
) -> tuple[list[dict], list[dict], list[dict]]:
    recording_id = assignment.recording_id
    words = [
        {
            "recording_id": recording_id,
            "index": index,
            "book_id": assignment.book_id,
            "label": word.label,
            "word": word.written,
            "spoken": " ".join(word.spoken),
            "char_start": word.char_start,
            "char_end": word.char_end,
            "start_s": start_s,
            "end_s": end_s,
        }
        for index, (word, start_s, end_s) in enumerate(performance.words)
    ]
    phones = [
        {"recording_id": recording_id, "index": index, **phone._asdict()}
        for index, phone in enumerate(performance.phones)
    ]
    return words, phones, [{"recording_id": recording_id, **vars(skip)} for skip in skips]
