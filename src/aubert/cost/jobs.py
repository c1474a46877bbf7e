"""How many jobs a run has: Snakemake's own count, for an empty corpus with the same shards."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import reduce
from operator import getitem
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

from aubert.config.paths import given_paths
from aubert.config.tree import System

SYSTEMS = get_args(System)
SNAKEFILE = Path(__file__).parents[3] / "Snakefile"


def count_jobs(config: Mapping[str, Any]) -> dict[str, int]:
    """rule -> its jobs in a run of which nothing is done yet.

    The rules and shards are the config's, so that how many jobs there are does not depend on
    the recordings. Raises ValueError with Snakemake's message when it does not take the config.
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
    """The config with empty stand-ins for every path that must be there."""
    import yaml

    empty = {**copy.deepcopy(dict(config)), "results_dir": "results"}
    corpus = empty["corpus"]
    for number, given in enumerate(given_paths(config, SYSTEMS)):
        path = f"given/{number}"
        (directory / path).mkdir(parents=True)
        if given.kind == "file":
            path += "/file"
            (directory / path).touch()
        *section, key = given.keys
        reduce(getitem, section, empty)[key] = path
    if corpus["source"] != "mini":
        corpus |= {"root": "corpus", "books_dir": "books", "book_meta": None}
        for folder in ("books", *(f"corpus/{subset}" for subset in corpus["subsets"])):
            (directory / folder).mkdir(parents=True)
    if corpus["source"] == "folder":  # one without a recording and a text is refused
        for name in ("chapter.flac", "book.txt"):
            (directory / "corpus" / name).write_text("not empty")
    if corpus["source"] == "manifest":
        corpus["root"] = "corpus.tsv"
        (directory / "corpus.tsv").write_text("/\n")
    (directory / "config.yaml").write_text(yaml.safe_dump(empty))
