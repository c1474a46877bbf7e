"""What reruns when something changes: the table in docs/rerun.md, row by row, as Snakemake lists
its jobs.

Everything is trained, and pocketsphinx recognises the recordings: so what comes of a shard alone is
kept apart from what all shards are learned from.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from edits import append, edited, raise_version
from tiny_run import CTC_TRAIN, HUBERT

from aubert.corpus.shards import shard_of

pytestmark = pytest.mark.xdist_group("tiny_run")

SHARDS = (0, 1)
CHAIN = ["index", "cut", "transcribe", "match", "refine", "words"]
INITS = ("hubert", "scratch")
SUMS = ["metrics", "report", "all"]


def of_shards(shards, first: str) -> list[str]:
    """The stages of the dataset from `first` on, for the shards."""
    stages = CHAIN[CHAIN.index(first) :]
    books = ["books_of_shard"] if first == "index" else []
    return [f"{stage} {shard}" for stage in [*books, *stages] for shard in shards]


def chain(shards, first: str) -> list[str]:
    """The same, and what sums up."""
    return [*of_shards(shards, first), *(f"figures {shard}" for shard in shards), *SUMS]


def sampled(feature: str) -> list[str]:
    return [f"units_sample {feature} {shard}" for shard in SHARDS]


def units(feature: str, k: int) -> list[str]:
    return [f"units_learn {feature} {k}", *(f"units_label {feature} {k} {n}" for n in SHARDS)]


CTC = {init: [f"ctc_train {init}", f"ctc_evaluate {init}"] for init in INITS}
BELOW_SECOND = ["hubert_train 2", "probe", *CTC["hubert"]]
BELOW_MODEL = [*sampled("iter1_layer1"), *units("iter1_layer1", 6), *BELOW_SECOND]
BELOW_FIRST = ["hubert_train 1", *BELOW_MODEL]
# What is learned from every shard.
LEARNED = ["units_choose", *sampled("mfcc"), *units("mfcc", 5), *BELOW_FIRST]
BOOKS_OF_SHARDS = [f"books_of_shard {shard}" for shard in SHARDS]

IMPORTING = """
module speech:
    snakefile:
        "{}"
    config:
        config["speech"]


