import os
import subprocess
import sys
from functools import reduce
from operator import getitem
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_import_order import MODULES, imported

from aubert import workflow
from aubert.config import resolve
from aubert.config.checks import check_paths
from aubert.config.paths import given_paths


def names(module):
    return {Path(path).name for path in workflow.code_of(module)}


def test_the_code_of_a_stage_is_what_it_imports():
    assert {"cut.py", "vad.py", "audio.py", "stage.py", "tables.py"} <= names("corpus.cut")
    assert not {"cli.py", "index.py", "workflow.py"} & names("corpus.cut")
    assert all(Path(path).is_file() for path in workflow.code_of("corpus.cut"))


def test_imports_inside_functions_count(tmp_path, monkeypatch):
    (tmp_path / "a.py").write_text("def f():\n    from aubert import b\n    import aubert.sub.c\n")
    (tmp_path / "b.py").write_text("import os\nfrom aubert.a import f\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "__init__.py").write_text("")
    (tmp_path / "sub" / "c.py").write_text("")
    monkeypatch.setattr(workflow, "SOURCE", tmp_path)
    workflow.code_of.cache_clear()
    assert names("a") == {"a.py", "b.py", "c.py"}
    workflow.code_of.cache_clear()


def test_imports_are_those_that_python_sees():
    for path in MODULES:
        found = {workflow._file_of(name) for name in workflow._imports(path)}
        assert {workflow._file_of(f"aubert.{name}") for name in imported(path)} <= found, path


def fingerprints(corpus):
    return workflow.Fingerprints(corpus, 1, str(corpus["root"] / "results"))


@pytest.fixture
def corpus(tmp_path):
    books = tmp_path / "books"
    books.mkdir()
    for name in ("a", "b"):
        (books / f"{name}.txt").write_text(f"text of {name}")
    return {"root": tmp_path, "subsets": [], "books_dir": str(books), "book_meta": None}


def books_digest(corpus, tmp_path, book_ids):
    path = str(tmp_path / "recordings.parquet")
    pq.write_table(pa.table({"book_id": pa.array(book_ids, pa.string())}), path)
    return fingerprints(corpus).of_books(path)


def test_only_an_edit_of_the_shard_s_own_books_is_seen(corpus, tmp_path):
    before = {ids: books_digest(corpus, tmp_path, ids) for ids in [("a",), ("b",), (None, "a")]}
    (Path(corpus["books_dir"]) / "b.txt").write_text("another text of b")
    after = {ids: books_digest(corpus, tmp_path, ids) for ids in before}
    assert after[("a",)] == before[("a",)]
    assert after[("b",)] != before[("b",)]
    assert after[(None, "a")] != before[(None, "a")]  # an unknown book may be any


def test_a_table_that_is_not_made_yet_is_named(corpus, tmp_path):
    missing = str(tmp_path / "missing.parquet")
    with pytest.raises(FileNotFoundError) as caught:
        fingerprints(corpus).of_books(missing)
    assert caught.value.filename == missing  # by this Snakemake knows to ask again


def test_every_change_of_the_shelf_is_seen(corpus):
    digests = [fingerprints(corpus).of_shelf()]
    books = Path(corpus["books_dir"])
    (books / "c.txt").write_text("c")
    digests.append(fingerprints(corpus).of_shelf())
    os.utime(books / "a.txt", ns=(1, 1))
    digests.append(fingerprints(corpus).of_shelf())
    assert len(set(digests)) == 3


def test_another_time_of_what_a_run_has_read_is_no_change(corpus, tmp_path):
    folder = tmp_path / "labelled/1/2"
    folder.mkdir(parents=True)
    sound, book = folder / "1-2-0.flac", Path(corpus["books_dir"]) / "a.txt"
    sound.write_text("sound")

    def digests(found=None):
        found = found or fingerprints(corpus)
        return found.of_labelled(str(tmp_path / "labelled")), found.of_shelf()

    def later(*paths, seconds):
        for path in paths:
            os.utime(path, ns=(seconds * 10**9, seconds * 10**9))

    (tmp_path / "results").mkdir()
    run = fingerprints(corpus)
    before = digests(run)
    later(book, seconds=1)  # while it runs: what was read is not known
    run.record()
    assert digests()[1] != before[1]
    later(sound, seconds=2)
    assert digests()[0] == digests()[0] == before[0]
    sound.write_text("other")
    later(sound, seconds=3)
    assert digests()[0] != before[0]
    run = fingerprints(corpus)
    after = digests(run)
    run.record()
    later(sound, book, seconds=4)
    assert digests() == after


def test_every_change_of_labelled_speech_is_seen(corpus, tmp_path):
    folder = tmp_path / "labelled/1/2"
    folder.mkdir(parents=True)
    digests = []
    for name in ("1-2.trans.txt", "1-2-0.flac", "1-2-0.flac"):
        with (folder / name).open("a") as file:
            file.write("more")
        digests.append(fingerprints(corpus).of_labelled(str(tmp_path / "labelled")))
    assert len(set(digests)) == 3


def test_audio_that_labelled_speech_lists_elsewhere_counts(corpus, tmp_path):
    folder, audio = tmp_path / "labelled", tmp_path / "elsewhere.wav"
    folder.mkdir()
    files = {"wav.scp": f"a {audio}\n", "text": "a HELLO\n", "utt2spk": "a anna\n"}
    for name, text in files.items():
        (folder / name).write_text(text)
    digests = []
    for sound in (b"", b"RIFF", b"RIFF more"):
        audio.write_bytes(sound)
        digests.append(fingerprints(corpus).of_labelled(str(folder)))
    (folder / "wav.scp").write_text("a gone.wav\n")  # the training says so
    digests.append(fingerprints(corpus).of_labelled(str(folder)))
    assert len(set(digests)) == 4


SYSTEMS = ("hubert", "ctc", "aubert", "clar", "separation")
# Of every key that may name a path, and the system that alone reads it, where there is one.
PATHS = {
    "container": None,
    "corpus.reference": None,
    "corpus.labelled.train": "ctc",
    "corpus.labelled.dev.unseen": "ctc",
    "corpus.classes.laughter": "hubert",
    "transcribe.ctc.lm_path": None,
    "transcribe.ctc.model": None,
    "words.ctc.calibration": None,
    "words.ctc.model": None,
    "hubert.iterations.features.encoder": "hubert",
    "aubert.audio_encoder": "aubert",
    "aubert.text_encoder": "aubert",
    "clar.path": "clar",
    "separation.folders.more": "separation",
}


@pytest.fixture
def run_config(tmp_path) -> dict:
    """A config with every path that there can be, each of them there."""

    def path(name: str, is_file: bool = False) -> str:
        made = tmp_path / name
        made.parent.mkdir(parents=True, exist_ok=True)
        made.touch() if is_file else made.mkdir()
        return str(made)

    path("corpus/small/speaker")
    return resolve(
        {
            "container": path("aubert.sif", True),
            "corpus": {
                "source": "librilight",
                "root": str(tmp_path / "corpus"),
                "books_dir": path("books"),
                "reference": path("reference"),
                "labelled": {"train": [path("1h")], "dev": {"unseen": path("dev")}},
                "classes": {"laughter": path("laughter")},
            },
            "transcribe": {"ctc": {"lm_path": path("3-gram.arpa", True), "model": path("model")}},
            "words": {"ctc": {"calibration": path("edges.json", True), "model": path("aligner")}},
            "hubert": {
                "iterations": [
                    {"features": {"encoder": path("encoder"), "layer": 6}, "clusters": [5]}
                ]
            },
            "aubert": {"audio_encoder": path("audio"), "text_encoder": path("text")},
            "clar": {"clips": {"source": "table"}, "path": path("clips.csv", True)},
            "separation": {"folders": {"more": path("more")}},
        }
    )


def faults(config, asked=SYSTEMS) -> list[str]:
    try:
        check_paths(config, asked)
    except ValueError as error:
        return str(error).splitlines()
    return []


def test_paths_that_are_there_are_no_faults(run_config):
    assert faults(run_config) == []
    assert {given.key for given in given_paths(run_config, SYSTEMS)} == set(PATHS)


@pytest.mark.parametrize(("key", "system"), PATHS.items())
def test_each_path_that_is_not_there_is_one_line_where_it_is_read(run_config, key, system):
    (given,) = (each for each in given_paths(run_config, SYSTEMS) if each.key == key)
    *section, last = given.keys
    reduce(getitem, section, run_config)[last] = "/not/there"
    (line,) = faults(run_config)
    assert line.startswith(f"config: {key}: /not/there is not a {given.kind}; ")
    assert faults(run_config, [name for name in SYSTEMS if name != system]) == (
        [] if system else [line]
    )


def test_texts_are_asked_for_where_a_target_needs_them(run_config, tmp_path):
    manifest = tmp_path / "train.tsv"
    manifest.write_text(f"{tmp_path}\n")
    run_config["corpus"] |= {"source": "manifest", "root": str(manifest)}

    def fault(*targets: str) -> str:
        try:
            check_paths(run_config, targets, has_texts=False)
        except ValueError as error:
            return str(error)
        return ""

    assert not any(map(fault, ["corpus", "units", "hubert", "separation", "clar"]))
    run_config["corpus"]["labelled"] = {"train": [str(tmp_path)], "dev": {}}
    assert not fault("ctc")
    for systems in ([], ["hubert", "aubert"]):
        run_config["systems"] = systems
        for targets in ([], ["all"], ["dataset"], ["hubert", "aubert"]):
            assert "without texts ask for one of: clar, corpus, ctc, hubert, " in fault(*targets)
    run_config["systems"] = ["hubert", "separation"]
    assert not any(map(fault, ["all", "hubert"])) and not fault()
    run_config["clar"]["clips"]["source"] = "words"
    assert "clar.clips.source words needs them" in fault("clar")


def test_a_model_at_hugging_face_is_not_looked_for(run_config):
    run_config["transcribe"]["ctc"]["model"] = "facebook/hubert-large-ls960-ft"
    assert faults(run_config) == []


def test_recordings_and_books_are_a_line_each_with_the_command_that_fetches_them(run_config):
    run_config["corpus"] |= {"root": "away", "books_dir": "no_books"}
    root, books = faults(run_config)
    assert root.startswith("config: corpus.root: away is not a directory; ")
    assert books.startswith("config: corpus.books_dir: no_books is not a directory; ")
    assert "aubert download librilight-small" in root


def test_before_a_download_only_its_place_has_to_be_there(run_config, tmp_path):
    run_config["corpus"]["root"] = "away"
    run_config["download"]["out"] = str(tmp_path / "data")
    assert faults(run_config, ["download"]) == []
    run_config["download"]["out"] = str(tmp_path / "no_disk" / "data")
    (line,) = faults(run_config, ["download"])
    assert line.startswith("config: download.out: ") and "no_disk is not a folder" in line


def test_the_miniature_corpus_is_not_looked_for():
    assert faults(resolve({"corpus": {"source": "mini"}})) == []


def test_python_paths_of_others_are_kept(monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("PYTHONPATH", "/their/modules")
    for _ in range(2):
        workflow.let_jobs_find_aubert()
    source = str(Path(workflow.__file__).parents[1])
    assert os.environ["PYTHONPATH"].split(os.pathsep) == [source, "/their/modules"]


# Counts how often the scheduler looks for jobs.
COUNTED = """
from pathlib import Path
from aubert.workflow import look_for_jobs_when_one_ends
look_for_jobs_when_one_ends()
from snakemake.scheduling.job_scheduler import JobScheduler
select, looks = JobScheduler.job_selector, []
def counted(scheduler, jobs):
    looks.append(len(jobs))
    Path("looks").write_text(str(len(looks)))
    return select(scheduler, jobs)
JobScheduler.job_selector = counted
rule all:
    input: expand("{n}.done", n=range(20))
rule one:
    output: "{n}.done"
    shell: "sleep 0.1; touch {output}"
"""


@pytest.mark.parametrize("limit", [(), ("--max-jobs-per-timespan", "8/2s")])
def test_snakemake_looks_for_jobs_when_one_ends(tmp_path, limit):
    """Once at the start and after each job, whatever the time that passes; a user's limit holds
    jobs back and lets them go."""
    (tmp_path / "Snakefile").write_text(COUNTED)
    subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", "--quiet", *limit],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(workflow.__file__).parents[1])},
        check=True,
    )
    assert len(list(tmp_path.glob("*.done"))) == 20
    looks = int((tmp_path / "looks").read_text())
    assert looks <= 21 if not limit else looks >= 21
