"""What every export reads: the utterances of a run with all that its tables say of them.

One shard is in memory at a time. What a speaker reads of a book is in one shard.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from aubert import tables
from aubert.align.coverage import read_spans
from aubert.align.timeline import Timeline
from aubert.corpus.books import Bookshelf
from aubert.export.names import file_name
from aubert.progress import progress
from aubert.text.broken import is_broken, unbroken

TABLES = ("recordings", "utterances", "refined", "words")


class Word(NamedTuple):
    """A word as the book writes it, in one piece, with its times in the utterance and in the
    recording."""

    word: str
    spoken: str  # in lower case
    char_start: int
    char_end: int
    start_s: float
    end_s: float
    recording_start_s: float
    recording_end_s: float
    confidence: float


@dataclass(frozen=True)
class Utterance:
    """recording: its row. book_id: the book that was read, else the one that the recording
    names, else the name of its directory. slices: of the recording, in its own samples.
    refined: its row, None where the utterance found no place in a book."""

    utterance_id: str
    recording: Mapping
    book_id: str
    index: int
    slices: list[tuple[int, int]]
    num_samples: int
    refined: Mapping | None
    words: list[Word]

    @property
    def speaker(self) -> str:
        return self.recording["speaker"]

    @property
    def language(self) -> str:
        """BCP 47, in which the book was read; of an utterance with words."""
        return self.refined["language"]

    @property
    def duration_s(self) -> float:
        return self.num_samples / self.recording["sample_rate_hz"]

    @property
    def slices_s(self) -> list[tuple[float, float]]:
        rate_hz = self.recording["sample_rate_hz"]
        return [(start / rate_hz, end / rate_hz) for start, end in self.slices]

    @property
    def spoken(self) -> str:
        """The spoken words of the book, one space between the words."""
        return " ".join(word.spoken for word in self.words)

    @cached_property
    def has_extra(self) -> bool:
        """Whether the utterance holds speech that is not in the book: `spoken` is not all then."""
        return any(run["label"] == "EXTRA" for run in self.refined["runs"])

    def written(self, book: str, start: int = 0, end: int | None = None) -> str:
        """What was read, as the book writes it; line breaks are spaces, words that they break in
        one piece.

        start, end: only what stands in book[start:end]
        """
        end = len(book) if end is None else end
        places = [(word.char_start, word.char_end) for word in self.words]
        reads = read_spans(self.refined["runs"], places, book)
        spans = [(max(low, start), min(high, end)) for low, high in reads]
        broken = [one for one in self.words if is_broken(book[one.char_start : one.char_end])]
        parts = []
        for low, high in spans:
            for word in broken:
                if low <= word.char_start and word.char_end <= high:
                    parts += [book[low : word.char_start], word.word]
                    low = word.char_end
            parts += [book[low:high], " "]
        return " ".join("".join(parts).split())

    @property
    def piece(self) -> PurePosixPath:
        """AuBERT's name of its audio: <speaker>/<book_id>/<chapter>/<chapter>_<index>.flac"""
        chapter = self.recording["chapter"]
        name = file_name(chapter, f"_{self.index:04}.flac")
        return PurePosixPath(self.speaker, file_name(self.book_id), chapter, name)


