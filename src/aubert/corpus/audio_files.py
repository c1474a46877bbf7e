"""The audio files that a command is given: by name, and all of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aubert.corpus.shards import is_audio


@dataclass
class AudioFiles:
    """paths: the files by name: of a file its own, in a folder its path below the folder.
    passed_over: files of the folders whose names say that they are no audio"""

    paths: dict[str, Path] = field(default_factory=dict)
    passed_over: list[Path] = field(default_factory=list)

    @property
    def note(self) -> str:
        """The end of a summary line: what the folders held besides audio."""
        if not self.passed_over:
            return ""
        first = self.passed_over[0].name
        return f"; {len(self.passed_over)} files are no audio and were passed over (first {first})"


def find_audio(inputs: Sequence[Path]) -> AudioFiles:
    """inputs: files of any name, and folders of which every audio file at any depth is taken.
    Raises ValueError for an input that is not there, a folder without audio, and two files of one
    name."""
    found = AudioFiles()
    for path in map(Path, inputs):
        if not path.exists():
            raise ValueError(f"{path} does not exist; give audio files, or folders of them")
        if path.is_dir():
            _add_folder(found, path)
        else:
            _add(found, path.name, path)
    return found


def _add_folder(found: AudioFiles, folder: Path) -> None:
    inside = sorted(path for path in folder.rglob("*") if path.is_file())
    audio = [path for path in inside if is_audio(path)]
    if not audio:
        raise ValueError(f"{folder} holds no audio among its {len(inside)} files")
    for path in audio:
        _add(found, path.relative_to(folder).as_posix(), path)
    hidden = (path.relative_to(folder).as_posix() for path in inside if not is_audio(path))
    found.passed_over += [folder / name for name in hidden if not name.startswith(".")]


def _add(found: AudioFiles, name: str, path: Path) -> None:
    there = found.paths.setdefault(name, path)
    if not there.samefile(path):
        raise ValueError(
            f"{there} and {path} have the same name here, {name}; give the folder that holds both, "
            f"or take them one after the other"
        )
