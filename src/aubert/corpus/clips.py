"""Labelled clips: of a table, of class sub-folders, a corpus's speakers, a corpus's words.

What a classifier is asked to tell. Nothing is decoded here: a clip is slices of a file.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from heapq import nsmallest
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from aubert import audio, tables
from aubert.corpus.held_out import COLUMNS, NOTHING, HeldOut
from aubert.corpus.shards import is_audio
from aubert.corpus.slices import slices_within
from aubert.stage import Reject


class Clip(NamedTuple):
    """One sound. label: its class, None where it has none. group: what it shares a voice or a
    room with, so that training and test should not both hold it. slices: of the file, in its
    own samples; None: all of it"""

    id: str
    label: str | None
    group: str
    path: Path
    slices: list[tuple[int, int]] | None = None


def drawn(names: Iterable[str], limit: int | None = None) -> list[str]:
    """At most `limit` of the names, in an order that is random but fixed. Where there is a limit,
    no more names are held in memory."""

    def place(name: str) -> tuple[bytes, str]:
        encoded = name.encode("utf-8", "surrogateescape")
        return hashlib.blake2b(encoded, digest_size=8).digest(), name

    return sorted(names, key=place) if limit is None else nsmallest(limit, names, key=place)


def are_grouped(clips: Iterable[Clip]) -> bool:
    """Whether any two clips share a group; where none do, their speakers are not known."""
    groups = [clip.group for clip in clips]
    return len(set(groups)) < len(groups)


def limited(clips: Sequence[Clip], max_labels: int | None, max_per_label: int) -> list[Clip]:
    """At most `max_per_label` clips of each of at most `max_labels` labels, drawn by hash."""
    own: dict[str, dict[str, Clip]] = {}
    for clip in clips:
        own.setdefault(clip.label, {})[clip.id] = clip
    return [
        own[label][name]
        for label in drawn(own, max_labels)
        for name in drawn(own[label], max_per_label)
    ]


def clips_of_speakers(
    results: Path,
    corpus_root: Path,
    max_speakers: int | None = None,
    max_clips: int | None = None,
    held_out: HeldOut = NOTHING,
) -> list[Clip]:
    """The utterances of a run's tables, labelled with their speakers; groups are recordings.

    max_speakers, max_clips: of more, so many speakers, and about so many utterances, are drawn by
    hash; None: all. held_out: what is left out
    """
    recordings = _recordings(results, held_out)
    share = _share(results, "utterances", max_clips)
    chosen = None
    if max_speakers is not None:
        found = tables.all_columns(results, "utterances", ["recording_id"])
        there = {one for table in found for one in pc.unique(table["recording_id"]).to_pylist()}
        there &= recordings.keys()
        chosen = set(drawn({recordings[one]["speaker"] for one in there}, max_speakers))
    clips = []
    for shard in tables.shards(results, "utterances"):
        table = tables.read(shard, "utterances", ["utterance_id", "recording_id", "slices"])
        table = table.filter(tables.drawn(table["utterance_id"], share))
        if chosen is not None:
            own = [name for name, row in recordings.items() if row["speaker"] in chosen]
            table = table.filter(pc.is_in(table["recording_id"], pa.array(own, pa.string())))
        for row in table.to_pylist():
            recording = recordings.get(row["recording_id"])
            if recording is None:
                continue
            clips.append(
                Clip(
                    row["utterance_id"],
                    recording["speaker"],
                    row["recording_id"],
                    corpus_root / recording["path"],
                    _ends(row["slices"]),
                )
            )
    return sorted(clips, key=lambda clip: clip.id)  # the same for any number of shards


def _recordings(results: Path, held_out: HeldOut) -> dict[str, dict]:
    """recording_id -> path, speaker and rate of each that is not held out."""
    columns = ["recording_id", "path", "sample_rate_hz", *COLUMNS]
    found = map(held_out.learnable, tables.all_columns(results, "recordings", columns))
    return {row["recording_id"]: row for table in found for row in table.to_pylist()}


def _share(results: Path, name: str, most: int | None) -> float:
    """Of a table's rows, of which at most `most` are wanted."""
    return 1.0 if most is None else most / max(tables.num_rows(results, name), 1)


