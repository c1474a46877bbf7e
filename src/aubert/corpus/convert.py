"""Audio that libsndfile does not read, by ffmpeg; and recordings as FLAC, whole or by chapters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile

from aubert import ffmpeg
from aubert.corpus.tags import Mark, ordered
from aubert.files import NoRoom, complete

_CHAPTER = re.compile(
    r"^\[CHAPTER\]\nTIMEBASE=(\d+)/(\d+)\nSTART=(-?\d+)\nEND=-?\d+\n(?:title=((?:\\.|[^\\])*?)\n)?",
    re.MULTILINE | re.DOTALL,
)
_MIN_CHAPTER_S = 0.2  # between two marks; of a shorter one nothing can be read


def marks_of(path: Path) -> list[Mark]:
    """The chapters that the file marks, as ffmpeg finds them; one alone is none."""
    done = ffmpeg.run(["-i", str(path), "-f", "ffmetadata", "-"])
    text = done.stdout.decode("utf-8", "replace")
    found = []
    for match in _CHAPTER.finditer(text):
        numerator, denominator, start, title = match.groups()
        start_s = max(0.0, int(start) * int(numerator) / int(denominator))
        found.append(Mark(start_s, re.sub(r"\\(.)", r"\1", title or "", flags=re.DOTALL).strip()))
    return ordered(found)


def spans(marks: Iterable[Mark]) -> list[tuple[float, float | None, str]]:
    """(start, end, title) of the chapters in seconds: from the first sound to the last, whatever
    lies before the first mark or behind the last. No end is the end of the file."""
    kept: list[Mark] = []
    for mark in marks:
        if not kept or mark.start_s - kept[-1].start_s >= _MIN_CHAPTER_S:
            kept.append(mark)
    starts = [0.0, *(mark.start_s for mark in kept[1:])]
    ends = [*starts[1:], None]
    return [(start, end, mark.title) for start, end, mark in zip(starts, ends, kept, strict=True)]


def to_flac(
    source: Path, target: Path, start_s: float | None = None, end_s: float | None = None
) -> None:
    """Writes the file, or what lies between two times of it, as FLAC by ffmpeg: mono, 16 bits, at
    the source's rate.

    Raises ValueError with ffmpeg's words where nothing can be decoded; a file that is damaged
    further on is used up to there.
    """
    span = ["-ss", f"{start_s:.6f}"] if start_s else []
    span += ["-to", f"{end_s:.6f}"] if end_s is not None else []
    with complete(target) as part:
        form = ["-map", "0:a:0", "-ac", "1", "-sample_fmt", "s16", "-y", "-f", "flac"]
        done = ffmpeg.run([*span, "-i", str(source), *form, str(part)])
        try:
            is_empty = done.returncode or soundfile.info(str(part)).frames == 0
        except soundfile.LibsndfileError:
            is_empty = True
        if is_empty:
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
            words = lines[-1].removeprefix(f"{source}: ") if lines else "it holds no sound"
            raise ValueError(f"ffmpeg: {words}")


def write_flac(target: Path, rate_hz: int, pieces: Iterable[np.ndarray]) -> int:
    """Writes samples in [-1, 1] as FLAC, 16 bits; returns how many."""
    num_samples = 0
    with complete(target) as part:
        try:
            with soundfile.SoundFile(str(part), "w", rate_hz, 1, "PCM_16", format="FLAC") as file:
                for piece in pieces:
                    file.write(np.clip(piece, -1, 1))
                    num_samples += len(piece)
        except soundfile.LibsndfileError as error:
            # It says no more than "System error" where the disk is full.
            raise NoRoom(f"{target} cannot be written ({error}): is the disk full?") from error
    return num_samples


def excerpt(path: Path, start_s: float, seconds: float, rate_hz: int) -> np.ndarray:
    """Mono float32 samples of a stretch of any file, by ffmpeg; fewer where it ends."""
    span = ["-ss", f"{start_s:.3f}", "-t", f"{seconds:.3f}"]
    form = ["-map", "0:a:0", "-ac", "1", "-ar", str(rate_hz), "-f", "f32le", "-"]
    done = ffmpeg.run([*span, "-i", str(path), *form])
    return np.frombuffer(done.stdout[: len(done.stdout) // 4 * 4], np.float32)
