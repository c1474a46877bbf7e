"""Whose speech there is to mix: clips by speaker, of a run's tables and of folders."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from aubert import audio, tables
from aubert.corpus.held_out import COLUMNS, NOTHING, HeldOut
from aubert.corpus.shards import is_audio

CORPUS = "corpus"  # the collection that a run's own utterances are
MOST_CLIPS = 200_000  # of a run's, drawn by hash where there are more: a thousand hours


class Clip(NamedTuple):
    """A stretch of one voice. slices: of the file, in its own samples, half-open.
    collection: what was recorded alike; voices are mixed within one, as another microphone
    would identify them. held_out: whether the run holds out its speaker or book"""

    id: str
    speaker: str
    collection: str
    path: str
    slices: tuple[tuple[int, int], ...]
    sample_rate_hz: int
    held_out: bool = False

    @property
    def num_samples(self) -> int:
        """In samples of the file."""
        return sum(end - start for start, end in self.slices)

    @property
    def seconds(self) -> float:
        return self.num_samples / self.sample_rate_hz


def find_clips(
    results: Path | None,
    root: Path | None,
    folders: Mapping[str, Path],
    held_out: HeldOut = NOTHING,
) -> list[Clip]:
    """The utterances of a run (results: <results_dir>/<name>, root: the corpus's directory; about
    MOST_CLIPS of more) and the files of folders with a sub-folder for each speaker. No audio is
    decoded. held_out: of folders the speakers alone, by the sub-folder's name.

    Raises ValueError where there is nothing to read, or no speaker in a folder.
    """
    clips = _of_corpus(results, root, held_out) if results is not None and root is not None else []
    for name, folder in folders.items():
        clips += _of_folder(name, Path(folder), held_out)
    if not clips:
        raise ValueError("there is no voice to mix: give --results and --root, or a --folder")
    return clips


def by_speaker(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    """The clips of each speaker; speakers and clips sorted by name."""
    voices: dict[str, list[Clip]] = {}
    for clip in sorted(clips):
        voices.setdefault(clip.speaker, []).append(clip)
    return dict(sorted(voices.items()))


def _of_corpus(results: Path, root: Path, held_out: HeldOut) -> list[Clip]:
    columns = ["recording_id", "path", "sample_rate_hz", *COLUMNS]
    rows = (t.to_pylist() for t in tables.all_columns(results, "recordings", columns))
    recordings = {row["recording_id"]: row for row in chain.from_iterable(rows)}
    share = MOST_CLIPS / max(tables.num_rows(results, "utterances"), 1)
    found = []
    columns = ["utterance_id", "recording_id", "slices"]
    for table in tables.all_columns(results, "utterances", columns):
        for row in table.filter(tables.drawn(table["utterance_id"], share)).to_pylist():
            recording = recordings[row["recording_id"]]
            found.append(
                Clip(
                    row["utterance_id"],
                    f"{CORPUS}/{recording['speaker']}",
                    CORPUS,
                    str(root / recording["path"]),
                    tuple((one["start_sample"], one["end_sample"]) for one in row["slices"]),
                    recording["sample_rate_hz"],
                    held_out.has(recording["speaker"], recording["book_id"]),
                )
            )
    return found


def _of_folder(name: str, folder: Path, held_out: HeldOut) -> list[Clip]:
    """A file that cannot be read is left out, with its reason on stderr."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a directory; a folder holds a sub-folder per speaker")
    found = []
    for directory in sorted(path for path in folder.iterdir() if path.is_dir()):
        for path in sorted(directory.rglob("*")):
            if not is_audio(path):
                continue
            clip_id = f"{name}/{path.relative_to(folder).as_posix()}"
            try:
                header = audio.probe(path)
            except audio.AudioError as error:
                print(f"left out {clip_id!r}: {error.reason}: {error.detail}", file=sys.stderr)
                continue
            span = ((0, header.num_samples),)
            speaker = f"{name}/{directory.name}"
            rate_hz, unread = header.sample_rate_hz, held_out.has_speaker(directory.name)
            found.append(Clip(clip_id, speaker, name, str(path), span, rate_hz, unread))
    if not found:
        raise ValueError(f"{folder} holds no audio in sub-folders, one for each speaker")
    return found
