"""Speech with transcripts, in the layouts of LibriSpeech, MLS, Kaldi and lhotse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aubert import audio
from aubert.audio import SAMPLE_RATE_HZ
from aubert.corpus.held_out import NOTHING, HeldOut
from aubert.corpus.labelled_layouts import Line, lines_of
from aubert.text.language import Language
from aubert.text.languages import ENGLISH
from aubert.text.transcripts import letters_of, spoken_transcript

_END_SAMPLES = 160  # that are decoded to see whether a file was cut off
_ROUNDED_S = 0.05  # what an interval may end behind its file


class LabelledUtterance(NamedTuple):
    """A few sentences, and their transcript.

    book_id: None where the layout names no books, as all but MLS's
    interval_s: of the audio, start and end; None: all of it
    has_extra: whether the audio also holds speech that the transcript does not
    unwritten: letters and signs of its transcript that the vocabulary does not write; has_digits:
    whether its numbers were put into words
    """

    utterance_id: str
    path: Path  # of the audio
    speaker: str
    text: str  # spoken words, one space between
    unwritten: str = ""
    has_digits: bool = False
    book_id: str | None = None
    interval_s: tuple[float, float] | None = None
    has_extra: bool = False

    def decode(self, sample_rate_hz: int = SAMPLE_RATE_HZ) -> np.ndarray:
        """Its sound, float32 [num_samples]. Raises audio.AudioError, which names the file."""
        try:
            slices = None if self.interval_s is None else [self._slice(_whole(self.path))]
            return audio.decode(self.path, slices, sample_rate_hz)
        except audio.AudioError as error:
            detail = f"{self.path}: {error.detail}; take {self.utterance_id} out"
            raise audio.AudioError(error.reason, detail) from None

    def num_samples(self) -> int:
        """At SAMPLE_RATE_HZ, of audio whose end is there. Raises audio.AudioError."""
        header = _whole(self.path)
        start, end = self._slice(header)
        return (end - start) * SAMPLE_RATE_HZ // header.sample_rate_hz

    def _slice(self, header: audio.Header) -> tuple[int, int]:
        if self.interval_s is None:
            return 0, header.num_samples
        start, end = (round(at_s * header.sample_rate_hz) for at_s in self.interval_s)
        if end > header.num_samples + _ROUNDED_S * header.sample_rate_hz:
            holds_s = header.num_samples / header.sample_rate_hz
            raise audio.AudioError(
                "audio_truncated",
                f"it holds {holds_s:.2f} s, and {self.utterance_id} ends at {self.interval_s[1]} s",
            )
        return start, min(end, header.num_samples)


@lru_cache(maxsize=10_000)
def _whole(path: Path) -> audio.Header:
    """Of a file whose end is there: once for all utterances of a recording. Raises
    audio.AudioError."""
    header = audio.probe(path)
    audio.decode(path, [(max(0, header.num_samples - _END_SAMPLES), header.num_samples)])
    if audio.is_cut_off(path, header):
        raise audio.AudioError(
            "audio_truncated", f"{path.name} ends before the last sample that its header counts"
        )
    return header


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


def _utterance(line: Line, pack: Language) -> LabelledUtterance:
    spoken = spoken_transcript(line.text, pack)
    if not spoken.words and not spoken.unwritten:
        raise ValueError(
            f"{line.place}: {line.utterance_id} has no text; correct or delete the line"
        )
    path = next((path for path in line.paths if path.is_file()), None)
    if path is None:
        name = line.paths[0].name
        raise ValueError(f"{line.place}: {name} is not there; fetch it, or delete the line")
    return LabelledUtterance(
        line.utterance_id,
        path,
        line.speaker,
        *spoken,
        line.book_id,
        line.interval_s,
        line.has_extra,
    )


def _lines(folders: Iterable[str | Path]) -> Iterator[Line]:
    for folder in folders:
        yield from lines_of(Path(folder))
