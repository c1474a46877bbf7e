from __future__ import annotations

import shutil

import pytest
from snakemake_run import NOTHING_TRAINED, Run
from tiny_run import copy_house, tiny_run


@pytest.fixture(scope="session")
def mini_run(tmp_path_factory, mini_corpus) -> Run:
    """The default run up to the word-aligned corpus, done once for all tests that look at it.

    It runs a copy of the checkout, so that a test can edit the code.
    """
    house = copy_house(tmp_path_factory.mktemp("house"))
    run = Run(tmp_path_factory.mktemp("mini"), NOTHING_TRAINED, house)
    shutil.copytree(mini_corpus, run.directory / "data/mini")
    run.snakemake()
    return run


@pytest.fixture(scope="session")
def finished_tiny_run(tmp_path_factory, mini_corpus) -> Run:
    """The whole workflow on seconds of speech, done once. It runs a copy of the checkout."""
    house = copy_house(tmp_path_factory.mktemp("tiny_house"))
    run = tiny_run(tmp_path_factory.mktemp("tiny"), mini_corpus, house)
    run.snakemake()
    return run
