"""A corpus of everything that goes wrong with files: the run finishes, and says what and why."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from snakemake_run import ROOT, Run
from tiny_run import SMALL

from aubert import tables

GOOD = "118/a_light_at_st_orrin_2303_librivox_64kb_mp3"
OTHER_BOOK = "2301"
# Of speakers, of book directories and of chapters. What would be run makes a file `hacked`.
ODD_NAMES = ["O'Hara; touch hacked", 'Zoë "Q" $(touch hacked)', "two\nlines", "--help"]
ODD_NAMES += ["`touch hacked` | touch hacked & {output}", "<img src=x onerror=alert(1)>"]
SECONDS = 30
REPORT = ROOT / "workflow/rules/report.smk"


class Corpus:
    """Variants of one good chapter's first half minute."""

    def __init__(self, root: Path, mini: Path):
        self.root = root
        shutil.copytree(mini / "books", root / "books")
        self.meta = json.loads((mini / "book_meta.json").read_text())
        (source,) = sorted((mini / "librilight/small" / GOOD).glob("*_01_*.flac"))
        self.samples, self.rate_hz = soundfile.read(source, frames=SECONDS * 16_000)
        self.json = json.loads(source.with_suffix(".json").read_text())
        speech = self.json["voice_activity"]
        self.json["voice_activity"] = [pair for pair in speech if pair[1] <= SECONDS]

    def path(self, speaker: str, book: str, chapter: str) -> Path:
        path = self.root / "librilight/small" / speaker / book / f"{chapter}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def chapter(
        self, chapter, speaker="bad", book="a book", samples=None, rate_hz=None, description=None
    ) -> Path:
        path = self.path(speaker, book, chapter)
        samples = self.samples if samples is None else samples
        soundfile.write(path, samples, rate_hz or self.rate_hz)
        described = self.json if description is None else description
        text = described if isinstance(described, str) else json.dumps(described)
        path.with_suffix(".json").write_text(text)
        return path

    def with_book(self, book_id: object) -> dict:
        return {**self.json, "book_meta": {**self.json["book_meta"], "id": book_id}}

    def finish(self) -> None:
        (self.root / "book_meta.json").write_text(json.dumps(self.meta))


