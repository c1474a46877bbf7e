"""Cue sheets: where the chapters of an audio file begin, in a text file beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from aubert.corpus.tags import Mark, ordered
from aubert.text.decode import decode

_LINE = re.compile(r"\s*(\w+)\s+(.*?)\s*$")
_FRAMES_PER_S = 75


def read_cue(path: Path) -> Mapping[str, list[Mark]]:
    """The marks of each audio file that the sheet names (FILE, TRACK, TITLE, INDEX 01), by its
    name; one mark alone where a file is one track. What is not understood is passed over."""
    found: dict[str, list[Mark]] = {}
    marks: list[Mark] = []
    title, in_track = "", False
    for line in decode(path.read_bytes()).text.splitlines():
        match = _LINE.match(line.lstrip("\ufeff"))
        if not match:
            continue
        command, rest = match[1].upper(), match[2]
        if command == "FILE":
            marks = found.setdefault(_file(rest), [])
            in_track = False
        elif command == "TRACK":
            title, in_track = "", True
        elif command == "TITLE" and in_track:
            title = rest.strip('"').strip()
        elif command == "INDEX" and in_track and (start_s := _time(rest)) is not None:
            marks.append(Mark(start_s, title))
    return {name: ordered(marks) or marks[:1] for name, marks in found.items()}


def _file(rest: str) -> str:
    """The name alone: sheets give it with folders of the machine that they were made on."""
    quoted = re.match(r'"(.*)"', rest)
    name = quoted[1] if quoted else rest.rsplit(None, 1)[0]
    return re.split(r"[/\\]", name)[-1]


def _time(rest: str) -> float | None:
    """Of INDEX 01 mm:ss:ff, the start of the track; 00 is the pause before it."""
    match = re.fullmatch(r"0*1\s+(\d+):(\d+):(\d+)", rest)
    if not match:
        return None
    minutes, seconds, frames = map(int, match.groups())
    return minutes * 60 + seconds + frames / _FRAMES_PER_S
