"""The conda environment and requirements.txt install the same versions."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def requirements() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = (line.split(";")[0].strip().split("==") for line in lines if "==" in line)
    return {name.lower(): version for name, version in pins}


def test_requirements_hold_no_address():
    assert not re.search(r"https?://|--|file:", (ROOT / "requirements.txt").read_text())


@pytest.mark.parametrize("path", sorted((ROOT / "envs").glob("*.yaml")))
def test_conda_pins_are_those_of_requirements(path):
    (pip,) = [d["pip"] for d in yaml.safe_load(path.read_text())["dependencies"] if type(d) is dict]
    pinned = requirements()
    assert pip and all(pinned[name] == version for name, version in (p.split("==") for p in pip))


def test_conda_holds_every_direct_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    direct = {re.match(r"[A-Za-z0-9_.-]+", line)[0] for line in project["dependencies"]}
    env = (ROOT / "envs" / "aubert.yaml").read_text()
    # Snakemake runs outside of the jobs' environment.
    assert {name for name in direct if f"- {name}==" not in env} == {"snakemake"}
