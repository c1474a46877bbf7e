"""`systems` decides what plain `snakemake` trains; each one's target trains it in any case."""

from __future__ import annotations

import pytest
from snakemake_run import NOTHING_TRAINED, Run

SYSTEMS = ["hubert", "ctc", "aubert", "clar", "separation"]
# What each is named by in the config; with it empty, there is nothing to train.
LISTS = {
    "hubert": {"iterations": []},
    "ctc": {"inits": []},
    "aubert": {"scorers": []},
    "clar": {"arms": []},
}


def trained(run: Run, *targets: str) -> set[str]:
    """The systems that jobs of a dry run train."""
    rules = {job["rule"] for job in run.job_list(*targets)}
    return {name for name in SYSTEMS if f"{name}_train" in rules}


def test_plain_snakemake_trains_the_systems_that_are_named(tmp_path):
    run = Run(tmp_path, NOTHING_TRAINED)
    assert trained(run) == set()
    named = ["clar", "separation"]
    assert trained(run.with_config(systems=named)) == set(named)


def test_a_target_trains_its_system_though_it_is_not_named(tmp_path):
    run = Run(tmp_path, NOTHING_TRAINED)
    assert trained(run, *SYSTEMS) == set(SYSTEMS)
    assert trained(run, "hubert", "separation") == {"hubert", "separation"}


@pytest.mark.parametrize("system", LISTS)
def test_a_target_that_the_config_leaves_nothing_to_train_is_one_clear_line(tmp_path, system):
    run = Run(tmp_path, {**NOTHING_TRAINED, **LISTS})
    (key,) = LISTS[system]
    output = run.snakemake("--dry-run", system, check=False)
    (line,) = (line for line in output.splitlines() if f"config: {system}.{key} is empty: " in line)
    assert "Traceback" not in output and "Exception" not in output, line


def test_nor_may_such_a_system_be_named(tmp_path):
    run = Run(tmp_path, {**NOTHING_TRAINED, **LISTS})
    assert trained(run) == set()
    output = run.with_config(systems=["separation", "clar"]).snakemake("--dry-run", check=False)
    assert "config: clar.arms is empty: " in output and "Traceback" not in output
