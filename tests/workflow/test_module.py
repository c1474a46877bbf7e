"""The workflow as a module of another one, which lies elsewhere and has rules of its own."""

from __future__ import annotations

import os

import soundfile
from snakemake_run import Run
from tiny_run import copy_house
from tone_speech import RATE_HZ, say

from aubert import tables

IMPORTING = """
import copy

given = copy.deepcopy(config)


rule all:
    input:
        "facts.txt",


module speech:
    snakefile:
        {snakefile!r}
    config:
        config["speech"]


use rule * from speech as speech_*

assert config == given, "the module changed the importing workflow's config"


rule facts:
    input:
        expand(rules.speech_index.output.recordings, shard=["0", "1"]),
    output:
        "facts.txt",
    params:
        code="import aubert, os; print(aubert.__file__, os.environ['PYTHONPATH'])",
    shell:
        "python -c {{params.code:q}} > {{output}}"
"""
# In place of the container runtime: it notes the image, and runs the command without it.
APPTAINER = """#!/bin/sh
[ "$1" = --version ] && echo apptainer version 1.4.0 && exit
while [ "${1%.sif}" = "$1" ]; do shift; done
echo "$1" >> images.txt
shift
exec "$@"
"""
SPEECH = {
    "name": "imported",
    "num_shards": 2,
    "container": "aubert.sif",
    "corpus": {"source": "librilight", "root": "librilight", "books_dir": "books"},
}


def test_another_workflow_imports_this_one_and_runs_its_rules(tmp_path, monkeypatch):
    house = copy_house(tmp_path / "house")
    work = tmp_path / "work"
    for speaker in ("61", "118"):
        chapter = work / f"librilight/small/{speaker}/a book/chapter.flac"
        chapter.parent.mkdir(parents=True)
        soundfile.write(chapter, say("abc abc abc"), RATE_HZ)
        chapter.with_suffix(".json").write_text('{"book_meta": {"id": "1"}}')
    (work / "books").mkdir()
    (work / "books" / "1.txt").write_text("Abc abc abc.")
    (work / "Snakefile").write_text(IMPORTING.format(snakefile=str(house / "Snakefile")))
    (work / "aubert.sif").touch()
    runtime = tmp_path / "bin" / "apptainer"
    runtime.parent.mkdir()
    runtime.write_text(APPTAINER)
    runtime.chmod(0o755)
    monkeypatch.setenv("PATH", str(runtime.parent), prepend=os.pathsep)
    # It is run as a house of its own.
    run = Run(work, {"speech": SPEECH}, house=work)

    jobs = run.jobs("speech_all")
    assert {"speech_report", "speech_metrics", "speech_words 0", "speech_words 1"} <= set(jobs)

    run.snakemake("--software-deployment-method", "apptainer")
    rows = [
        row
        for shard in ("0", "1")
        for row in tables.rows(work / f"results/imported/recordings/{shard}.parquet", "recordings")
    ]
    assert {row["speaker"] for row in rows} == {"61", "118"}
    # Jobs take the checkout that is imported, and find what they found before.
    file, python_path = (work / "facts.txt").read_text().split()
    assert file == str(house / "src/aubert/__init__.py")
    assert python_path.split(":")[1:] == run.environment()["PYTHONPATH"].split(":")
    # The module's jobs run in its container; the importing workflow has none.
    assert (work / "images.txt").read_text().split() == ["aubert.sif"] * 2
