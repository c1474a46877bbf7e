"""requirements.txt, the conda environment and pyproject.toml install the same versions."""

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
CONDA = yaml.safe_load((ROOT / "envs" / "aubert.yaml").read_text())["dependencies"]
(CONDA_PYTHON,) = (d.removeprefix("python=") for d in CONDA if str(d).startswith("python="))
# What conda's pip installs, and what the script installs after it.
CONDA_PIP = [
    *next(d["pip"] for d in CONDA if type(d) is dict),
    *re.findall(r"\S+==\S+", (ROOT / "envs" / "aubert.post-deploy.sh").read_text()),
]

# Modules that another package than the declared one carries.
MODULES = {"Levenshtein": "python-levenshtein"}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def requirements(python: str | None = None) -> dict[str, str]:
    """Name to pinned version, for one Python on Linux; None: for the Python that runs this."""
    version = {"python_version": python, "python_full_version": f"{python}.0"} if python else {}
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    found = [r for r in map(Requirement, lines) if not r.marker or r.marker.evaluate(version)]
    assert len({r.name for r in found}) == len(found)
    return {r.name: str(r.specifier).removeprefix("==") for r in found}


def _pythons() -> list[str]:
    lowest, end = re.fullmatch(
        r">=3\.(\d+),<3\.(\d+)", project()["project"]["requires-python"]
    ).groups()
    return [f"3.{minor}" for minor in range(int(lowest), int(end))]


def test_requirements_hold_no_address():
    assert not re.search(r"https?://|--|file:", (ROOT / "requirements.txt").read_text())


@pytest.mark.parametrize("python", _pythons())
def test_requirements_hold_every_direct_dependency(python):
    pinned = requirements(python)
    for line in project()["project"]["dependencies"]:
        wanted = Requirement(line)
        if not wanted.marker or wanted.marker.evaluate({"python_version": python}):
            assert pinned[wanted.name.lower()] in wanted.specifier, f"{line} on {python}"


def test_every_import_is_declared():
    declared = {
        canonicalize_name(Requirement(line).name)
        for lines in [
            project()["project"]["dependencies"],
            *project()["project"]["optional-dependencies"].values(),
        ]
        for line in lines
    }
    nodes = [
        node
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]
    names = {n.name for node in nodes if isinstance(node, ast.Import) for n in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    modules = {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"aubert"}
    packages = metadata.packages_distributions()
    for module in modules:
        owners = {MODULES.get(module), *map(canonicalize_name, packages.get(module, []))}
        assert owners & declared, f"{module} is imported; declare its package in pyproject.toml"


def test_conda_pins_are_those_of_requirements():
    pinned = requirements(CONDA_PYTHON)
    assert {name.lower(): version for name, version in (p.split("==") for p in CONDA_PIP)} == {
        name: pinned[name] for name in (p.split("==")[0].lower() for p in CONDA_PIP)
    }


def test_conda_holds_every_direct_dependency():
    direct = {Requirement(line).name for line in project()["project"]["dependencies"]}
    # Snakemake runs outside of the jobs' environment.
    assert direct - {pin.split("==")[0] for pin in CONDA_PIP} == {"snakemake"}


def test_only_the_pin_on_numpy_is_overridden():
    """Where this fails with an empty set, the override and the conda script can go."""
    pinned = requirements()
    conflicts = set()
    for name in pinned:
        try:
            wanted = map(Requirement, metadata.requires(name) or [])
        except metadata.PackageNotFoundError:
            continue  # of another platform or an optional group
        conflicts |= {
            (name, each.name)
            for each in wanted
            if not each.marker or each.marker.evaluate({"extra": ""})
            if pinned[canonicalize_name(each.name)] not in each.specifier
        }
    assert conflicts == {("pyctcdecode", "numpy")}
    assert project()["tool"]["uv"]["override-dependencies"] == ["numpy>=2"]
