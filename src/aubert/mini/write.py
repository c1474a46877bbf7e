"""The miniature corpus on disk: Libri-Light's layout, books, a labelled split, references."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from aubert import tables
from aubert.audio import SAMPLE_RATE_HZ
from aubert.files import write_bytes, write_json
from aubert.mini.books import STORIES, URL, story_bytes
from aubert.mini.cast import (
    ASSIGNMENTS,
    HELD_OUT_BOOKS,
    READERS,
    TRAIN_BOOKS,
    TRAIN_SPEAKERS,
    UNSEEN_SPEAKERS,
    Assignment,
)
from aubert.mini.labelled import (
    DEV_DIR,
    FINETUNING_DIR,
    Sound,
    Utterance,
    make_utterance,
    plan_utterances,
    write_transcripts,
)
from aubert.mini.recordings import Recording, make_recording
from aubert.processes import in_processes
from aubert.progress import progress

RECORDINGS_DIR = "librilight"
MANIFEST = "manifest.json"


def make_mini(root: Path, *, seed: int = 0, jobs: int = 1) -> dict:
    """Synthesises the corpus into `root` and returns its manifest.

    jobs: processes; the bytes that are written do not depend on it. manifest.json is
    written last, so where it stands the corpus is complete.
    Raises ValueError when espeak-ng is not installed, or when `root` holds files of
    something else.
    """
    utterances = plan_utterances()
    _check_free(root, utterances)
    (root / MANIFEST).unlink(missing_ok=True)
    _write_books(root)
    made = make_recordings(root, ASSIGNMENTS, seed=seed, jobs=jobs)
    make = partial(make_utterance, root=root, seed=seed)
    items = in_processes(make, utterances, jobs)
    total = len(utterances)
    sounds = list(progress(items, what="labelled speech", total=total, unit="utterance"))
    write_transcripts(root, utterances)
    _write_references(root / "reference", made)
    manifest = _manifest(seed, made, utterances, sounds)
    write_json(root / MANIFEST, manifest)
    return manifest


def make_recordings(
    root: Path, assignments: Sequence[Assignment], *, seed: int = 0, jobs: int = 1
) -> list[Recording]:
    """Synthesises the recordings with their jsons under root/librilight; keeps the order."""
    make = partial(make_recording, base=root / RECORDINGS_DIR, seed=seed)
    items = in_processes(make, assignments, jobs)
    return list(progress(items, what="recordings", total=len(assignments), unit="recording"))


def _write_books(root: Path) -> None:
    for story in STORIES.values():
        write_bytes(root / "books" / story.file_name, story_bytes(story.id))
    meta = {
        story.id: {"url": f"{URL}{story.id}", "name": story.file_name} for story in STORIES.values()
    }
    write_json(root / "book_meta.json", meta)


def _write_references(folder: Path, made: Sequence[Recording]) -> None:
    for name in ("words", "phones", "skips"):
        rows = [row for recording in made for row in getattr(recording, name)]
        tables.write(folder / f"{name}.parquet", f"reference_{name}", rows)
    splits = {
        "speakers": {"train": list(TRAIN_SPEAKERS), "unseen": list(UNSEEN_SPEAKERS)},
        "books": {"train": list(TRAIN_BOOKS), "held_out": list(HELD_OUT_BOOKS)},
    }
    write_json(folder / "splits.json", splits)


def _manifest(
    seed: int,
    made: Sequence[Recording],
    utterances: Sequence[Utterance],
    sounds: Sequence[Sound],
) -> dict:
    hour = SAMPLE_RATE_HZ * 3600
    return {
        "corpus": "aubert miniature corpus",
        "seed": seed,
        "num_recordings": len(made),
        "hours": round(sum(each.num_samples for each in made) / hour, 4),
        "num_speakers": len(READERS),
        "num_books": len(STORIES),
        "num_labelled_utterances": len(utterances),
        "labelled_hours": round(sum(sound.num_samples for sound in sounds) / hour, 4),
        "recordings": {each.recording_id: each.sha256 for each in made},
        "labelled": {
            utterance.path: sound.sha256
            for utterance, sound in zip(utterances, sounds, strict=True)
        },
    }


def _check_free(root: Path, utterances: Sequence[Utterance]) -> None:
    """Files of another corpus would be taken for ours, and never be cleaned up."""
    ours = {f"books/{story.file_name}" for story in STORIES.values()}
    for assignment in ASSIGNMENTS:
        stem = f"{RECORDINGS_DIR}/{assignment.recording_id}"
        ours |= {f"{stem}.flac", f"{stem}.json"}
    for utterance in utterances:
        ours |= {utterance.path, utterance.transcript_path}
    for folder in ("books", RECORDINGS_DIR, FINETUNING_DIR, DEV_DIR):
        for path in sorted((root / folder).rglob("[!.]*")):  # dots: what an interrupted run left
            if path.is_file() and path.relative_to(root).as_posix() not in ours:
                raise ValueError(
                    f"{path} is not of the miniature corpus: choose an empty folder for it, "
                    f"or delete {root / folder} if an earlier version left it there"
                )
