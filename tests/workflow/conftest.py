from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from snakemake_run import NOTHING_TRAINED, ROOT, Run

from aubert.corpus.mini import make_mini


@pytest.fixture(scope="session")
def mini_corpus(tmp_path_factory) -> Path:
    """The miniature corpus as it lies on disk; tests take from it and leave it as it is."""
    root = tmp_path_factory.mktemp("corpus")
    make_mini(root)
    return root


@pytest.fixture(scope="session")
def mini_run(tmp_path_factory) -> Run:
    """The default run up to the word-aligned corpus, done once for all tests that look at it.

    It runs a copy of the checkout, so that a test can edit the code.
    """
    house = tmp_path_factory.mktemp("house")
    for name in ("src", "workflow", "envs"):
        shutil.copytree(ROOT / name, house / name)
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, house / name)
    run = Run(tmp_path_factory.mktemp("mini"), NOTHING_TRAINED, house)
    run.snakemake()
    return run
