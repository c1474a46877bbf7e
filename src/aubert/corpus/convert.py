"""Audio that libsndfile does not read, by ffmpeg, as FLAC: a file for each marked chapter."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import soundfile

from aubert.corpus.shards import AUDIO_SUFFIXES
from aubert.files import complete

# Of files that hold sound and that libsndfile or ffmpeg reads.
OTHER_SUFFIXES = (
    ".aac", ".aif", ".aiff", ".amr", ".ape", ".au", ".caf", ".m4a", ".m4b", ".mka", ".mp4",
    ".mpc", ".oga", ".w64", ".webm", ".wma", ".wv",
)  # fmt: skip
_CHAPTER = re.compile(r"^\[CHAPTER\]\nTIMEBASE=(\d+)/(\d+)\nSTART=(\d+)\nEND=(\d+)$", re.MULTILINE)


class Chapter(NamedTuple):
    start_s: float
    end_s: float


def is_audio(name: str) -> bool:
    return name.lower().endswith((*AUDIO_SUFFIXES, *OTHER_SUFFIXES))


def needs_ffmpeg(path: Path) -> bool:
    """Whether libsndfile does not read the file."""
    try:
        soundfile.info(str(path))
    except soundfile.LibsndfileError:
        return True
    return False


def ffmpeg() -> str | None:
    """The command, where it is installed."""
    return shutil.which("ffmpeg")


def chapters(path: Path) -> list[Chapter]:
    """The chapters that the file marks, as audiobooks in one .m4b do; one or none is none."""
    command = [ffmpeg(), "-nostdin", "-loglevel", "error", "-i", str(path), "-f", "ffmetadata", "-"]
    done = subprocess.run(command, capture_output=True)
    text = done.stdout.decode("utf-8", "replace")
    found = []
    for match in _CHAPTER.finditer(text):
        numerator, denominator, start, end = map(int, match.groups())
        found.append(Chapter(*(at * numerator / denominator for at in (start, end))))
    return found if len(found) > 1 else []


def to_flac(source: Path, target: Path, chapter: Chapter | None = None) -> None:
    """Writes the file, or one chapter of it, as FLAC: mono, 16 bits, at the source's rate.

    Raises ValueError with ffmpeg's words where it cannot.
    """
    span = ["-ss", str(chapter.start_s), "-to", str(chapter.end_s)] if chapter else []
    with complete(target) as part:
        command = [ffmpeg(), "-nostdin", "-loglevel", "error", "-y", *span, "-i", str(source)]
        command += ["-map", "0:a:0", "-ac", "1", "-sample_fmt", "s16", "-f", "flac", str(part)]
        done = subprocess.run(command, capture_output=True)
        if done.returncode:
            words = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise ValueError(f"{source.name}: ffmpeg: {words[-1] if words else 'failed'}")
