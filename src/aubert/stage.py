"""What every stage of the dataset flow shares: rejects, accounting, writing.

A stage is a pure function that takes its input and yields, for every input id,
either rows of its output table or one `Reject`. `run` routes them to the two
files and holds the invariant: ids in = ids out + ids rejected.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from aubert import tables
from aubert.progress import progress

T = TypeVar("T")


@dataclass(frozen=True)
class Reason:
    """Why something went no further. A fault counts towards `max_reject_fraction`;
    what the reader did (a pause, a spoken preamble) is no fault."""

    fault: bool
    remedy: str


# The closed vocabulary of the rejects table.
REASONS: dict[str, Reason] = {
    "audio_unreadable": Reason(True, "the file is not audio that libsndfile reads: fetch it again"),
    "audio_truncated": Reason(True, "the file ends before its header says: fetch it again"),
    "audio_empty": Reason(True, "the file holds no samples: fetch it again"),
    "audio_missing": Reason(True, "put the audio beside its json, or delete the json"),
    "audio_ambiguous": Reason(True, "keep one audio file per chapter"),
    "no_audio_file": Reason(True, "the manifest names no audio file that is there: see the detail"),
    "name_repeated": Reason(True, "two recordings of the manifest have one name: rename one"),
    "name_not_utf8": Reason(True, "rename the file or its directory"),
    "json_missing": Reason(True, "put the recording's <chapter>.json beside its audio"),
    "json_broken": Reason(True, "the recording's json cannot be parsed: fetch it again"),
    "no_speech": Reason(False, "no speech was found: nothing to do if the chapter is silent"),
    "no_words": Reason(False, "the recogniser output no word: noise, music or a very short piece"),
    "language_unread": Reason(
        True,
        "the recogniser does not read the book's language: give one that does, or correct "
        "corpus.language: docs/languages.md",
    ),
    "transcription_failed": Reason(True, "see the detail; other utterances are not affected"),
    "book_missing": Reason(True, "put the book's text into corpus.books_dir and corpus.book_meta"),
    "book_empty": Reason(True, "the book's file holds no words: fetch it again"),
    "book_unreadable": Reason(
        True, "the book's file is damaged, protected or unsafe: see the detail"
    ),
    "book_unknown": Reason(True, "no book in corpus.books_dir holds this speech: add its text"),
    "wrong_book": Reason(True, "the speech is not in this book: correct the id or the text"),
    "not_in_book": Reason(False, "speech that the book does not hold, often a spoken preamble"),
    "low_similarity": Reason(True, "the best place in the book resembles the speech too little"),
    "alignment_failed": Reason(True, "no path through the audio fits these words"),
    "audio_too_short": Reason(False, "shorter than one frame of the features: nothing to do"),
    "features_not_finite": Reason(True, "look at the audio, or run the encoder in float32"),
    "row_missing": Reason(True, "a table lacks a row that another one names: run its stage again"),
    "span_not_in_book": Reason(True, "the words table is of another text: run words again"),
    "word_without_audio": Reason(True, "a word has no time in its audio: run words again"),
    "no_pairs": Reason(False, "its n-grams are too rare, too short, or more than are taken"),
    "too_little_speech": Reason(False, "the speaker has too few utterances"),
}


@dataclass(frozen=True)
class Reject:
    """One id that goes no further, and why; `detail` names the file, value or row."""

    id: str
    reason: str
    detail: str

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            raise AccountingError(f"{self.reason} is no reason of the rejects table")


class AccountingError(RuntimeError):
    """A stage lost an id, invented one, or both put it out and rejected it: its own fault."""


class TooManyRejects(ValueError):
    """A stage lost more of its input than `max_reject_fraction` allows."""


def run(
    stage: str,
    table: str,
    results: Iterable[dict | Reject],
    *,
    ids: list[str],
    id_column: str,
    out: str | Path,
    rejects: str | Path,
    max_reject_fraction: float,
) -> str:
    """Writes the rows and rejects that a stage yields; returns its one-line summary.

    ids: every input id of the shard. id_column: the output column that names the
    input id. Raises TooManyRejects (nothing is written) when the faults pass
    `max_reject_fraction` of the ids; AccountingError when an id is lost or comes out both as
    rows and as a reject.
    """
    accounts = Accounts(stage, ids, rejects, max_reject_fraction)
    with tables.Writer(out, table, accounts.notes) as writer:
        for row in accounts.kept(results, lambda row: row[id_column]):
            writer.append(row)
    return accounts.summary(writer.num_rows)


class Accounts:
    """What becomes of each input id of a stage.

    notes: for the metadata of the stage's tables
    """

    def __init__(
        self, stage: str, ids: Collection[str], rejects: str | Path, max_reject_fraction: float
    ):
        self._stage = stage
        self._ids = ids
        self._rejects = rejects
        self._max_reject_fraction = max_reject_fraction
        self._done: set[str] = set()
        self._rejected: dict[str, Reject] = {}
        self.notes = {"aubert.stage": stage, "aubert.ids_in": str(len(ids))}

    def kept(self, results: Iterable[T | Reject], id_of: Callable[[T], str]) -> Iterator[T]:
        """Passes on what is no reject; writes the rejects. Raises as `run` does, at the end."""
        with (
            tables.Writer(self._rejects, "rejects", self.notes) as writer,
            progress(what=self._stage, total=len(self._ids), unit="id") as bar,
        ):
            for result in results:
                if isinstance(result, Reject):
                    self._reject(result, writer)
                else:
                    self._done.add(id_of(result))
                    yield result
                bar.update(len(self._done) + len(self._rejected) - bar.n)
            _check_accounts(self._stage, set(self._ids), self._done, set(self._rejected))
            faults = self._rejected.values()
            _check_fraction(self._stage, faults, len(self._ids), self._max_reject_fraction)

    def _reject(self, reject: Reject, writer: tables.Writer) -> None:
        if reject.id in self._rejected:
            raise AccountingError(f"{self._stage}: {reject.id} is rejected twice")
        self._rejected[reject.id] = reject
        writer.append({"stage": self._stage, **vars(reject)})
        print(f"rejected {reject.id!r}: {reject.reason}: {reject.detail}", file=sys.stderr)

    def summary(self, num_rows: int) -> str:
        """One line. num_rows: that came out."""
        counts = Counter(reject.reason for reject in self._rejected.values())
        lost = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
        return (
            f"{self._stage}: {len(self._ids)} in, {len(self._done)} out ({num_rows} rows), "
            f"{len(self._rejected)} rejected{f' ({lost})' if lost else ''}"
        )


def _check_accounts(stage: str, ids: set[str], done: set[str], rejected: set[str]) -> None:
    lost, invented = ids - done - rejected, (done | rejected) - ids
    twice = done & rejected
    for what, ids_at_fault in (
        ("lost ids without a reject", lost),
        ("put out unknown ids", invented),
        ("both put out and rejected ids", twice),
    ):
        if ids_at_fault:
            raise AccountingError(
                f"{stage} {what}: {len(ids_at_fault)}, the first is {min(ids_at_fault)}"
            )


def _check_fraction(
    stage: str, rejected: Iterable[Reject], num_ids: int, max_reject_fraction: float
) -> None:
    faults = [reject for reject in rejected if REASONS[reject.reason].fault]
    if len(faults) <= max_reject_fraction * num_ids:
        return
    reasons = Counter(reject.reason for reject in faults)
    remedies = "; ".join(
        f"{count} x {reason} ({REASONS[reason].remedy})" for reason, count in reasons.most_common()
    )
    raise TooManyRejects(
        f"{stage} rejected {len(faults)} of {num_ids} inputs, more than max_reject_fraction "
        f"{max_reject_fraction:g} allows: {remedies}. First: {faults[0].id}: {faults[0].detail}. "
        f"Mend the input, or raise max_reject_fraction in the config to go on without it."
    )
