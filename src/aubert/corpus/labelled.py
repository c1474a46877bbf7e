"""Speech with transcripts, in LibriSpeech's layout: LibriSpeech itself, librispeech_finetuning.

<folder>/.../<speaker>/<chapter>/<speaker>-<chapter>.trans.txt   <utterance id> <text>
<folder>/.../<speaker>/<chapter>/<utterance id>.flac
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from aubert.text.normalise import spoken_words


class LabelledUtterance(NamedTuple):
    """A recording of a few sentences, and what is said in it."""

    utterance_id: str  # <speaker>-<chapter>-<index>
    path: Path  # of the audio
    speaker: str
    text: str  # spoken words, one space between


def read_labelled(folders: Iterable[str | Path]) -> list[LabelledUtterance]:
    """Every utterance below the folders, sorted by id. No audio is opened.

    Raises ValueError, with file and line, for a line without text, an utterance without
    audio, and one that comes twice; and for a folder without a transcript.
    """
    found: dict[str, tuple[LabelledUtterance, str]] = {}  # id -> and where it stands
    for folder in map(Path, folders):
        transcripts = sorted(folder.rglob("*.trans.txt"))
        if not transcripts:
            raise ValueError(
                f"{folder} holds no transcripts: a labelled folder has LibriSpeech's layout, "
                f"<speaker>/<chapter>/<speaker>-<chapter>.trans.txt with .flac files beside"
            )
        for transcript in transcripts:
            for utterance, place in _utterances(transcript):
                if utterance.utterance_id in found:
                    _, before = found[utterance.utterance_id]
                    raise ValueError(
                        f"{place}: {utterance.utterance_id} stands at {before} already; give each "
                        f"folder once, and none inside another"
                    )
                found[utterance.utterance_id] = (utterance, place)
    return [found[utterance_id][0] for utterance_id in sorted(found)]


def _utterances(transcript: Path) -> Iterator[tuple[LabelledUtterance, str]]:
    try:
        lines = transcript.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{transcript} is not UTF-8 text ({error}); fetch it again") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        place = f"{transcript}:{number}"
        utterance_id, *text = line.split(maxsplit=1)
        # In lower case: capitals make I a numeral and MR an abbreviation.
        words = spoken_words(text[0].lower()) if text else []
        if not words:
            raise ValueError(f"{place}: {utterance_id} has no text; correct or delete the line")
        path = transcript.with_name(f"{utterance_id}.flac")
        if not path.is_file():
            raise ValueError(f"{place}: {path.name} is not there; fetch it, or delete the line")
        speaker = utterance_id.split("-")[0]
        yield LabelledUtterance(utterance_id, path, speaker, " ".join(words)), place