def clips_of_folder(folder: Path, pattern: str | None = None) -> list[Clip]:
    """The audio files of `<folder>/<class>/`, at any depth.

    A group is a speaker by `speakers_of_names`; without a pattern, sub-folders of one name are a
    group, in all classes; where neither tells, each file is one. Raises ValueError for fewer than
    two classes with audio."""
    if not Path(folder).is_dir():
        raise ValueError(f"{folder} is not a directory; give a folder with one of each class")
    found: dict[str, dict[str, Path]] = {}
    for directory in sorted(path for path in Path(folder).iterdir() if path.is_dir()):
        files = [p for p in directory.rglob("*") if is_audio(p)]
        if files:
            found[directory.name] = {p.relative_to(folder).as_posix(): p for p in files}
    if len(found) < 2:
        raise ValueError(
            f"{folder} holds {len(found)} sub-folders with audio; there must be a sub-folder for "
            f"each of two classes or more"
        )
    names = [name for own in found.values() for name in sorted(own)]
    by_name = speakers_of_names(names, pattern)
    clips = []
    for label, own in found.items():
        for name in sorted(own):
            _, *folders, _ = name.split("/")
            group = "/".join(folders) if pattern is None else ""
            clips.append(Clip(name, label, group or by_name.get(name, name), own[name]))
    return clips


# Whose recordings' names begin with, or hold, the speaker.
_SPEAKER_IN_NAME = {
    "LibriSpeech": r"(\d+)-\d+-\d+",  # 19-198-0001
    "Speech Commands": r"([0-9a-f]{8})_nohash_\d+",  # 0a7c2a8d_nohash_0
    "FSDD": r"\d_([a-z]+)_\d+",  # 7_jackson_32
}


def speakers_of_names(names: Sequence[str], pattern: str | None = None) -> dict[str, str]:
    """name -> speaker, where each file's name holds one: by the pattern's first group, else as
    LibriSpeech, Speech Commands or FSDD name files; empty where one name does not fit.

    names: paths; the pattern is searched in them, the known forms are the whole name without
    suffix. Raises ValueError for a pattern that does not fit every path or has no group.
    """
    if pattern is not None:
        found = {name: re.search(pattern, name) for name in names}
        wrong = next((name for name, match in found.items() if match is None), None)
        if wrong is not None:
            raise ValueError(f"clips.group_pattern {pattern!r} is not in {wrong!r}: correct it")
        if re.compile(pattern).groups < 1:
            raise ValueError(f"clips.group_pattern {pattern!r} has no group ( ): mark the speaker")
        return {name: match[1] for name, match in found.items()}
    for form in _SPEAKER_IN_NAME.values():
        matches = {name: re.fullmatch(form, PurePosixPath(name).stem) for name in names}
        if matches and all(matches.values()):
            return {name: match[1] for name, match in matches.items()}
    return {}


