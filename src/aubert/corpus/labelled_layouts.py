"""Layouts of speech with transcripts: where each keeps text, speaker and audio.

LibriSpeech: <folder>/.../<speaker>-<chapter>.trans.txt   <utterance id> <text>
             <utterance id>.flac beside it
MLS:         <folder>/.../transcripts.txt                 <utterance id><tab><text>
             audio/<speaker>/<book>/<utterance id>.flac beside it; ids are <speaker>_<book>_<number>
Kaldi:       <folder>/.../wav.scp, text, utt2spk and, where utterances are parts of recordings,
             segments ("Data preparation" in Kaldi's documentation)
lhotse:      <folder>/.../*supervisions*.jsonl.gz with *recordings*.jsonl.gz beside it, or, where
             there are no supervisions, *cuts*.jsonl.gz; .jsonl too

Audio of the first two may have any suffix of AUDIO_SUFFIXES.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from aubert.corpus.manifest import UNKNOWN, items
from aubert.corpus.shards import AUDIO_SUFFIXES

# Of wav.scp: programs that decode a file, and flags that do nothing else to it, with the number of
# words that belong to each.
_DECODERS = {
    "cat": {},
    "flac": {"-c": 0, "-d": 0, "-s": 0, "-cd": 0, "-dc": 0, "-cds": 0, "-dcs": 0, "--decode": 0,
             "--stdout": 0, "--silent": 0},
    "ffmpeg": {"-nostdin": 0, "-hide_banner": 0, "-loglevel": 1, "-v": 1, "-i": 0, "-ac": 1,
               "-ar": 1, "-f": 1, "-": 0},
}  # fmt: skip

_Part = tuple[str, tuple[float, float] | None]  # recording, interval_s


class Line(NamedTuple):
    """A transcript.

    place: file and number of the line
    paths: where the audio may be
    interval_s: of the audio, start and end; None: all of it
    has_extra: whether the audio also holds speech that the text does not, as aubert's own export
      to lhotse says
    """

    place: str
    utterance_id: str
    text: str
    paths: list[Path]
    speaker: str
    book_id: str | None = None
    interval_s: tuple[float, float] | None = None
    has_extra: bool = False


_Reader = Callable[[Path], Iterator[Line]]


def files_below(folder: Path) -> list[Path]:
    """Sorted; links to folders are not followed."""
    return sorted(Path(root, name) for root, _, names in os.walk(folder) for name in names)


def lines_of(folder: Path) -> Iterator[Line]:
    """Every transcript below the folder. Raises ValueError, with file and line, for what is not
    as its layout has it; and where there is none."""
    found = list(_transcripts(files_below(folder)))
    if not found:
        raise ValueError(
            f"{folder} holds no transcripts: a labelled folder has LibriSpeech's layout, "
            f"<speaker>/<chapter>/<speaker>-<chapter>.trans.txt with .flac files beside, that of "
            f"MLS, transcripts.txt beside audio/<speaker>/<book>/, Kaldi's wav.scp, text and "
            f"utt2spk, or lhotse's *supervisions*.jsonl.gz and *recordings*.jsonl.gz"
        )
    for path, read in found:
        yield from read(path)


def listed_files(files: Iterable[Path]) -> set[Path]:
    """Audio that those of the files name by path which are transcripts; it may lie anywhere. What
    `lines_of` refuses is passed over."""
    found: set[Path] = set()
    for path, read in _transcripts(files):
        if read not in (_librispeech, _mls):
            with suppress(ValueError):
                found.update(*(line.paths for line in read(path)))
    return found


def _transcripts(files: Iterable[Path]) -> Iterator[tuple[Path, _Reader]]:
    for path in files:
        read = next((of for matches, of in _LAYOUTS if matches(path)), None)
        if read is not None:
            yield path, read


def _text_lines(path: Path) -> Iterator[tuple[str, str]]:
    """(file and number, line) of those that hold something."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text ({error}); fetch it again") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield f"{path}:{number}", line


def _with_suffix(stem: Path) -> list[Path]:
    return [stem.with_name(f"{stem.name}{suffix}") for suffix in AUDIO_SUFFIXES]


def _librispeech(transcript: Path) -> Iterator[Line]:
    for place, line in _text_lines(transcript):
        utterance_id, *text = line.split(maxsplit=1)
        paths = _with_suffix(transcript.with_name(utterance_id))
        yield Line(place, utterance_id, "".join(text), paths, utterance_id.split("-")[0])


def _mls(transcript: Path) -> Iterator[Line]:
    for place, line in _text_lines(transcript):
        utterance_id, _, text = line.strip().partition("\t")
        parts = utterance_id.split("_")
        if len(parts) != 3:
            raise ValueError(
                f"{place}: {utterance_id!r} is no id of MLS, <speaker>_<book>_<number>, with a tab "
                f"before the text"
            )
        stem = transcript.parent / "audio" / parts[0] / parts[1] / utterance_id
        yield Line(place, utterance_id, text, _with_suffix(stem), *parts[:2])


# --- Kaldi


def _kaldi(recordings: Path) -> Iterator[Line]:
    """recordings: wav.scp"""
    folder = recordings.parent
    audio = {name: _audio_of(place, rest, folder) for place, name, rest in _table(recordings)}
    speakers = {name: speaker.strip() for _, name, speaker in _table(folder / "utt2spk")}
    parts: dict[str, _Part] = {name: (name, None) for name in audio}
    if (folder / "segments").is_file():
        parts = {name: _segment(place, rest) for place, name, rest in _table(folder / "segments")}
    for place, name, text in _table(folder / "text"):
        if name not in parts or parts[name][0] not in audio:
            raise ValueError(f"{place}: {name} has no audio in wav.scp; add it, or delete the line")
        if name not in speakers:
            raise ValueError(f"{place}: {name} has no speaker in utt2spk; add it")
        recording, interval_s = parts[name]
        yield Line(place, name, text, [audio[recording]], speakers[name], None, interval_s)


