"""How many jobs a run has: Snakemake's own count, for an empty corpus with the same shards."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

SNAKEFILE = Path(__file__).parents[3] / "Snakefile"


def count_jobs(config: Mapping[str, Any]) -> dict[str, int]:
    """rule -> its jobs in a run of which nothing is done yet.

    The rules and shards are the config's, so that how many jobs there are does not depend on
    the recordings. Raises ValueError with what Snakemake says when it does not take the config.
    """
    with TemporaryDirectory(prefix="aubert-plan-") as folder:
        directory = Path(folder)
        _write_config(directory, config)
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE)]
        command += ["--directory", folder, "--configfile", str(directory / "config.yaml")]
        command += ["--workflow-profile", "none", "--cores", "1", "--dry-run", "--nocolor"]
        command += ["--quiet", "rules", "reason", "host"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise ValueError(f"Snakemake does not take this config:\n{done.stdout}")
    table = re.search(r"^job +count\n[- ]+\n(.*?)^total", done.stdout, re.MULTILINE | re.DOTALL)
    assert table, done.stdout
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table[1], re.M)}


def _write_config(directory: Path, config: Mapping[str, Any]) -> None:
    """The config with a corpus of empty folders, and an empty language model, for its own."""
    import yaml

    corpus = dict(config["corpus"])
    if corpus["source"] != "mini":
        corpus |= {"root": "corpus", "books_dir": "books", "book_meta": None}
        for folder in ("books", *(f"corpus/{subset}" for subset in corpus["subsets"])):
            (directory / folder).mkdir(parents=True)
    if corpus["source"] == "folder":  # one without a recording and a text is refused
        for name in ("chapter.flac", "book.txt"):
            (directory / "corpus" / name).touch()
    for path in _labelled(corpus):
        (directory / path).mkdir(parents=True, exist_ok=True)
    empty = {**config, "corpus": corpus, "results_dir": "results"}
    if config["transcribe"]["ctc"]["lm_path"]:
        (directory / "lm.arpa").touch()
        ctc = {**config["transcribe"]["ctc"], "lm_path": "lm.arpa"}
        empty["transcribe"] = {**config["transcribe"], "ctc": ctc}
    (directory / "config.yaml").write_text(yaml.safe_dump(empty))


def _labelled(corpus: dict) -> list[str]:
    """The folders of labelled speech, renamed to be below the working directory."""
    if not corpus["labelled"] or corpus["source"] == "mini":
        return []
    train = [f"labelled/{number}" for number, _ in enumerate(corpus["labelled"]["train"])]
    dev = {name: path and f"labelled/{name}" for name, path in corpus["labelled"]["dev"].items()}
    corpus["labelled"] = {"train": train, "dev": dev}
    return [*train, *filter(None, dev.values())]