use rule * from speech as speech_*
"""


@pytest.fixture(scope="module")
def run(finished_tiny_run):
    return finished_tiny_run


def jobs_with(run, *arguments, **changes) -> list[str]:
    return run.with_config(**changes).jobs(*arguments)


def jobs_as_module(run, house: Path, *arguments: str) -> list[str]:
    """The same in a workflow, which is written to `house`, that imports this one as `speech`."""
    (house / "Snakefile").write_text(IMPORTING.format(run.house / "Snakefile"))
    importing = replace(run, overlay={"speech": run.overlay}, house=house)
    return importing.jobs("speech_all", *arguments)


def test_nothing(run):
    assert run.jobs() == []
    assert "Nothing to be done" in run.snakemake("--dry-run")


def test_a_chapter_replaced(run):
    chapter = sorted((run.directory / "librilight").glob("small/*/*/*.flac"))[0]
    shard = shard_of(chapter.parts[-3], len(SHARDS))
    with edited(chapter, append):
        assert run.jobs("dataset") == sorted([*of_shards([shard], "index"), "dataset"])
        assert run.jobs() == sorted([*chain([shard], "index"), *LEARNED])
    assert run.jobs() == []


def test_trainings_on_demand(run, tmp_path):
    """What is learned from all shards stays until it is forced."""
    other = run.with_config(retrain="on_demand")
    assert other.jobs() == []
    chapter = sorted((run.directory / "librilight").glob("small/*/*/*.flac"))[0]
    shard = shard_of(chapter.parts[-3], len(SHARDS))
    labels = [f"units_label mfcc 5 {shard}", f"units_label iter1_layer1 6 {shard}"]
    with edited(chapter, append):
        changed = [*chain([shard], "index"), labels[0]]
        assert other.jobs() == sorted([*changed, labels[1], "probe"])
        every = sorted([*changed, *BELOW_FIRST])
        assert other.jobs("--forcerun", "hubert_train") == every
        assert other.jobs("--forcerun", "results/tiny/hubert/iter1") == every
        imported = jobs_as_module(other, tmp_path, "--forcerun", "speech_hubert_train")
        assert [job.removeprefix("speech_") for job in imported] == every


@pytest.mark.parametrize(
    "file", ["librilight/small/*/*/*.flac", "books/*.txt", "labelled/1h/**/*.flac"]
)
def test_a_file_touched(run, file):
    """Another time of the same content is no change."""
    path = sorted(run.directory.glob(file))[0]
    times = path.stat().st_mtime_ns
    os.utime(path, ns=(times + 10**9, times + 10**9))
    try:
        assert run.jobs() == []
    finally:
        os.utime(path, ns=(times, times))


def test_a_speaker_added(run):
    speaker = next(iter(sorted((run.directory / "librilight/small").iterdir())))
    added = speaker.with_name("a new one")
    shutil.copytree(speaker, added)
    try:
        shard = shard_of("a new one", len(SHARDS))
        assert run.jobs("dataset") == sorted([*of_shards([shard], "index"), "dataset"])
    finally:
        shutil.rmtree(added)


@pytest.mark.parametrize(("book_biased", "first"), [(True, "transcribe"), (False, "match")])
def test_a_book_edited(run, book_biased, first):
    """Speech that is recognised with the book's language model is recognised again. Only the
    shards that read the book."""
    other = run.with_config(transcribe={"pocketsphinx": {"book_biased": book_biased}})
    other.snakemake("--touch")  # as if the run had been so
    try:
        read = [_books_read(run, shard) for shard in SHARDS]
        meta = json.loads((run.directory / "book_meta.json").read_text())
        name = meta[min(read[0] - read[1])]["name"]
        with edited(run.directory / "books" / name, append):
            # The language model of the error rates is made of all books.
            summed = ["books", "books_of_shard 0", *(f"ctc_evaluate {init}" for init in INITS)]
            assert other.jobs() == sorted([*chain([0], first), *summed])
    finally:
        run.snakemake("--touch")


def _books_read(run, shard: int) -> set[str]:
    return set(pq.read_table(run.results("recordings", f"{shard}.parquet"))["book_id"].to_pylist())


@pytest.mark.parametrize(
    ("section", "change", "first"),
    [
        ("cut", {"aggressiveness": 2}, "cut"),
        ("transcribe", {"pocketsphinx": {"language_weight": 9.5}}, "transcribe"),
        ("match", {"min_share": 0.4}, "match"),
    ],
)
def test_a_parameter_changed(run, section, change, first):
    """Of voice activity, of the language model, of matching: its stage and those below."""
    learned = LEARNED if first == "cut" else []
    assert jobs_with(run, **{section: change}) == sorted([*chain(SHARDS, first), *learned])


def test_k_of_iteration_2(run):
    first, second = HUBERT["iterations"]
    jobs = jobs_with(run, hubert={"iterations": [first, {**second, "clusters": [7]}]})
    assert jobs == sorted([*units("iter1_layer1", 7), *BELOW_SECOND, *SUMS])


def test_a_training_s_parameter(run):
    first, second = HUBERT["iterations"]
    longer = {"iterations": [first, {**second, "train": {"steps": 4}}]}
    assert jobs_with(run, hubert=longer) == sorted([*BELOW_SECOND, *SUMS])
    ctc = {"train": {**CTC_TRAIN, "steps": 4}}
    assert jobs_with(run, ctc=ctc) == sorted([*CTC["hubert"], *CTC["scratch"], *SUMS])


def test_what_is_held_out(run):
    """Everything that learns, and its figures; no table of the dataset."""
    held_out = {"speakers": ["640"], "books": ["712"]}
    jobs = jobs_with(run, held_out=held_out)
    assert jobs == sorted([*LEARNED, *CTC["scratch"], *SUMS])


def test_where_and_how_much(run, tmp_path):
    """Threads, memory, partitions, profiles, and how a training reads its data."""
    assert run.jobs("--cores", "1", "--set-threads", "transcribe=2") == []
    assert run.jobs("--set-resources", "words:mem_mb=4000", "hubert_train:gpu=0") == []
    assert run.jobs("--default-resources", "slurm_partition=other", "mem_mb=9000") == []
    for profile in ("default", "slurm"):
        path = Path(__file__).parents[2] / "profiles" / profile
        output = run.snakemake("--workflow-profile", str(path), "--dry-run")
        assert "Nothing to be done" in output
    how = {"num_workers": 2, "log_every": 2, "checkpoint_every": 4, "device": "cpu"}
    how = {**HUBERT["train"], **how}
    assert jobs_with(run, hubert={"train": how}) == []


@pytest.mark.parametrize(
    ("module", "rerun"),
    [
        ("corpus/vad.py", [*chain(SHARDS, "cut"), *LEARNED]),
        ("align/find_book.py", ["books", *BOOKS_OF_SHARDS, *chain(SHARDS, "match")]),
        ("align/refine.py", chain(SHARDS, "refine")),
        ("cli.py", []),
        ("hubert/network.py", []),
        ("ctc/task.py", []),
        ("units/encoder_features.py", []),
    ],
)
def test_a_module_edited(run, module, rerun):
    """A cheap stage reruns for the code that it imports; the command line is no stage's code, and
    what costs GPU hours reruns for its VERSION alone."""
    with edited(run.house / "src/aubert" / module, append):
        jobs = run.jobs()
        # Figures are cheap: they may be taken again, but nothing is trained or recognised.
        assert [job for job in jobs if job not in FIGURES] == [
            job for job in sorted(rerun) if job not in FIGURES
        ]


def test_a_caption_edited(run):
    with edited(run.house / "workflow/report/page.rst", append):
        assert run.jobs() == ["all", "report"]


FIGURES = {
    "probe",
    *(f"figures {shard}" for shard in SHARDS),
    *(f"ctc_evaluate {init}" for init in INITS),
    *SUMS,
}


@pytest.mark.parametrize(
    ("module", "rerun"),
    [
        ("hubert/options.py", ["hubert_init", *BELOW_FIRST, *CTC["scratch"], *SUMS]),
        ("ctc/options.py", [*CTC["hubert"], *CTC["scratch"], *SUMS]),
        ("units/encoder_features.py", [*BELOW_MODEL, *SUMS]),
    ],
)
def test_a_version_raised(run, module, rerun):
    """Exactly the stage whose VERSION it is, and what is below it."""
    with edited(run.house / "src/aubert" / module, raise_version):
        assert run.jobs() == sorted(rerun)


def test_an_intermediate_table_deleted(run):
    """Snakemake makes it again when it is asked for, not for what was made from it."""
    path = run.results("refined", "0.parquet")
    aside = path.with_suffix(".aside")
    path.rename(aside)
    try:
        assert run.jobs() == []
        assert run.jobs("results/tiny/refined/0.parquet") == ["refine 0"]
    finally:
        aside.rename(path)
