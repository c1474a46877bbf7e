"""Audiobooks in a plain folder: one command from there to the cut corpus, and what reruns."""

from __future__ import annotations

import shutil
from pathlib import Path

import first_runs
import mutagen
import soundfile
import yaml
from snakemake_run import ROOT, Run
from tiny_epub import page, write_epub
from tone_speech import RATE_HZ, say

from aubert import tables

READERS = ("Ann", "Zoe")


def record(path: Path, text: str = "abc abc abc") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, say(text), RATE_HZ)


def test_a_folder_becomes_a_corpus_and_a_new_chapter_is_one_shard(tmp_path):
    folder = tmp_path / "my books"
    for reader in READERS:
        record(folder / reader / "A Book" / "01.mp3")
        (folder / reader / "A Book" / "text.txt").write_text("Abc abc abc.")
    preset = yaml.safe_load((ROOT / "workflow/presets/own-audiobooks.yaml").read_text())
    preset["corpus"]["root"] = "my books"
    run = Run(tmp_path, {**preset, "num_shards": 2})
    run.snakemake("corpus")
    rows = list(tables.all_rows(run.results(), "recordings"))
    assert [(row["speaker"], row["book_id"]) for row in rows] == [
        ("Ann", "Ann - A Book - text"),
        ("Zoe", "Zoe - A Book - text"),
    ]
    assert run.jobs("corpus") == []

    record(folder / "Zoe" / "A Book" / "02.mp3", "cab abc")  # a copy would be used once
    assert run.jobs("corpus") == ["corpus", "cut 1", "folder 1", "folder_files", "index 1"]
    run.snakemake("corpus")
    rows = list(tables.all_rows(run.results(), "recordings"))
    assert [row["chapter"] for row in rows] == ["01", "01", "02"]
    assert run.jobs("corpus") == []


def test_one_book_takes_all_cores(tmp_path):
    record(tmp_path / "audiobooks" / "01.mp3")
    (tmp_path / "audiobooks" / "text.txt").write_text("Abc abc abc.")
    preset = yaml.safe_load((ROOT / "workflow/presets/own-audiobooks.yaml").read_text())
    jobs = Run(tmp_path, preset).job_list("--cores", "8", "dataset")
    for rule in ("transcribe", "words"):
        cores = {job["wildcards"]["shard"]: job["threads"] for job in jobs if job["rule"] == rule}
        assert cores == {"0": 8, "1": 1, "2": 1, "3": 1}


def test_first_runs_with_many_jobs_at_once_are_alike(tmp_path):
    """More of the same: benchmarks/first_runs.py."""
    first_runs.write_folder(tmp_path / "books", num_readers=4)
    run = Run(tmp_path, {**first_runs.CONFIG, "num_shards": 4})
    made = set()
    for _ in range(2):
        run.snakemake("--cores", "4", "corpus")
        made.add(first_runs.digest(run.results()))
        for name in ("results", ".snakemake"):
            shutil.rmtree(tmp_path / name)
    assert len(made) == 1


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path):
    preset = yaml.safe_load((ROOT / "workflow/presets/own-audiobooks.yaml").read_text())
    output = Run(tmp_path, preset).snakemake("--dry-run", check=False)
    assert "corpus.root: audiobooks is not a directory" in output and "Traceback" not in output


def test_books_that_are_not_read_stop_the_run_or_are_named(tmp_path):
    """The EPUB's language, a tag's, and the config's, before any job."""
    folder = tmp_path / "books"
    for title in ("Russian", "German"):
        record(folder / "Ann" / title / "01.flac")
    text = "<p>Abc abc.</p>"
    write_epub(folder / "Ann/German/text.epub", {"1.xhtml": page(text)}, language="de")
    (folder / "Ann/Russian/text.txt").write_text("Abc abc abc.")
    tagged = mutagen.File(folder / "Ann/Russian/01.flac")
    tagged["language"] = "rus"
    tagged.save()
    preset = yaml.safe_load((ROOT / "workflow/presets/own-audiobooks.yaml").read_text())
    preset["corpus"]["root"] = "books"
    run = Run(tmp_path, {**preset, "num_shards": 1})
    output = run.snakemake("dataset", "--dry-run")
    assert "will be rejected: book 'Russian' is Russian (ru), and pocketsphinx's own" in output
    assert "book 'German'" not in output
    shutil.rmtree(folder / "Ann/German")
    output = run.snakemake("dataset", "--dry-run", check=False)
    assert "config: transcribe.backend: book 'Russian' is Russian (ru)" in output
    assert "WorkflowError" in output and "Traceback" not in output
    run.snakemake("corpus", "--dry-run")  # which needs no recogniser
