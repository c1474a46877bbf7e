from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

SHARED = Path(__file__).parents[2] / "shared"
REAL, FAULTS = SHARED / "real", SHARED / "faults"

# No test depends on how fast the machine is, or what else it does.
settings.register_profile("aubert", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("aubert")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With pytest-xdist a module's tests run in one process, and so do the modules that share a
    run by their own mark. Whole workflows go first: what is short fills up the end."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    items.sort(key=lambda item: "unit" in item.path.parts)


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real recordings with references that may lie beside the checkout."""
    if not REAL.is_dir():
        pytest.skip(f"no real recordings at {REAL.parent.name}/{REAL.name} beside the checkout")
    return REAL


@pytest.fixture(scope="session")
def faults() -> Path:
    """The folder of inputs that once failed, a folder each, that may lie beside the checkout."""
    if not FAULTS.is_dir():
        pytest.skip(f"no inputs at {SHARED.name}/{FAULTS.name} beside the checkout")
    return FAULTS


@pytest.fixture(scope="session")
def mini_corpus() -> Path:
    """The checkout's miniature corpus, which the workflow makes where it is missing or older than
    its code. Tests take from it and leave it as it is."""
    from snakemake_run import ROOT, in_the_checkout

    with in_the_checkout() as run:
        run.snakemake("data/mini/manifest.json")
    return ROOT / "data/mini"
