"""The miniature corpus on disk: Libri-Light's layout, books, a labelled split, references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from aubert import tables
from aubert.audio import SAMPLE_RATE_HZ
from aubert.files import write_bytes, write_json
from aubert.mini.books import EVERY_STORY, URL, story_bytes
from aubert.mini.cast import CASTS, EVERY_READER, Assignment, Cast, Reader
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
from aubert.text.languages import pack_of

RECORDINGS_DIR = "librilight"
MANIFEST = "manifest.json"


def make_mini(root: Path, *, seed: int = 0, jobs: int = 1, language: str = "en") -> dict:
    """Synthesises the corpus into `root` and returns its manifest.

    language: BCP 47, of CASTS. jobs: processes; the bytes that are written do not depend on it.
    manifest.json is written last, so where it stands the corpus is complete. Raises ValueError when
    espeak-ng is not installed, when `root` holds files of something else, or when there are no
    stories in the language.
    """
    cast = CASTS.get(pack_of(language).base)
    if cast is None:
        raise ValueError(
            f"corpus.language: the miniature corpus is in {', '.join(CASTS)}, not in {language}"
        )
    utterances = plan_utterances(cast)
    _check_free(root, cast, utterances)
    (root / MANIFEST).unlink(missing_ok=True)
    _write_books(root, cast)
    made = make_recordings(root, cast.assignments, seed=seed, jobs=jobs)
    make = partial(make_utterance, root=root, seed=seed)
    items = in_processes(make, utterances, jobs)
    total = len(utterances)
    sounds = list(progress(items, what="labelled speech", total=total, unit="utterance"))
    write_transcripts(root, utterances)
    _write_references(root / "reference", cast, made)
    manifest = _manifest(seed, cast, made, utterances, sounds)
    write_json(root / MANIFEST, manifest)
    return manifest


def make_recordings(
    root: Path,
    assignments: Sequence[Assignment],
    *,
    seed: int = 0,
    jobs: int = 1,
    readers: Mapping[str, Reader] = EVERY_READER,
) -> list[Recording]:
    """Synthesises the recordings with their jsons under root/librilight; keeps the order.

    readers: by id, those that the assignments name
    """
    make = partial(make_recording, base=root / RECORDINGS_DIR, seed=seed, readers=readers)
    items = in_processes(make, assignments, jobs)
    return list(progress(items, what="recordings", total=len(assignments), unit="recording"))


def _write_books(root: Path, cast: Cast) -> None:
    stories = [EVERY_STORY[book_id] for book_id in cast.books]
    for story in stories:
        write_bytes(root / "books" / story.file_name, story_bytes(story.id))
    meta = {story.id: {"url": f"{URL}{story.id}", "name": story.file_name} for story in stories}
    write_json(root / "book_meta.json", meta)


def _write_references(folder: Path, cast: Cast, made: Sequence[Recording]) -> None:
    for name in ("words", "phones", "skips"):
        rows = [row for recording in made for row in getattr(recording, name)]
        tables.write(folder / f"{name}.parquet", f"reference_{name}", rows)
    splits = {
        "speakers": {"train": list(cast.train_speakers), "unseen": list(cast.unseen_speakers)},
        "books": {"train": list(cast.train_books), "held_out": list(cast.held_out_books)},
    }
    write_json(folder / "splits.json", splits)


def _manifest(
    seed: int,
    cast: Cast,
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
        "num_speakers": len(cast.readers),
        "num_books": len(cast.books),
        "num_labelled_utterances": len(utterances),
        "labelled_hours": round(sum(sound.num_samples for sound in sounds) / hour, 4),
        "recordings": {each.recording_id: each.sha256 for each in made},
        "labelled": {
            utterance.path: sound.sha256
            for utterance, sound in zip(utterances, sounds, strict=True)
        },
    }


def _check_free(root: Path, cast: Cast, utterances: Sequence[Utterance]) -> None:
    """Files of another corpus would be taken for ours, and never be cleaned up."""
    ours = {f"books/{EVERY_STORY[book_id].file_name}" for book_id in cast.books}
    for assignment in cast.assignments:
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
