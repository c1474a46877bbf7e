"""What reruns when something changes: the promise that users rely on."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from aubert.corpus.shards import shard_of

CHAIN = ["index", "cut", "transcribe", "match", "refine", "words"]
NUM_SHARDS = 4


def expected(shards, first: str, *others: str) -> list[str]:
    """The jobs of the stages from `first` on, for the shards, and what sums up."""
    stages = CHAIN[CHAIN.index(first) :]
    return sorted(
        [f"{s} {shard}" for s in stages for shard in shards] + ["all", "metrics", "report", *others]
    )


@contextmanager
def edited(path: Path, edit):
    """The file changed by `edit`, and back as it was, time included."""
    before, stat = path.read_bytes(), path.stat()
    edit(path)
    try:
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


@pytest.fixture
def corpus(mini_run) -> Path:
    return mini_run.directory / "data/mini"


def test_nothing(mini_run):
    assert mini_run.jobs() == []
    assert "Nothing to be done" in mini_run.snakemake("--dry-run")


def test_a_chapter_replaced(mini_run, corpus):
    chapter = sorted((corpus / "librilight").glob("small/*/*/*.flac"))[0]
    shard = shard_of(chapter.parts[-3], NUM_SHARDS)
    with edited(chapter, append):
        assert mini_run.jobs() == expected([shard], "index")
    assert mini_run.jobs() == []


def test_a_speaker_added(mini_run, corpus):
    speaker = next(iter(sorted((corpus / "librilight/small").iterdir())))
    added = speaker.with_name("a new one")
    shutil.copytree(speaker, added)
    try:
        assert mini_run.jobs() == expected([shard_of("a new one", NUM_SHARDS)], "index")
    finally:
        shutil.rmtree(added)


def test_a_book_edited(mini_run, corpus):
    shards_of_book: dict[str | None, set[int]] = {}
    for shard in range(NUM_SHARDS):
        for book_id in pq.read_table(mini_run.results("recordings", f"{shard}.parquet"))["book_id"]:
            shards_of_book.setdefault(book_id.as_py(), set()).add(shard)
    meta = json.loads((corpus / "book_meta.json").read_text())
    unknown = set().union(*(s for b, s in shards_of_book.items() if b not in meta))
    book_id = min(meta, key=lambda book: len(shards_of_book.get(book, set()) | unknown))
    shards = sorted(shards_of_book.get(book_id, set()) | unknown)
    assert 0 < len(shards) < NUM_SHARDS
    with edited(corpus / "books" / meta[book_id]["name"], append):
        assert mini_run.jobs() == expected(shards, "transcribe", "books")


@pytest.mark.parametrize(
    ("section", "change", "first"),
    [
        ("cut", {"aggressiveness": 2}, "cut"),
        ("match", {"min_share": 0.4}, "match"),
        ("transcribe", {"pocketsphinx": {"language_weight": 9.5}}, "transcribe"),
    ],
)
def test_a_parameter_changed(mini_run, section, change, first):
    changed = mini_run.with_config(**{section: change})
    assert changed.jobs() == expected(range(NUM_SHARDS), first)


@pytest.mark.parametrize(
    ("module", "first"),
    [("corpus/vad.py", "cut"), ("align/refine.py", "refine"), ("cli.py", None)],
)
def test_a_module_edited(mini_run, module, first):
    """A stage reruns for the code that it imports; the command line is no stage's code."""
    with edited(mini_run.house / "src/aubert" / module, append):
        assert mini_run.jobs() == (expected(range(NUM_SHARDS), first) if first else [])


def test_where_and_how_much_reruns_nothing(mini_run):
    assert mini_run.jobs("--cores", "1", "--set-threads", "transcribe=2") == []
    assert mini_run.jobs("--set-resources", "words:mem_mb=4000") == []


def test_an_intermediate_table_deleted(mini_run):
    """Snakemake makes it again when it is asked for, not for what was made from it."""
    path = mini_run.results("refined", "0.parquet")
    aside = path.with_suffix(".aside")
    path.rename(aside)
    try:
        assert mini_run.jobs() == []
        assert mini_run.jobs("results/mini/refined/0.parquet") == ["refine 0"]
    finally:
        aside.rename(path)