def clips_of_table(
    path: Path, audio: str, label: str, group: str | None = None, pattern: str | None = None
) -> list[Clip]:
    """The rows of a .csv or .tsv with a header; audio paths are relative to the table.

    audio, label, group: names of columns; a row with an empty label has none. Without a group it
    is the speaker by `speakers_of_names`; where that is unknown, each clip is one. Raises
    ValueError, with file and line, for a column that is not there, a row without audio, audio that
    is not there, a clip that comes twice.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as UTF-8 text: {error}") from None
    rows = csv.DictReader(lines, delimiter="," if path.suffix.lower() == ".csv" else "\t")
    columns = rows.fieldnames or []
    for column in filter(None, (audio, label, group)):
        if column not in columns:
            raise ValueError(
                f"{path} has no column {column!r}; its columns are {', '.join(columns)}. A .csv "
                f"has commas between them, any other table tabs"
            )
    clips: dict[str, Clip] = {}
    for row in rows:
        place, name = f"{path}:{rows.line_num}", (row[audio] or "").strip()
        if not name:
            raise ValueError(f"{place}: the column {audio} is empty; correct or delete the line")
        if name in clips:
            raise ValueError(f"{place}: {name} stands above already; delete one of the lines")
        file = path.parent / name
        if not file.is_file():
            raise ValueError(f"{place}: {file} is not there; correct or delete the line")
        own = (row[label] or "").strip() or None
        together = (row[group] or "").strip() if group else ""
        clips[name] = Clip(name, own, together, file)
    by_name = {} if group else speakers_of_names(list(clips), pattern)
    return [
        clip._replace(group=clip.group or by_name.get(clip.id, clip.id)) for clip in clips.values()
    ]


def clips_of_words(
    results: Path,
    corpus_root: Path,
    max_clips: int | None = None,
    held_out: HeldOut = NOTHING,
) -> list[Clip]:
    """The aligned words of a run's tables, labelled with their spoken words; groups are speakers.

    max_clips: of more, about so many are read: all words of an utterance or none, drawn by hash.
    held_out: what is left out
    """
    recordings = _recordings(results, held_out)
    share = _share(results, "words", max_clips)
    clips = []
    for path in tables.shards(results, "words"):
        columns = ["utterance_id", "index", "spoken", "start_ms", "end_ms"]
        words = tables.read(path, "words", columns)
        words = words.filter(tables.drawn(words["utterance_id"], share))
        columns = ["utterance_id", "recording_id", "slices"]
        table = tables.read(results / "utterances" / path.name, "utterances", columns)
        with_words = pc.is_in(table["utterance_id"], pc.unique(words["utterance_id"]))
        utterances = {row["utterance_id"]: row for row in table.filter(with_words).to_pylist()}
        for row in words.to_pylist():
            utterance = utterances[row["utterance_id"]]
            recording = recordings.get(utterance["recording_id"])
            if recording is None:
                continue
            rate_hz = recording["sample_rate_hz"]
            start, end = (row[name] * rate_hz // 1000 for name in ("start_ms", "end_ms"))
            slices = _ends(slices_within(utterance["slices"], start, end))
            name = f"{row['utterance_id']}:{row['index']}"
            audio_path = corpus_root / recording["path"]
            clips.append(Clip(name, row["spoken"], recording["speaker"], audio_path, slices))
    return sorted(clips, key=lambda clip: clip.id)  # the same for any number of shards


def clips_of_reference(
    results: Path, corpus_root: Path, reference: Path, held_out: HeldOut = NOTHING
) -> list[Clip]:
    """The same of the true words, where they are known: no alignment is waited for."""
    recordings = _recordings(results, held_out)
    clips = []
    for row in tables.rows(reference / "words.parquet", "reference_words"):
        recording = recordings.get(row["recording_id"])
        if recording is None:
            continue
        span = tuple(round(row[end] * recording["sample_rate_hz"]) for end in ("start_s", "end_s"))
        name = f"{row['recording_id']}:{row['index']}"
        path = corpus_root / recording["path"]
        clips.append(Clip(name, row["spoken"], recording["speaker"], path, [span]))
    return clips


def keywords(
    clips: Sequence[Clip], num_keywords: int, max_per_keyword: int, min_letters: int
) -> list[Clip]:
    """The words of `min_letters` or more. The `num_keywords` most frequent ones keep their
    labels, in at most `max_per_keyword` clips each; all others are without."""
    long = [clip for clip in clips if len(clip.label or "") >= min_letters]
    counts = Counter(clip.label for clip in long)
    ranked = sorted(counts, key=lambda label: (-counts[label], label))[:num_keywords]
    labelled = limited([clip for clip in long if clip.label in ranked], None, max_per_keyword)
    kept = {clip.id for clip in labelled}
    return [clip if clip.id in kept else clip._replace(label=None) for clip in long]


def _ends(slices: Sequence[Mapping]) -> list[tuple[int, int]]:
    return [(piece["start_sample"], piece["end_sample"]) for piece in slices]


def usable(clips: Sequence[Clip], min_seconds: float) -> tuple[list[Clip], list[Reject]]:
    """The clips with min_seconds or more of audio, by what headers say, and the others.

    Raises ValueError when none is left.
    """
    kept, left_out, headers = [], [], {}
    for clip in clips:
        try:
            if clip.path not in headers:
                headers[clip.path] = audio.probe(clip.path)
        except audio.AudioError as error:
            left_out.append(Reject(clip.id, error.reason, error.detail))
            continue
        header = headers[clip.path]
        slices = [(0, header.num_samples)] if clip.slices is None else clip.slices
        seconds = sum(end - start for start, end in slices) / header.sample_rate_hz
        if seconds < min_seconds:
            detail = f"it has {seconds:.3f} s, less than {min_seconds:g} s"
            left_out.append(Reject(clip.id, "audio_too_short", detail))
        else:
            kept.append(clip)
    if not kept:
        why = f"; the first: {left_out[0].detail}" if left_out else ""
        raise ValueError(f"none of {len(clips)} clips can be used{why}")
    return kept, left_out