def _table(path: Path) -> Iterator[tuple[str, str, str]]:
    """(file and number, first word, the rest) of each line."""
    if not path.is_file():
        raise ValueError(f"{path} is not there; a data directory of Kaldi has it beside wav.scp")
    for place, line in _text_lines(path):
        name, *rest = line.split(maxsplit=1)
        yield place, name, "".join(rest)


def _segment(place: str, rest: str) -> _Part:
    try:
        recording, start, end = rest.split()[:3]
        interval_s = float(start), float(end)
    except ValueError:
        raise ValueError(f"{place}: a segment is <utterance> <recording> <start> <end>") from None
    if not 0 <= interval_s[0] < interval_s[1]:
        raise ValueError(f"{place}: the segment ends at {end} s, where it begins at {start} s")
    return recording, interval_s


def _audio_of(place: str, source: str, folder: Path) -> Path:
    """A file, or the one that a command decodes. No command is run. Paths count from the working
    directory, as Kaldi's do, else from the folder of wav.scp."""
    source = source.strip()
    name = _decoded(place, source.removesuffix("|")) if source.endswith("|") else source
    found = next((path for path in (Path(name), folder / name) if path.is_file()), None)
    if found is None:
        raise ValueError(f"{place}: no file is at {name}; correct the path")
    return found


def _decoded(place: str, command: str) -> str:
    """The one file that a command of _DECODERS has."""
    try:
        program, *words = shlex.split(command)
        flags, files, left = _DECODERS[Path(program).name], [], iter(words)
        for word in left:
            if word not in flags:
                files.append(word)
            for _ in range(flags.get(word, 0)):
                next(left)
        (file,) = files
    except (ValueError, KeyError, StopIteration):
        raise ValueError(
            f"{place}: aubert runs no command, and takes a file only from one that decodes it and "
            f"does no more ({', '.join(_DECODERS)}); write the audio to a file, and its path here"
        ) from None
    return file


# --- lhotse


def _lhotse_supervisions(path: Path) -> Iterator[Line]:
    recordings: dict[str, Mapping[str, Any]] = {}
    for other in _beside(path, "recordings"):
        recordings |= {str(item.get("id")): item for _, item in items(other)}
    channels: dict[str, Any] = {}
    for where, item in items(path):
        place, recording = f"{path}: {where}", recordings.get(str(item.get("recording_id")))
        if recording is None:
            raise ValueError(
                f"{place}: recording {item.get('recording_id')!r} is in no *recordings*.jsonl "
                f"beside it; copy that manifest there"
            )
        yield _line(place, item, recording, 0.0, channels)


def _lhotse_cuts(path: Path) -> Iterator[Line]:
    channels: dict[str, Any] = {}
    for where, item in items(path):
        place = f"{path}: {where}"
        if not isinstance(item.get("recording"), Mapping):
            raise ValueError(f"{place} is no MonoCut with a recording; save the cuts' supervisions")
        for supervision in item.get("supervisions") or []:
            yield _line(place, supervision, item["recording"], float(item["start"]), channels)


def _line(
    place: str,
    item: Mapping[str, Any],
    recording: Mapping[str, Any],
    offset_s: float,
    channels: dict[str, Any],
) -> Line:
    """channels: of each recording the one that its supervisions are of; all of a file are mixed, so
    voices on channels of their own would sound at once."""
    try:
        (source,) = recording["sources"]
        if source["type"] != "file" or recording.get("transforms"):
            raise ValueError
        start_s = offset_s + float(item["start"])
        interval_s = start_s, start_s + float(item["duration"])
        name = str(item["id"])
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            f"{place} is no supervision of one audio file, with id, start and duration"
        ) from None
    channel = item.get("channel")
    if channels.setdefault(str(recording.get("id")), channel) != channel:
        raise ValueError(
            f"{place}: {name} is of another channel than supervisions before it of the same "
            f"recording; write each channel to a file of its own"
        )
    return Line(
        place,
        name,
        str(item.get("text") or ""),
        [Path(source["source"])],
        str(item.get("speaker") or UNKNOWN),
        None,
        interval_s,
        bool((item.get("custom") or {}).get("has_extra")),
    )


def _beside(path: Path, kind: str) -> list[Path]:
    return sorted(each for each in path.parent.iterdir() if _is_lhotse(each, kind))


def _is_lhotse(path: Path, kind: str) -> bool:
    return kind in path.name and path.name.endswith((".jsonl", ".jsonl.gz"))


def _is_cuts_alone(path: Path) -> bool:
    """Cuts beside supervisions are of the same utterances."""
    return _is_lhotse(path, "cuts") and not _beside(path, "supervisions")


_LAYOUTS: tuple[tuple[Callable[[Path], bool], _Reader], ...] = (
    (lambda path: path.name.endswith(".trans.txt"), _librispeech),
    (lambda path: path.name == "transcripts.txt", _mls),
    (lambda path: path.name == "wav.scp", _kaldi),
    (lambda path: _is_lhotse(path, "supervisions"), _lhotse_supervisions),
    (_is_cuts_alone, _lhotse_cuts),
)
