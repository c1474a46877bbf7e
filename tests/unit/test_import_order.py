"""Imports run downward through the rooms, as docs/architecture.md draws them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import aubert

SOURCE = Path(aubert.__file__).parent
# From the top down. A room imports rooms of lower lines, and of its own line only those to its
# right. The systems of one line import each other's plans alone.
ORDER = """
cli
workflow report cost config export
ctc crossmodal clar hubert separation
learn
evaluate
units align transcribe
encoders
download corpus mini
text
verbs
stage
tables
options audio decoder ffmpeg flac streams files progress gpus processes
"""
LINES = [line.split() for line in ORDER.split("\n") if line]
PLACE = {room: (y, x) for y, line in enumerate(LINES) for x, room in enumerate(line)}
SYSTEMS = {"hubert", "ctc", "crossmodal", "clar", "separation"}
MODULES = sorted(
    path for path in SOURCE.rglob("*.py") if path.parent != SOURCE or path.stem in PLACE
)


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Modules of aubert that a file imports, inside functions too: "units.mfcc"."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "aubert":
            names = [f"aubert.{each.name}" for each in node.names if each.name != "__version__"]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        yield from (name.removeprefix("aubert.") for name in names if name.startswith("aubert."))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_run_downward(path):
    room = room_of(path)
    for module in imported(path):
        other = module.split(".")[0]
        if other == room:
            continue
        assert PLACE[other] > PLACE[room], f"{path.name} of {room} imports {module}, which is above"
        if {room, other} <= SYSTEMS:
            assert module == f"{other}.plan", f"{room} imports {module}: the inside of a system"


def test_every_room_has_a_place():
    assert {room_of(path) for path in SOURCE.rglob("*.py")} - {"__init__", "__main__"} == set(PLACE)
