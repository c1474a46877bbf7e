"""Where the real recordings with references lie."""

from pathlib import Path

ROOT = Path(__file__).parents[1]


def real_recordings(*parts: str) -> Path:
    """A folder of ../shared/real beside the checkout; ends the program where it is absent."""
    path = ROOT.parent.joinpath("shared", "real", *parts)
    if not path.exists():
        raise SystemExit(f"the recordings that this benchmark needs are not there: {path}")
    return path
