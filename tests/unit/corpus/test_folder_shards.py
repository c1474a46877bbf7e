"""Shards of a folder are made at once by jobs that know nothing of each other."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile

from aubert.corpus.folder import finish, import_shard
from aubert.corpus.folder_plan import make_plan


def record(path: Path, seconds: float = 0.5, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).normal(0, 0.1, int(seconds * 16_000))
    soundfile.write(path, noise, 16_000)
    return path


def library(root: Path, num_readers: int, shared_text: bool = False) -> Path:
    for number in range(num_readers):
        record(root / f"reader {number}/book/01.flac", seed=number)
        if not shared_text:
            (root / f"reader {number}/book/text.txt").write_text(f"Text {number}. " * 2000)
    (root / "unread.txt").write_text("A text that no folder tells of. " * 2000)
    return root


def make(root: Path, out: Path, shard: int, num_shards: int) -> None:
    import_shard(root, out, out / f"shards/{shard}.json", shard, num_shards)


def files_of(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("shared_text", [False, True])
def test_jobs_at_once_make_what_one_after_another_make(tmp_path, shared_text):
    """Every job of the old way deleted the others' part files in the shared folder of texts: of
    24 first runs with twelve readers and four jobs, four failed. Here a job that failed raises."""
    root = library(tmp_path / "books", 12, shared_text)
    num_shards = 8
    expected, out = tmp_path / "expected", tmp_path / "out"
    for shard in range(num_shards):
        make(root, expected, shard, num_shards)
    with ProcessPoolExecutor(4, get_context("forkserver")) as pool:
        for _ in range(12):
            shutil.rmtree(out, ignore_errors=True)
            jobs = [pool.submit(make, root, out, shard, num_shards) for shard in range(num_shards)]
            for job in jobs:
                job.result()
            assert files_of(out) == files_of(expected)
    rows = finish(root, out, num_shards)
    assert {row.use for row in rows} <= {"audio", "text"}
    assert sorted(files_of(out / "librilight")) == sorted(files_of(expected / "librilight"))


def test_a_shards_job_deletes_nothing_and_the_last_job_all_that_is_left_over(tmp_path):
    root, out = library(tmp_path / "books", 3), tmp_path / "out"
    # Files that another job is writing at this time, of texts and of recordings.
    others = [
        out / "books/.reader 9 - book - text.txt.4711.part",
        out / "books/tmp_of_another.txt",
        out / "librilight/folder/reader 9/book/.01.flac.4711.part",
        out / "librilight/folder/reader 9/book/01.json",
    ]
    for path in others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("in the middle of it")
    for shard in (0, 1):
        make(root, out, shard, 2)
    assert all(path.read_text() == "in the middle of it" for path in others)
    finish(root, out, 2)
    assert not any(path.exists() for path in others)
    assert not (out / "librilight/folder/reader 9").exists()


def test_what_left_the_folder_leaves_the_corpus(tmp_path):
    root, out = library(tmp_path / "books", 3), tmp_path / "out"
    for shard in (0, 1):
        make(root, out, shard, 2)
    finish(root, out, 2)
    shutil.rmtree(root / "reader 1")
    (root / "unread.txt").unlink()
    for shard in (0, 1):
        make(root, out, shard, 2)
    finish(root, out, 2)
    assert not (out / "librilight/folder/reader 1").exists()
    assert sorted(path.name for path in (out / "books").iterdir()) == [
        "reader 0 - book - text.txt",
        "reader 2 - book - text.txt",
    ]


def test_one_readers_library_fills_the_shards_and_books_stay_in_theirs(tmp_path):
    root, out = tmp_path / "books", tmp_path / "out"
    for title, seconds in (("Long", 8.0), ("Middle", 4.0), ("Short", 2.0), ("Brief", 1.0)):
        for chapter in (1, 2):
            record(root / f"Ann/{title}/0{chapter}.flac", seconds / 2, seed=chapter)
        (root / f"Ann/{title}/text.txt").write_text(f"{title}.")
    plan = make_plan(root, out, 4)
    first = {reading.book.title: reading.shard for reading in plan.readings}
    assert first == {"Long": 0, "Middle": 1, "Short": 2, "Brief": 3}
    assert {reading.book.reader for reading in plan.readings} == {"Ann"}
    for shard in range(4):
        make(root, out, shard, 4)
        manifest = json.loads((out / f"shards/{shard}.json").read_text())
        assert len(manifest["recordings"]) == 2
    # The largest book of all is new, and moves no other.
    record(root / "Ann/Newest/01.flac", 30.0)
    (root / "Ann/Newest/text.txt").write_text("New.")
    shards = {one.book.title: one.shard for one in make_plan(root, out, 4).readings}
    assert {title: shards[title] for title in first} == first
    # The same plan while one job after another writes down what it made.
    make(root, out, 0, 4)
    assert {one.book.title: one.shard for one in make_plan(root, out, 4).readings} == shards


def test_two_readings_of_one_text_by_one_reader_are_in_one_shard(tmp_path):
    root = tmp_path / "books"
    for title in ("the first half", "what follows"):
        file = mutagen.File(record(root / f"Ann/{title}/01.flac", seed=len(title)))
        file["album"] = "Emma"
        file.save()
    record(root / "Ann/Persuasion/01.flac")
    (root / "Ann/Emma.txt").write_text("Emma.")
    readings = make_plan(root, tmp_path / "out", 4).readings
    shards = {one.book.title: (one.text_id, one.shard) for one in readings}
    assert shards["the first half"] == shards["what follows"] == ("Ann - Emma", 0)
    assert shards["Persuasion"] == (None, 1)
