"""A small labelled split in the layout of librispeech_finetuning.

Training voices read, without slips, chapters of training books that no recording of
the corpus holds: 1h/{0..5}/{clean,other} and 9h/{clean,other}, as in Libri-Light.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from aubert import espeak
from aubert.corpus.mini.books import Sentence, chapters, story_text
from aubert.corpus.mini.cast import ASSIGNMENTS, READERS, TRAIN_BOOKS, TRAIN_SPEAKERS
from aubert.corpus.mini.files import generator, write_flac
from aubert.corpus.mini.reading import read_plainly
from aubert.corpus.mini.sound import Room, perform
from aubert.files import write_bytes

_MIN_WORDS = 14  # about five seconds; LibriSpeech's utterances last up to sixteen
_PER_SPEAKER_9H = 3
_SNR_DB = {"clean": 32.0, "other": 20.0}


@dataclass(frozen=True)
class Utterance:
    """A few sentences of one chapter, read by one speaker."""

    folder: str  # such as 1h/0/clean
    speaker: str
    chapter_id: str  # a number, as in LibriSpeech: the book's and the chapter's
    index: int  # in the chapter
    book_id: str
    sentences: tuple[Sentence, ...]

    @property
    def id(self) -> str:
        return f"{self.speaker}-{self.chapter_id}-{self.index:04}"

    @property
    def chapter_dir(self) -> str:
        return f"{self.folder}/{self.speaker}/{self.chapter_id}"

    @property
    def path(self) -> str:
        return f"{self.chapter_dir}/{self.id}.flac"

    @property
    def transcript_path(self) -> str:
        """Of the file that holds the transcripts of the utterance's chapter."""
        return f"{self.chapter_dir}/{self.speaker}-{self.chapter_id}.trans.txt"

    @property
    def transcript(self) -> str:
        """Upper case, as LibriSpeech writes it."""
        tokens = (token for sentence in self.sentences for token in sentence.tokens)
        return " ".join(word for token in tokens for word in token.spoken).upper()


class Sound(NamedTuple):
    """What is known of an utterance after it is written."""

    sha256: str
    num_samples: int


def plan_utterances() -> list[Utterance]:
    """Every utterance of the split, in the order of folders."""
    texts = _texts()
    return [
        Utterance(folder, speaker, *next(texts))
        for folder, speaker, count in _places()
        for _ in range(count)
    ]


def make_utterance(utterance: Utterance, base: Path, seed: int) -> Sound:
    """Synthesises one utterance under `base`, the split's folder."""
    random = generator(seed, utterance.path)
    room = Room(
        level_db=random.uniform(-28, -22),
        snr_db=_SNR_DB[utterance.folder.rsplit("/", 1)[1]],
        noise="pink",
        lead_s=0.3,
        tail_s=0.1,
    )
    lines = read_plainly(story_text(utterance.book_id), utterance.sentences)
    with espeak.session(seed) as engine:
        voice = READERS[utterance.speaker].voice
        performance = perform(engine, lines, voice, room, random)
    sha256 = write_flac(base / utterance.path, performance.samples)
    return Sound(sha256, len(performance.samples))


def write_transcripts(base: Path, utterances: list[Utterance]) -> None:
    """Writes <speaker>-<chapter>.trans.txt beside the utterances of each chapter."""
    lines: dict[str, list[str]] = {}
    for each in sorted(utterances, key=lambda each: each.path):
        lines.setdefault(each.transcript_path, []).append(f"{each.id} {each.transcript}\n")
    for name, transcript in lines.items():
        write_bytes(base / name, "".join(transcript).encode())


def _places() -> Iterator[tuple[str, str, int]]:
    """(folder, speaker, number of utterances); half of the speakers are "other"."""
    half = len(TRAIN_SPEAKERS) // 2
    groups = {"clean": TRAIN_SPEAKERS[:half], "other": TRAIN_SPEAKERS[half:]}
    for part in range(6):
        for group, speakers in groups.items():
            yield f"1h/{part}/{group}", speakers[part % half], 1
    for group, speakers in groups.items():
        for speaker in speakers:
            yield f"9h/{group}", speaker, _PER_SPEAKER_9H


def _texts() -> Iterator[tuple[str, int, str, tuple[Sentence, ...]]]:
    """(chapter id, index, book id, sentences), a passage of each unread chapter in turn."""
    passages = [_passages(book_id, number) for book_id, number in _unread_chapters()]
    for index in range(max(map(len, passages))):
        yield from (chapter[index] for chapter in passages if index < len(chapter))


def _unread_chapters() -> list[tuple[str, int]]:
    read = {(assignment.book_id, assignment.chapter) for assignment in ASSIGNMENTS}
    return [
        (book_id, chapter.number)
        for book_id in TRAIN_BOOKS
        for chapter in chapters(book_id)
        if (book_id, chapter.number) not in read
    ]


def _passages(book_id: str, number: int) -> list[tuple[str, int, str, tuple[Sentence, ...]]]:
    found: list[tuple[str, int, str, tuple[Sentence, ...]]] = []
    passage: list[Sentence] = []
    for paragraph in chapters(book_id)[number - 1].paragraphs:
        if paragraph.kind != "text":
            continue
        for sentence in paragraph.sentences:
            passage.append(sentence)
            if sum(len(each.tokens) for each in passage) >= _MIN_WORDS:
                found.append((f"{book_id}{number}", len(found), book_id, tuple(passage)))
                passage = []
    return found
