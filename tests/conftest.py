from pathlib import Path

import pytest

REAL = Path(__file__).parents[2] / "shared" / "real"


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real recordings with references that may lie beside the checkout."""
    if not REAL.is_dir():
        pytest.skip(f"no real recordings at {REAL.parent.name}/{REAL.name} beside the checkout")
    return REAL
