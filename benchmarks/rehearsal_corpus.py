"""The corpus of rehearsal.py: synthetic speakers in a tar as Libri-Light's, and a server of it."""

from __future__ import annotations

import json
import mmap
import random
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path, PurePosixPath

from real_recordings import ROOT

from aubert.files import complete, write_bytes
from aubert.mini.books import EVERY_STORY, STORIES, chapters, story_bytes, story_text
from aubert.mini.cast import READERS, SUBSET, UNKNOWN_BOOK_ID, Assignment, Reader
from aubert.mini.write import RECORDINGS_DIR, make_recordings

sys.path.insert(0, str(ROOT / "tests"))

# The archive for which the publisher names no checksum: any tar can stand in for it.
ARTEFACT, ARCHIVE, TAR_SUBSET = "librilight-duplicate", "duplicate.tar", "duplicate"
SPEAKERS_PER_SHARD = 2
NO_VAD_SHARE, UNKNOWN_SHARE = 0.2, 0.05
NUM_DISTRACTORS, DISTRACTOR_WORDS = 60, 20_000
BATCH = 24  # chapters that are synthesised before their hours are counted


def make_corpus(folder: Path, hours: float, num_speakers: int, seed: int) -> Path:
    """Chapters until there are so many hours, then folder/duplicate.tar; returns its path. What is
    there is not made again."""
    archive = folder / ARCHIVE
    if archive.exists():
        return archive
    readers = speakers(num_speakers, seed)
    seconds = 0.0
    planned = list(readings(list(readers), seed))
    for start in range(0, len(planned), BATCH):
        batch = planned[start : start + BATCH]
        jsons = {one: folder / RECORDINGS_DIR / f"{one.recording_id}.json" for one in batch}
        wanted = [one for one, path in jsons.items() if not path.exists()]
        make_recordings(folder, wanted, seed=seed, jobs=2, readers=readers)
        seconds += sum(json.loads(path.read_text())["file_length_sec"] for path in jsons.values())
        print(f"synthesised: {seconds / 3600:.2f} of {hours:g} hours", flush=True)
        if seconds >= hours * 3600:
            break
    else:
        raise SystemExit(f"{num_speakers} speakers read no {hours:g} hours: take more --shards")
    with complete(archive) as part, tarfile.open(part, "w") as tar:
        tar.add(folder / RECORDINGS_DIR / SUBSET, arcname=TAR_SUBSET)
    return archive


def speakers(number: int, seed: int) -> dict[str, Reader]:
    """By id: the miniature corpus's ten voices, each with a rate, pitch and range of its own, which
    the network has not learned."""
    chance, found = random.Random(seed), {}
    for place in range(number):
        base = list(READERS.values())[place % len(READERS)]
        voice = replace(
            base.voice,
            rate_wpm=round(base.voice.rate_wpm * chance.uniform(0.94, 1.06)),
            pitch=base.voice.pitch + chance.randint(-8, 8),
            pitch_range=base.voice.pitch_range + chance.randint(-10, 10),
        )
        reader_id = str(2001 + 2 * place)
        found[reader_id] = replace(
            base, id=reader_id, voice=voice, has_voice_activity=chance.random() >= NO_VAD_SHARE
        )
    return found


def readings(reader_ids: list[str], seed: int) -> Iterator[Assignment]:
    """Every speaker reads a whole book, then each another one; of some the json names a book that
    there is not."""
    chance, books = random.Random(seed), list(STORIES)
    for turn, (place, reader_id) in product(range(len(books)), enumerate(reader_ids)):
        book_id = books[(turn + place) % len(books)]
        for chapter in chapters(book_id):
            is_unknown = chance.random() < UNKNOWN_SHARE
            stated = UNKNOWN_BOOK_ID if is_unknown else book_id
            yield Assignment(
                reader=reader_id, book_id=book_id, chapter=chapter.number, stated_book_id=stated
            )


def recordings_in(archive: Path) -> set[str]:
    """Their ids, as the index names them."""
    with tarfile.open(archive) as tar:
        return {str(PurePosixPath(one.name).with_suffix("")) for one in tar if one.isfile()}


def lay_distractors(books_dir: Path, seed: int) -> None:
    """Books that nobody reads: those of other languages, and the words of the read ones at
    random."""
    chance = random.Random(seed)
    for story in EVERY_STORY.values():
        if story.id not in STORIES:
            write_bytes(books_dir / story.file_name, story_bytes(story.id))
    words = [word for book_id in STORIES for word in story_text(book_id).split()]
    for number in range(NUM_DISTRACTORS):
        drawn = chance.choices(words, k=DISTRACTOR_WORDS)
        lines = "\n".join(" ".join(drawn[at : at + 12]) for at in range(0, len(drawn), 12))
        write_bytes(books_dir / f"distractor_{number:03}.txt", lines.encode())


@contextmanager
def served(archive: Path, seed: int) -> Iterator:
    """A server of the archive and of the texts that were read, by <book id>.txt. It drops the
    first connections midway, says once that it is busy, and forgets Range once."""
    from flaky_server import serving

    chance, size = random.Random(seed), archive.stat().st_size
    drops = [("drop", round(size * chance.uniform(0.05, 0.3))) for _ in range(4)]
    faults = [*drops[:2], ("status", 503), drops[2], "no_range"]
    texts = {f"{book_id}__txt": story_bytes(book_id) for book_id in STORIES}
    with archive.open("rb") as file:
        # Not closed: a connection that was dropped may still hold a view of it.
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    with serving(**{ARCHIVE.replace(".", "__"): view}, **texts) as server:
        server.faults += faults
        yield server
