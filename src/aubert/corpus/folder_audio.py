"""One file of a folder of audiobooks as recordings of the corpus: linked, or made to FLAC."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import soundfile

from aubert import audio, decoder, ffmpeg
from aubert.corpus import convert
from aubert.corpus.shards import AUDIO_SUFFIXES
from aubert.corpus.tags import Mark, Tags

VERSION = 2  # raised when `make` makes other samples of the same file
PROTECTED_SUFFIXES = (".aa", ".aax", ".aaxc", ".m4p")
_BLOCK_S = 30
_SLACK = 0.01  # of lengths in headers of what only ffmpeg reads: some are estimates


@dataclass
class Made:
    """What became of one file. state: what it was made from; names: of the recordings' audio,
    below the corpus's folder; titles: of their chapters, "" where none is known; seconds: of sound;
    announced_s: what the header says, where that is another length; reason, detail: why it is not
    used"""

    state: str = ""
    names: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    seconds: float = 0.0
    announced_s: float | None = None
    reason: str | None = None
    detail: str = ""


@dataclass(frozen=True)
class Recording:
    """A file to be made. source: absolute; folder: below `out`; name: in it, without suffix;
    marks: of a cue sheet, which count before the file's own"""

    source: Path
    out: Path
    folder: PurePosixPath
    name: str
    tags: Tags
    marks: Sequence[Mark] = ()

    def path(self, suffix: str, number: int = 0) -> str:
        return str(self.folder / f"{self.name}{f' - {number:03}' if number else ''}{suffix}")


def make(recording: Recording) -> Made:
    """Links or converts one file: every sample of it, to the last that can be decoded. One that
    cannot be decoded is linked as it is, so that the index counts it among its rejects."""
    try:
        if decoder.needs_ffmpeg(recording.source):
            made = _by_ffmpeg(recording)
        else:
            made = _by_libsndfile(recording)
    except ValueError as error:
        return _unreadable(recording, error)
    if made.announced_s is not None:
        print(
            f"{recording.source.name}: the header says {made.announced_s:.1f} s, "
            f"{made.seconds:.1f} s can be decoded: all of that is used",
            file=sys.stderr,
        )
    return made


def _by_libsndfile(recording: Recording) -> Made:
    source = recording.source
    header = audio.measure(source)
    rate_hz = header.sample_rate_hz
    announced_s = header.num_announced / rate_hz if header.num_announced else None
    made = Made(seconds=header.num_samples / rate_hz, announced_s=announced_s)
    spans = _spans(recording, recording.tags.marks)
    spans = [span for span in spans if span[0] * rate_hz < header.num_samples]
    if (
        len(spans) == 1
        and announced_s is None
        and decoder.info(source).frames >= header.num_samples
    ):
        suffix = source.suffix.lower()
        # libsndfile goes by what a file holds, not by its name.
        name = recording.path(suffix if suffix in AUDIO_SUFFIXES else ".wav")
        made.names, made.titles = [_link(recording, name)], [spans[0][2]]
        return made
    with audio.Reader(source, rate_hz, in_order=announced_s is not None) as reader:
        for number, (start_s, end_s, title) in _numbered(spans):
            start = round(start_s * rate_hz)
            end = header.num_samples if end_s is None else round(end_s * rate_hz)
            name = recording.path(".flac", number)
            pieces = _pieces(reader, start, min(end, header.num_samples), _BLOCK_S * rate_hz)
            convert.write_flac(recording.out / name, rate_hz, pieces)
            made.names.append(name)
            made.titles.append(title)
    return made


def _pieces(reader: audio.Reader, start: int, end: int, size: int) -> Iterator[np.ndarray]:
    for at in range(start, end, size):
        yield reader.decode([(at, min(at + size, end))])


def _by_ffmpeg(recording: Recording) -> Made:
    if ffmpeg.command() is None:
        raise ValueError("libsndfile does not read it, and ffmpeg is not installed")
    source, made = recording.source, Made()
    for number, (start_s, end_s, title) in _numbered(_spans(recording, convert.marks_of(source))):
        name = recording.path(".flac", number)
        try:
            convert.to_flac(source, recording.out / name, start_s or None, end_s)
        except ValueError:
            if not made.names:
                raise
            break  # a mark behind the last sound
        made.names.append(name)
        made.titles.append(title)
        made.seconds += soundfile.info(str(recording.out / name)).duration
    stated_s = recording.tags.seconds
    if stated_s and abs(stated_s - made.seconds) > max(0.5, _SLACK * stated_s):
        made.announced_s = stated_s
    return made


def _spans(recording: Recording, own: Sequence[Mark]) -> list[tuple[float, float | None, str]]:
    """(start, end, title) of the chapters; one without times where none are marked."""
    marks = recording.marks if len(recording.marks) > 1 else own
    if len(marks) > 1:
        return convert.spans(marks)
    of_track = recording.marks[0].title if recording.marks else ""
    return [(0.0, None, of_track or recording.tags.title or "")]


def _numbered(spans: Sequence[tuple]) -> Iterator[tuple[int, tuple]]:
    return zip(range(1, len(spans) + 1) if len(spans) > 1 else [0], spans, strict=True)


def _link(recording: Recording, name: str) -> str:
    (recording.out / name).unlink(missing_ok=True)
    (recording.out / name).symlink_to(recording.source)
    return name


def _unreadable(recording: Recording, error: ValueError) -> Made:
    print(f"{recording.source.name}: {error}", file=sys.stderr)
    suffix = recording.source.suffix.lower()
    if suffix in PROTECTED_SUFFIXES:
        return Made(reason="protected", detail=str(error))
    name = recording.path(suffix if suffix in AUDIO_SUFFIXES else ".wav")
    is_empty = isinstance(error, audio.AudioError) and error.reason == "audio_empty"
    reason = "empty" if is_empty else "unreadable"
    return Made(names=[_link(recording, name)], titles=[""], reason=reason, detail=str(error))
