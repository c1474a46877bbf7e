"""Which jobs a run has: Snakemake's own list, for an empty corpus of one shard."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import reduce
from operator import getitem
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, get_args

from aubert.config.paths import given_paths
from aubert.config.tree import System

SYSTEMS = get_args(System)
SNAKEFILE = Path(__file__).parents[3] / "Snakefile"


class Job(NamedTuple):
    """A job of a run with one shard. threads, mem_mb, runtime_min: as its rule declares them
    needs: places in the list of the jobs whose files it reads"""

    rule: str
    wildcards: Mapping[str, str]
    threads: int = 1
    mem_mb: int = 0
    runtime_min: int = 0
    needs: tuple[int, ...] = ()

    @property
    def is_sharded(self) -> bool:
        """Whether there is one for each shard."""
        return "shard" in self.wildcards


def jobs_of_one_shard(config: Mapping[str, Any]) -> list[Job]:
    """Every job of a run with one shard, of which nothing is done yet: each after those that it
    needs.

    The rules and shards are the config's, so that which jobs there are does not depend on the
    recordings. Raises ValueError with Snakemake's message when it does not take the config.
    """
    with TemporaryDirectory(prefix="aubert-plan-") as folder:
        directory = Path(folder)
        _write_config(directory, {**config, "num_shards": 1})
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE)]
        command += ["--directory", folder, "--configfile", str(directory / "config.yaml")]
        command += ["--workflow-profile", "none", "--cores", "1000", "--dry-run", "--nocolor"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise ValueError(f"Snakemake does not take this config:\n{done.stdout}")
    found: list[Job] = []
    made_by: dict[str, int] = {}
    for rule, text in _BLOCK.findall(done.stdout):
        lines = dict(_LINE.findall(text))
        resources = dict(_PAIR.findall(lines.get("resources", "")))
        inputs, outputs = (lines.get(name, "").split(", ") for name in ("input", "output"))
        found.append(
            Job(
                rule,
                dict(_PAIR.findall(lines.get("wildcards", ""))),
                int(lines.get("threads", 1)),
                int(resources.get("mem_mb", 0)),
                int(resources.get("runtime", 0)),
                tuple(sorted({made_by[path] for path in inputs if path in made_by})),
            )
        )
        made_by |= dict.fromkeys(filter(None, outputs), len(found) - 1)
    assert found, done.stdout
    return found


def count_jobs(jobs: Iterable[Job], num_shards: int) -> dict[str, int]:
    """rule -> its jobs in a run with so many shards."""
    counts: Counter[str] = Counter()
    for job in jobs:
        counts[job.rule] += num_shards if job.is_sharded else 1
    return dict(counts)


# A job in a dry run: a line with its rule, then `    name: value` lines.
_BLOCK = re.compile(r"^(?:local)?rule (\w+):\n((?:    \w+: .*\n)*)", re.MULTILINE)
_LINE = re.compile(r"^    (\w+): (.*)$", re.MULTILINE)
_PAIR = re.compile(r"(\w+)=([^,]*)")


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
