from pathlib import Path

import pytest

from aubert.mini import make_mini

SHARED = Path(__file__).parents[2] / "shared"
REAL, FAULTS = SHARED / "real", SHARED / "faults"


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
def mini_corpus(tmp_path_factory) -> Path:
    """The miniature corpus as it lies on disk; tests take from it and leave it as it is."""
    root = tmp_path_factory.mktemp("corpus")
    make_mini(root)
    return root
