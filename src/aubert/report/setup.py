"""Configuration and versions: what another run needs to come out alike."""

from __future__ import annotations

import platform
from importlib import metadata

import yaml

from aubert import __version__
from aubert.report.blocks import Code, Section, Table
from aubert.report.run import Run

_PACKAGES = (
    "torch", "torchaudio", "transformers", "numpy", "scikit-learn", "pyarrow", "soundfile",
    "soxr", "pocketsphinx", "pyctcdecode", "ufal-kenlm", "python-Levenshtein",
    "rapidfuzz", "silero-vad", "onnxruntime", "webrtcvad-wheels",
)  # fmt: skip


def section(run: Run) -> Section:
    rows = [("aubert", __version__), ("Python", platform.python_version())]
    rows += [(name, _version(name)) for name in _PACKAGES]
    text = yaml.safe_dump(dict(run.config), sort_keys=False, allow_unicode=True)
    return Section(
        "setup",
        "Configuration and versions",
        "The whole configuration, overlays included; and what it ran with.",
        [Code("Configuration", text), Table("Versions", ("package", "version"), rows)],
    )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