@pytest.fixture(scope="module")
def run(tmp_path_factory, mini_corpus) -> Run:
    directory = tmp_path_factory.mktemp("bad")
    corpus = Corpus(directory / "corpus", mini_corpus)
    corpus.chapter("good")
    truncated = corpus.chapter("truncated")
    truncated.write_bytes(truncated.read_bytes()[: truncated.stat().st_size * 4 // 5])
    no_activity = {**corpus.json, "voice_activity": None}
    truncated = corpus.chapter("truncated_without_activity", description=no_activity)
    truncated.write_bytes(truncated.read_bytes()[: truncated.stat().st_size // 2])
    corpus.chapter("no_flac").write_bytes(b"this is no audio")
    fine = soxr.resample(corpus.samples, 16_000, 44_100)
    stereo = np.stack([fine, 0.5 * fine], axis=1)
    corpus.chapter("stereo", samples=np.clip(stereo, -1, 1), rate_hz=44_100)
    corpus.chapter("zero_samples", samples=np.zeros(0))
    corpus.chapter("silence", samples=np.zeros(160_000), description=no_activity)
    corpus.chapter("json_missing").with_suffix(".json").unlink()
    corpus.chapter("json_broken", description="{")
    corpus.chapter("json_without_id", description=corpus.with_book(None))
    corpus.meta["1"] = {"url": "", "name": "missing.txt"}
    corpus.chapter("book_missing", description=corpus.with_book("1"))
    corpus.meta["2"] = {"url": "", "name": "empty.txt"}
    (corpus.root / "books/empty.txt").write_text(" \n")
    corpus.chapter("book_empty", description=corpus.with_book("2"))
    corpus.chapter("book_of_another_title", description=corpus.with_book(OTHER_BOOK))
    for name in ODD_NAMES:
        meta = {**corpus.json["book_meta"], "title": f"<script>alert(1)</script> {name}"}
        corpus.chapter(name, name, name, description={**corpus.json, "book_meta": meta})
    corpus.finish()
    run = Run(
        directory,
        {
            **SMALL,
            "name": "bad",
            "num_shards": 2,
            "max_reject_fraction": 0.95,
            "corpus": {
                "source": "librilight",
                "root": "corpus/librilight",
                "books_dir": "corpus/books",
                "book_meta": "corpus/book_meta.json",
            },
        },
    )
    run.snakemake()
    return run


@pytest.fixture(scope="module")
def rejects(run) -> dict[str, set[tuple[str, str]]]:
    """chapter -> {(stage, reason)}"""
    found: dict[str, set[tuple[str, str]]] = {}
    for path in run.results("rejects").rglob("*.parquet"):
        for row in tables.rows(path, "rejects"):
            chapter = row["id"].split("/")[-1].rsplit("_0", 1)[0]
            found.setdefault(chapter, set()).add((row["stage"], row["reason"]))
            assert row["detail"]
    return found


@pytest.fixture(scope="module")
def words(run) -> dict[str, int]:
    """recording id -> number of aligned words"""
    counts: dict[str, int] = {}
    for row in tables.all_rows(run.results(), "words"):
        recording_id = row["utterance_id"].rsplit("_", 1)[0]
        counts[recording_id] = counts.get(recording_id, 0) + 1
    return counts


@pytest.mark.parametrize(
    ("chapter", "stage", "reason"),
    [
        ("truncated", "transcribe", "audio_truncated"),
        ("truncated_without_activity", "cut", "audio_truncated"),
        ("no_flac", "index", "audio_unreadable"),
        ("zero_samples", "index", "audio_empty"),
        ("silence", "cut", "no_speech"),
        ("json_missing", "index", "json_missing"),
        ("json_broken", "index", "json_broken"),
        ("book_missing", "match", "book_missing"),
        ("book_empty", "match", "book_empty"),
        ("book_of_another_title", "match", "wrong_book"),
    ],
)
def test_what_cannot_be_used_is_rejected_with_its_reason(rejects, chapter, stage, reason):
    assert (stage, reason) in rejects[chapter]


def test_the_part_of_a_truncated_file_that_is_there_is_used(words):
    assert 0 < words["small/bad/a book/truncated"] < words["small/bad/a book/good"]


@pytest.mark.parametrize("chapter", ["stereo", "json_without_id"])
def test_what_can_be_used_is_used(words, chapter):
    good = words["small/bad/a book/good"]
    assert good > 30
    assert abs(words[f"small/bad/a book/{chapter}"] - good) <= 0.1 * good


def test_odd_names_come_through_and_reach_no_shell(run, words):
    for name in ODD_NAMES:
        assert words[f"small/{name}/{name}/{name}"] > 30
    assert not list(run.directory.rglob("hacked")) and not Path("hacked").exists()


@pytest.mark.skipif(not REPORT.is_file(), reason="this version writes no report")
def test_names_and_titles_are_text_in_the_report(run):
    run.snakemake("report")
    pages = list(run.results("report").rglob("*.html"))
    assert pages
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "<script>alert" not in text and "<img src=x" not in text


def test_the_same_speech_is_aligned_the_same_at_another_rate(run):
    starts: dict[str, list[int]] = {"good": [], "stereo": []}
    for row in tables.all_rows(run.results(), "words"):
        chapter = row["utterance_id"].split("/")[-1].split("_")[0]
        if chapter in starts and "small/bad/" in row["utterance_id"]:
            starts[chapter].append(row["recording_start_ms"])
    pairs = zip(*(sorted(values) for values in starts.values()), strict=False)
    assert np.median([abs(a - b) for a, b in pairs]) <= 20


def test_too_many_rejects_stop_the_run_and_say_what_to_do(run):
    strict = run.with_config(name="strict", max_reject_fraction=0.1)
    output = strict.snakemake("--show-failed-logs", check=False)
    for part in ("more than max_reject_fraction 0.1 allows", "fetch it again", "Mend the input"):
        assert part in output
    assert "Traceback (most recent call last)" not in output


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        ("num_shards=four", "config: num_shards is 'four'; it must be a whole number, 1 or more"),
        ("nun_shards=4", "config: nun_shards is not a key; did you mean num_shards?"),
        ("cut={agressiveness: 1}", "config: cut.agressiveness is not a key"),
        ("results_dir='a; touch hacked'", "config: results_dir is 'a; touch hacked'; it must be"),
    ],
)
def test_a_wrong_config_is_one_clear_line(tmp_path, argument, line):
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(tmp_path), "--dry-run", "--config", argument]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert line in done.stdout + done.stderr
    assert "Traceback (most recent call last)" not in done.stdout + done.stderr


def test_a_corpus_that_is_not_there_is_one_clear_line(tmp_path):
    absent = {"source": "librilight", "root": "absent"}
    output = Run(tmp_path, {"corpus": absent}).snakemake("--dry-run", check=False)
    assert "corpus.root: absent is not a directory" in output
    assert "Traceback" not in output
