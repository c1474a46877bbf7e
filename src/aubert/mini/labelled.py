"""Labelled speech in the layouts of librispeech_finetuning and of LibriSpeech's dev sets.

Training voices read, without slips, chapters of training books that they do not read in
the corpus: 1h/{0..5}/{clean,other} and 9h/{clean,other}, in Libri-Light's proportions. The
dev sets are of the held-out books: by the same voices (dev-seen) and by voices that no
training split holds (dev-unseen).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from aubert.files import write_bytes
from aubert.mini.books import EVERY_STORY, Sentence, chapters, story_text
from aubert.mini.cast import CASTS, EVERY_READER, Cast
from aubert.mini.files import generator, write_flac
from aubert.mini.reading import read_plainly
from aubert.mini.sound import Room, perform
from aubert.text import espeak

FINETUNING_DIR, DEV_DIR = "librispeech_finetuning", "librispeech"
# Words of a passage, at least, one after another: three to fifteen seconds, as LibriSpeech's.
_PASSAGE_WORDS = (8, 14, 22, 34)
_NUM_PARTS = 6  # of the hour
_HOUR_SHARE = 10  # every tenth passage is of the hour, the others of the nine
_SNR_DB = {"clean": (28, 35), "other": (20, 28)}
_DEV_SNR_DB = (20, 35)  # as the corpus's


@dataclass(frozen=True)
class Utterance:
    """A few sentences of one chapter, read by one speaker."""

    folder: str  # such as librispeech_finetuning/1h/0/clean
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
        """Upper case, as LibriSpeech writes it; of other languages lower case, as MLS does."""
        tokens = (token for sentence in self.sentences for token in sentence.tokens)
        text = " ".join(word for token in tokens for word in token.spoken)
        return text.upper() if EVERY_STORY[self.book_id].language == "en" else text


class Sound(NamedTuple):
    """What is known of an utterance after it is written."""

    sha256: str
    num_samples: int


class Passage(NamedTuple):
    """Consecutive sentences of a chapter."""

    book_id: str
    chapter: int
    index: int
    sentences: tuple[Sentence, ...]


def plan_utterances(cast: Cast = CASTS["en"]) -> list[Utterance]:
    """Every utterance of the labelled split, then of the dev sets."""
    dev_sets = {"dev-seen": cast.train_speakers, "dev-unseen": cast.unseen_speakers}
    return list(_finetuning(cast)) + [
        _utterance(f"{DEV_DIR}/{name}", speaker, passage)
        for name, speakers in dev_sets.items()
        for speaker, passage in zip(cycle(speakers), _passages(cast.held_out_books), strict=False)
    ]


def make_utterance(utterance: Utterance, root: Path, seed: int) -> Sound:
    """Synthesises one utterance under `root`, the corpus's folder."""
    random = generator(seed, utterance.path)
    room = Room(
        level_db=random.uniform(-28, -22),
        snr_db=random.uniform(*_SNR_DB.get(utterance.folder.rsplit("/", 1)[1], _DEV_SNR_DB)),
        noise=("white", "pink", "hum")[random.integers(3)],
        lead_s=0.3,
        tail_s=0.1,
    )
    language = EVERY_STORY[utterance.book_id].language
    lines = read_plainly(story_text(utterance.book_id), utterance.sentences, language)
    with espeak.session(seed) as engine:
        voice = EVERY_READER[utterance.speaker].voice
        performance = perform(engine, lines, voice, room, random)
    sha256 = write_flac(root / utterance.path, performance.samples)
    return Sound(sha256, len(performance.samples))


def write_transcripts(root: Path, utterances: Sequence[Utterance]) -> None:
    """Writes <speaker>-<chapter>.trans.txt beside the utterances of each chapter."""
    lines: dict[str, list[str]] = {}
    for each in sorted(utterances, key=lambda each: each.path):
        lines.setdefault(each.transcript_path, []).append(f"{each.id} {each.transcript}\n")
    for name, transcript in lines.items():
        write_bytes(root / name, "".join(transcript).encode())


def _finetuning(cast: Cast) -> Iterator[Utterance]:
    """Each passage of the training books by `cast.times` training voices, none of which reads its
    chapter in the corpus; half of the voices are "other"."""
    half = len(cast.train_speakers) // 2
    read = {(each.reader, each.book_id, each.chapter) for each in cast.assignments}
    taken: set[tuple[str, Passage]] = set()
    waiting = list(cast.train_speakers)
    for number, passage in enumerate(_passages(cast.train_books) * cast.times):
        speaker = next(
            each
            for each in waiting
            if (each, passage.book_id, passage.chapter) not in read and (each, passage) not in taken
        )
        taken.add((speaker, passage))
        waiting.remove(speaker)  # to the end of the queue
        waiting.append(speaker)
        group = "clean" if speaker in cast.train_speakers[:half] else "other"
        turn, rest = divmod(number, _HOUR_SHARE)
        part = "9h" if rest else f"1h/{turn % _NUM_PARTS}"
        yield _utterance(f"{FINETUNING_DIR}/{part}/{group}", speaker, passage)


def _utterance(folder: str, speaker: str, passage: Passage) -> Utterance:
    chapter_id = f"{passage.book_id}{passage.chapter}"
    return Utterance(folder, speaker, chapter_id, passage.index, passage.book_id, passage.sentences)


def _passages(book_ids: Sequence[str]) -> list[Passage]:
    """All text of the books in passages, short and long in turn."""
    found: list[Passage] = []
    wanted = cycle(_PASSAGE_WORDS)
    for book_id in book_ids:
        for chapter in chapters(book_id):
            texts = [each for each in chapter.paragraphs if each.kind == "text"]
            passage: list[Sentence] = []
            least, index = next(wanted), 0
            for sentence in (sentence for each in texts for sentence in each.sentences):
                passage.append(sentence)
                if sum(len(each.tokens) for each in passage) >= least:
                    found.append(Passage(book_id, chapter.number, index, tuple(passage)))
                    passage, least, index = [], next(wanted), index + 1
    return found
