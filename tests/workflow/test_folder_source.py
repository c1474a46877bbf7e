"""Audiobooks in a plain folder: one command from there to the plan of a run, and what reruns."""

from __future__ import annotations

import shutil

import yaml
from snakemake_run import ROOT, Run

from aubert import tables


def test_a_folder_becomes_recordings_and_a_new_chapter_is_one_shard(tmp_path, mini_corpus):
    preset = yaml.safe_load((ROOT / "workflow/presets/own-audiobooks.yaml").read_text())
    folder = tmp_path / "my books"
    sources = sorted((mini_corpus / "librilight/small").glob("*/*/*.flac"))
    readers = [path.parent.parent.name for path in sources]
    for path, reader in zip(sources[:5], readers, strict=False):
        target = folder / reader / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    shutil.copytree(mini_corpus / "books", folder / "texts")
    preset["corpus"] |= {"root": str(folder)}
    run = Run(tmp_path, preset)
    missing = run.with_config(corpus={"root": str(tmp_path / "absent")})
    assert "absent is not a directory" in missing.snakemake("--dry-run", check=False)
    assert "folder" in run.jobs("corpus")

    run.snakemake("corpus")
    rows = list(tables.all_rows(run.results(), "recordings"))
    assert {row["speaker"] for row in rows} == set(readers[:5]) and len(rows) == 5
    assert run.jobs("corpus") == []

    reader = readers[0]
    shutil.copy(sources[6], folder / reader / sources[0].parent.name / "another.flac")
    run.snakemake("corpus")
    (stale,) = {
        path.stem
        for path in run.results("recordings").glob("*.parquet")
        if any(row["chapter"] == "another" for row in tables.rows(path, "recordings"))
    }
    kept = [run.results("recordings", f"{shard}.parquet") for shard in range(4)]
    new = run.results("recordings", f"{stale}.parquet").stat().st_mtime
    assert all(path.stat().st_mtime < new for path in kept if path.stem != stale)
    assert run.jobs("corpus") == []
