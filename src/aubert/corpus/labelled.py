"""Speech with transcripts, in the layouts of LibriSpeech (and librispeech_finetuning) and MLS.

LibriSpeech: <folder>/.../<speaker>-<chapter>.trans.txt   <utterance id> <text>
             <utterance id>.flac beside it
MLS:         <folder>/.../transcripts.txt                 <utterance id><tab><text>
             audio/<speaker>/<book>/<utterance id>.flac beside it; ids are <speaker>_<book>_<number>

Audio may have any suffix of AUDIO_SUFFIXES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from aubert.corpus.held_out import NOTHING, HeldOut
from aubert.corpus.shards import AUDIO_SUFFIXES
from aubert.text.language import Language
from aubert.text.languages import ENGLISH
from aubert.text.transcripts import letters_of, spoken_transcript


class LabelledUtterance(NamedTuple):
    """A recording of a few sentences, and its transcript.

    book_id: None where the layout does not name books (LibriSpeech's)
    unwritten: letters and signs of its transcript that the vocabulary does not write; has_digits:
    whether its numbers were put into words
    """

    utterance_id: str  # <speaker>-<chapter>-<index>
    path: Path  # of the audio
    speaker: str
    text: str  # spoken words, one space between
    unwritten: str = ""
    has_digits: bool = False
    book_id: str | None = None


class _Line(NamedTuple):
    place: str  # file and number of the line
    utterance_id: str
    text: str
    stem: Path  # of the audio, without its suffix
    speaker: str
    book_id: str | None = None


def read_labelled(
    folders: Iterable[str | Path], pack: Language = ENGLISH
) -> list[LabelledUtterance]:
    """Every utterance below the folders, sorted by id. No audio is opened.

    pack: in whose letters the transcripts are written; `unwritten` says what they lack. Raises
    ValueError, with file and line, for a line without text, an utterance without audio, and one
    that comes twice; and for a folder without a transcript.
    """
    found: dict[str, tuple[LabelledUtterance, str]] = {}  # id -> and where it stands
    for line in _lines(folders):
        utterance = _utterance(line, pack)
        if utterance.utterance_id in found:
            _, before = found[utterance.utterance_id]
            raise ValueError(
                f"{line.place}: {utterance.utterance_id} stands at {before} already; give each "
                f"folder once, and none inside another"
            )
        found[utterance.utterance_id] = (utterance, line.place)
    return [found[utterance_id][0] for utterance_id in sorted(found)]


def letters_of_labelled(
    folders: Iterable[str | Path], pack: Language = ENGLISH, held_out: HeldOut = NOTHING
) -> str:
    """The letters of all transcripts below the folders that are not held out, in lower case,
    sorted; and those of the words that the pack reads numbers as."""
    lines = [line for line in _lines(folders) if not held_out.has(line.speaker, line.book_id)]
    letters = {each for line in lines for each in letters_of(line.text)}
    pack = pack.with_letters("".join(sorted(letters)))
    for line in lines:
        if any(map(str.isdigit, line.text)):
            letters |= set(spoken_transcript(line.text, pack).words) - {" ", "'"}
    return "".join(sorted(letters))


def _utterance(line: _Line, pack: Language) -> LabelledUtterance:
    spoken = spoken_transcript(line.text, pack)
    if not spoken.words and not spoken.unwritten:
        raise ValueError(
            f"{line.place}: {line.utterance_id} has no text; correct or delete the line"
        )
    paths = (line.stem.with_name(f"{line.stem.name}{suffix}") for suffix in AUDIO_SUFFIXES)
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        name = f"{line.stem.name}{AUDIO_SUFFIXES[0]}"
        raise ValueError(f"{line.place}: {name} is not there; fetch it, or delete the line")
    return LabelledUtterance(line.utterance_id, path, line.speaker, *spoken, line.book_id)


def _lines(folders: Iterable[str | Path]) -> Iterator[_Line]:
    for folder in map(Path, folders):
        is_any = False
        for pattern, of_layout in _LAYOUTS.items():
            for transcript in sorted(folder.rglob(pattern)):
                is_any = True
                yield from of_layout(transcript)
        if not is_any:
            raise ValueError(
                f"{folder} holds no transcripts: a labelled folder has LibriSpeech's layout, "
                f"<speaker>/<chapter>/<speaker>-<chapter>.trans.txt with .flac files beside, or "
                f"that of MLS, transcripts.txt beside audio/<speaker>/<book>/"
            )


def _librispeech(transcript: Path) -> Iterator[_Line]:
    for place, line in _text_lines(transcript):
        utterance_id, *text = line.split(maxsplit=1)
        stem = transcript.with_name(utterance_id)
        yield _Line(place, utterance_id, "".join(text), stem, utterance_id.split("-")[0])


def _mls(transcript: Path) -> Iterator[_Line]:
    for place, line in _text_lines(transcript):
        utterance_id, _, text = line.strip().partition("\t")
        parts = utterance_id.split("_")
        if len(parts) != 3:
            raise ValueError(
                f"{place}: {utterance_id!r} is no id of MLS, <speaker>_<book>_<number>, with a tab "
                f"before the text"
            )
        stem = transcript.parent / "audio" / parts[0] / parts[1] / utterance_id
        yield _Line(place, utterance_id, text, stem, *parts[:2])


_LAYOUTS: dict[str, Callable[[Path], Iterator[_Line]]] = {
    "*.trans.txt": _librispeech,
    "transcripts.txt": _mls,
}


def _text_lines(transcript: Path) -> Iterator[tuple[str, str]]:
    """(file and number, line) of those that hold something."""
    try:
        text = transcript.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{transcript} is not UTF-8 text ({error}); fetch it again") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield f"{transcript}:{number}", line
