"""The presets: what would run, or what is to be fetched, before any data is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from flaky_server import serving
from snakemake_run import ROOT, Run

from aubert.download.artefacts import ARTEFACTS

PRESETS = ROOT / "workflow/presets"


def preset(name: str) -> dict:
    return yaml.safe_load((PRESETS / f"librilight-{name}.yaml").read_text())


def lay_out(directory: Path, config: dict) -> None:
    """What a download would leave, without a recording in it."""
    corpus = config["corpus"]
    folders = [*corpus["labelled"]["train"], corpus["labelled"]["dev"]["unseen"]]
    folders += [corpus["books_dir"], *(f"{corpus['root']}/{name}" for name in corpus["subsets"])]
    for folder in folders:
        (directory / folder).mkdir(parents=True)
    (directory / "data/lm").mkdir()
    (directory / config["transcribe"]["ctc"]["lm_path"]).touch()
    (directory / corpus["book_meta"]).write_text("{}")


@pytest.mark.parametrize(("name", "num_shards"), [("small", 64), ("medium", 256), ("large", 1024)])
def test_without_data_the_command_that_fetches_it_is_named(tmp_path, name, num_shards):
    run = Run(tmp_path, preset(name))
    output = run.snakemake("--dry-run", check=False)
    assert "snakemake download (with the same --configfile)" in output
    assert "Traceback" not in output
    assert run.overlay["num_shards"] == num_shards


def test_a_download_is_planned_without_the_data(tmp_path):
    jobs = Run(tmp_path, preset("small")).jobs("download")
    assert jobs.count("fetch_books") == 1
    assert {job.split()[1] for job in jobs if job.startswith("fetch ")} == set(
        preset("small")["download"]["artefacts"]
    )


def test_a_language_model_that_is_not_there_is_named(tmp_path):
    config = preset("small")
    lay_out(tmp_path, config)
    (tmp_path / config["transcribe"]["ctc"]["lm_path"]).unlink()
    output = Run(tmp_path, config).snakemake("--dry-run", check=False)
    assert "is fetched by: aubert download lm-3gram" in output and "Traceback" not in output


def test_with_data_everything_is_planned(tmp_path):
    config = preset("small")
    lay_out(tmp_path, config)
    jobs = Run(tmp_path, config).jobs("dataset")
    assert sum(job.startswith("transcribe ") for job in jobs) == 64
    assert not [job for job in jobs if job.startswith(("fetch", "hubert", "ctc"))]
    # The paper's trainings are laid over.
    base = yaml.safe_load((PRESETS / "hubert-base.yaml").read_text())
    jobs = Run(tmp_path, {**config, **base}).jobs("ctc")
    assert {"hubert_train 1", "hubert_train 2"} <= set(jobs)


def test_a_download_by_snakemake_lies_where_the_preset_looks(tmp_path):
    config = preset("small")
    vocabulary = ARTEFACTS["lm-vocabulary"]
    with serving() as server:
        server.files[vocabulary.file_name] = b"A" * vocabulary.num_bytes
        config["download"]["base_url"] = server.address
        config["download"]["artefacts"] = ["lm-vocabulary"]
        run = Run(tmp_path, config)
        run.snakemake("download")
    assert (tmp_path / "data/lm/librispeech-vocab.txt").stat().st_size == 1_737_588


def test_the_config_knows_every_artefact():
    schema = json.loads((ROOT / "workflow/schemas/config.schema.json").read_text())
    download = schema["$defs"]["DownloadOptions"]["properties"]
    assert download["artefacts"]["items"]["enum"] == list(ARTEFACTS)
