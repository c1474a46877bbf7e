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

import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from aubert.corpus.manifest import UNKNOWN, items
from aubert.corpus.shards import AUDIO_SUFFIXES

# Of wav.scp: programs that decode a file and do nothing else to it, unless they have these flags.
_DECODERS = ("flac", "ffmpeg", "cat")
_CHANGES = ("-ss", "-t", "-to", "-af", "-filter:a", "-filter_complex", "-map", "--skip", "--until")

_Part = tuple[str, tuple[float, float] | None]  # recording, interval_s


class Line(NamedTuple):
    """A transcript. place: file and number of the line. paths: where the audio may be.
    interval_s: of the audio, start and end; None: all of it."""

    place: str
    utterance_id: str
    text: str
    paths: list[Path]
    speaker: str
    book_id: str | None = None
    interval_s: tuple[float, float] | None = None


def lines_of(folder: Path) -> Iterator[Line]:
    """Every transcript below the folder. Raises ValueError, with file and line, for what is not
    as its layout has it; and where there is none."""
    is_any = False
    for path in sorted(folder.rglob("*")):
        read = next((of for matches, of in _LAYOUTS if matches(path)), None)
        if read is not None and path.is_file():
            is_any = True
            yield from read(path)
    if not is_any:
        raise ValueError(
            f"{folder} holds no transcripts: a labelled folder has LibriSpeech's layout, "
            f"<speaker>/<chapter>/<speaker>-<chapter>.trans.txt with .flac files beside, that of "
            f"MLS, transcripts.txt beside audio/<speaker>/<book>/, Kaldi's wav.scp, text and "
            f"utt2spk, or lhotse's *supervisions*.jsonl.gz and *recordings*.jsonl.gz"
        )


def listed_files(folder: Path) -> set[Path]:
    """Audio that transcripts below the folder name by path; it may lie anywhere. What `lines_of`
    refuses is passed over."""
    found: set[Path] = set()
    for path in sorted(folder.rglob("*")):
        read = next((of for matches, of in _LAYOUTS if matches(path)), None)
        if read in (_kaldi, _lhotse_supervisions, _lhotse_cuts):
            with suppress(ValueError):
                found.update(*(line.paths for line in read(path)))
    return found


def text_lines(path: Path) -> Iterator[tuple[str, str]]:
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
    for place, line in text_lines(transcript):
        utterance_id, *text = line.split(maxsplit=1)
        paths = _with_suffix(transcript.with_name(utterance_id))
        yield Line(place, utterance_id, "".join(text), paths, utterance_id.split("-")[0])


def _mls(transcript: Path) -> Iterator[Line]:
    for place, line in text_lines(transcript):
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
    parts: dict[str, tuple[str, tuple[float, float] | None]] = {
        name: (name, None) for name in audio
    }
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
    for place, line in text_lines(path):
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
    words = [source.strip()]
    if source.rstrip().endswith("|"):
        program, *words = shlex.split(source.rstrip().rstrip("|"))
        if Path(program).name not in _DECODERS or any(word in _CHANGES for word in words):
            raise ValueError(
                f"{place}: aubert runs no command; write its audio to a file, and the path here"
            )
    tried = [path for word in words for path in (Path(word), folder / word)]
    found = [path for path in tried if path.is_file()]
    if not found:
        raise ValueError(f"{place}: no file is at {source.strip()}; correct the path")
    return found[0]


# --- lhotse


def _lhotse_supervisions(path: Path) -> Iterator[Line]:
    recordings: dict[str, Mapping[str, Any]] = {}
    for other in _beside(path, "recordings"):
        recordings |= {str(item.get("id")): item for _, item in items(other)}
    for where, item in items(path):
        place, recording = f"{path}: {where}", recordings.get(str(item.get("recording_id")))
        if recording is None:
            raise ValueError(
                f"{place}: recording {item.get('recording_id')!r} is in no *recordings*.jsonl "
                f"beside it; copy that manifest there"
            )
        yield _line(place, item, recording, 0.0)


def _lhotse_cuts(path: Path) -> Iterator[Line]:
    for where, item in items(path):
        place = f"{path}: {where}"
        if not isinstance(item.get("recording"), Mapping):
            raise ValueError(f"{place} is no MonoCut with a recording; save the cuts' supervisions")
        for supervision in item.get("supervisions") or []:
            yield _line(place, supervision, item["recording"], float(item["start"]))


def _line(
    place: str, item: Mapping[str, Any], recording: Mapping[str, Any], offset_s: float
) -> Line:
    try:
        sources = recording["sources"]
        (source,) = sources
        if source["type"] != "file" or recording.get("transforms"):
            raise ValueError
        start_s = offset_s + float(item["start"])
        interval_s = start_s, start_s + float(item["duration"])
        name = str(item["id"])
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            f"{place} is no supervision of one audio file, with id, start and duration"
        ) from None
    speaker = str(item.get("speaker") or UNKNOWN)
    text = str(item.get("text") or "")
    return Line(place, name, text, [Path(source["source"])], speaker, None, interval_s)


def _beside(path: Path, kind: str) -> list[Path]:
    return sorted(each for each in path.parent.iterdir() if _is_lhotse(each, kind))


def _is_lhotse(path: Path, kind: str) -> bool:
    return kind in path.name and path.name.endswith((".jsonl", ".jsonl.gz"))


def _is_cuts_alone(path: Path) -> bool:
    """Cuts beside supervisions are of the same utterances."""
    return _is_lhotse(path, "cuts") and not _beside(path, "supervisions")


_LAYOUTS = (
    (lambda path: path.name.endswith(".trans.txt"), _librispeech),
    (lambda path: path.name == "transcripts.txt", _mls),
    (lambda path: path.name == "wav.scp", _kaldi),
    (lambda path: _is_lhotse(path, "supervisions"), _lhotse_supervisions),
    (_is_cuts_alone, _lhotse_cuts),
)