class Corpus:
    """A run's results. Raises ValueError where a table is not there.

    root: of the audio. shelf: the books
    """

    def __init__(self, results: str | Path, root: str | Path, shelf: Bookshelf):
        self.results, self.root, self.shelf = Path(results), Path(root).resolve(), shelf
        self._book = ("", "")  # the last one that was asked for
        self.shards = sorted(path.stem for path in (self.results / "words").glob("*.parquet"))
        absent = [name for name in TABLES if not (self.results / name).is_dir()]
        if absent or not self.shards:
            raise ValueError(
                f"{self.results} has no {' and no '.join(absent or ['words'])}: give "
                f"<results_dir>/<name> of a run, and make its dataset first: snakemake dataset"
            )
        self._check_whole()

    def _check_whole(self) -> None:
        """A run that was stopped has tables of some shards only."""
        cut = {path.stem for path in (self.results / "recordings").glob("*.parquet")}
        missing = {
            name: sorted(cut - {path.stem for path in (self.results / name).glob("*.parquet")})
            for name in TABLES
        }
        lacks = [f"{name} of shard {', '.join(own)}" for name, own in missing.items() if own]
        if lacks:
            raise ValueError(
                f"{self.results} is of a run that has not ended: {'; '.join(lacks)} are missing. "
                f"Finish it (snakemake dataset): an export would leave them out"
            )

    def by_shard(self) -> Iterator[tuple[str, list[Utterance]]]:
        """(shard, its utterances), chapter after chapter, in order of time."""
        for shard in progress(self.shards, what="export", total=len(self.shards), unit="shard"):
            yield shard, self._shard(shard)

    def aligned(self) -> Iterator[Utterance]:
        """Every utterance that has words with times."""
        for _, utterances in self.by_shard():
            yield from (utterance for utterance in utterances if utterance.words)

    def book(self, book_id: str) -> str:
        """Its text. Raises BookError where it is no longer there."""
        if self._book[0] != book_id:
            self._book = (book_id, self.shelf.text(book_id))
        return self._book[1]

    def audio(self, utterance: Utterance) -> Path:
        return self.root / utterance.recording["path"]

    def _shard(self, shard: str) -> list[Utterance]:
        rows = {
            name: list(tables.rows(self.results / name / f"{shard}.parquet", name))
            for name in TABLES
        }
        recordings = {row["recording_id"]: row for row in rows["recordings"]}
        refined = {row["utterance_id"]: row for row in rows["refined"]}
        words: dict[str, list[dict]] = defaultdict(list)
        for row in rows["words"]:
            words[row["utterance_id"]].append(row)
        books = {recording_id: _named_book(row) for recording_id, row in recordings.items()}
        for row in rows["utterances"]:
            if row["utterance_id"] in refined:
                books[row["recording_id"]] = refined[row["utterance_id"]]["book_id"]
        return [
            Utterance(
                utterance_id=row["utterance_id"],
                recording=recordings[row["recording_id"]],
                book_id=books[row["recording_id"]],
                index=row["index"],
                slices=[(piece["start_sample"], piece["end_sample"]) for piece in row["slices"]],
                num_samples=row["num_samples"],
                refined=refined.get(row["utterance_id"]),
                words=_words(row, recordings[row["recording_id"]], words[row["utterance_id"]]),
            )
            for row in sorted(rows["utterances"], key=lambda row: _place(row, recordings))
        ]


def _place(utterance: Mapping, recordings: Mapping[str, Mapping]) -> tuple:
    """Sorts by book directory, chapter in reading order, and time."""
    recording = recordings[utterance["recording_id"]]
    directory = PurePosixPath(recording["recording_id"]).parent
    return directory, recording["chapter_index"], recording["recording_id"], utterance["index"]


def _named_book(recording: Mapping) -> str:
    return recording["book_id"] or PurePosixPath(recording["recording_id"]).parts[-2]


def _words(utterance: Mapping, recording: Mapping, rows: list[dict]) -> list[Word]:
    timeline = Timeline(utterance["slices"], recording["sample_rate_hz"])
    return [
        Word(
            word=unbroken(row["word"]),
            spoken=row["spoken"],
            char_start=row["char_start"],
            char_end=row["char_end"],
            start_s=row["start_ms"] / 1000,
            end_s=row["end_ms"] / 1000,
            recording_start_s=row["recording_start_ms"] / 1000,
            recording_end_s=timeline.recording_end_ms(row["end_ms"]) / 1000,
            confidence=row["confidence"],
        )
        for row in sorted(rows, key=lambda row: row["index"])
    ]
