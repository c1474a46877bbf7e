"""Speakers and books that nothing is learned from: one rule for everything that learns."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from dataclasses import field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from aubert import options, tables
from aubert.options import NaturalInt, ShareBelowOne, options_class

COLUMNS = ["speaker", "book_id"]  # of the recordings table, that tell whether one is held out


@options_class
class HeldOut:
    """What is held out of everything that learns; figures are measured on it.

    speakers: ids of speakers that no codebook, network or calibration is learned from
    books: ids of books, as the recordings state them, whose recordings and texts are not learned
      from; the language model that transcribes a recording may hold its text
    speakers_share: share of the speakers that is held out beside those named, drawn by a hash of
      their ids
    books_share: share of the books, likewise
    seed: of the draws; no effect without a share
    """

    speakers: list[str] = field(default_factory=list)
    books: list[str] = field(default_factory=list)
    speakers_share: ShareBelowOne = 0.0
    books_share: ShareBelowOne = 0.0
    seed: NaturalInt = 0

    def __bool__(self) -> bool:
        """Whether anything may be held out."""
        return bool(self.speakers or self.books or self.speakers_share or self.books_share)

    def has_speaker(self, speaker: str) -> bool:
        return speaker in self.speakers or self._draws(speaker, self.speakers_share)

    def has_book(self, book_id: str | None) -> bool:
        """None: an unknown book, which is not held out."""
        if book_id is None:
            return False
        return book_id in self.books or self._draws(book_id, self.books_share)

    def has(self, speaker: str, book_id: str | None) -> bool:
        return self.has_speaker(speaker) or self.has_book(book_id)

    def _draws(self, name: str, share: float) -> bool:
        if not share:
            return False
        digest = blake2b(f"{self.seed}\0held out\0{name}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") < share * 2**64

    def learnable(self, recordings: pa.Table) -> pa.Table:
        """The recordings, with COLUMNS, that may be learned from."""
        if not self:
            return recordings
        kept = [
            not self.has(speaker, book_id)
            for speaker, book_id in zip(
                *(recordings[name].to_pylist() for name in COLUMNS), strict=True
            )
        ]
        return recordings.filter(pa.array(kept, pa.bool_()))

    def utterances_of(self, recordings: str | Path, utterances: str | Path) -> frozenset[str]:
        """Ids of a shard's utterances that are held out. recordings, utterances: its tables."""
        if not self:
            return frozenset()
        known = tables.read(recordings, "recordings", ["recording_id", *COLUMNS])
        learnable = self.learnable(known)["recording_id"]
        found = tables.read(utterances, "utterances", ["utterance_id", "recording_id"])
        held_out = pc.invert(pc.is_in(found["recording_id"], learnable))
        return frozenset(found["utterance_id"].filter(held_out).to_pylist())

    def absent(self, results: Path) -> list[str]:
        """Speakers and books that are named and that no recording below `results` has: a slip of
        the pen would hold out nothing."""
        absent = {"speaker": set(self.speakers), "book_id": set(self.books)}
        for table in tables.all_columns(results, "recordings", COLUMNS):
            for name in COLUMNS:
                absent[name].difference_update(pc.unique(table[name]).to_pylist())
        return sorted(set.union(*absent.values()))


NOTHING = HeldOut()


def add_held_out(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of HeldOut."""
    group = parser.add_argument_group("what is held out of all that learns")
    for name in ("speaker", "book"):
        group.add_argument(
            f"--held-out-{name}",
            action="append",
            default=[],
            metavar="ID",
            help=f"a {name} that nothing is learned from; may be given repeatedly",
        )
    texts = options.descriptions(HeldOut)
    for name, kind in (("speakers_share", float), ("books_share", float), ("seed", int)):
        flag = f"--held-out-{name.replace('_', '-')}"
        group.add_argument(flag, type=kind, default=kind(0), help=texts[name])


def held_out_of(arguments: argparse.Namespace) -> HeldOut:
    """What the flags of `add_held_out` give. Raises ValueError for a share out of range."""
    values = {
        "speakers": arguments.held_out_speaker,
        "books": arguments.held_out_book,
        **{
            name: getattr(arguments, f"held_out_{name}")
            for name in ("speakers_share", "books_share", "seed")
        },
    }
    return options.validated(values, HeldOut, "held_out: ")


def held_out_flags(section: Mapping[str, Any]) -> str:
    """The config's section held_out as shell-quoted flags; none where nothing is held out."""
    words = [f"--held-out-speaker={speaker}" for speaker in section["speakers"]]
    words += [f"--held-out-book={book}" for book in section["books"]]
    shares = [name for name in ("speakers_share", "books_share") if section[name]]
    shares += ["seed"] if shares and section["seed"] else []
    words += [f"--held-out-{name.replace('_', '-')}={section[name]}" for name in shares]
    return shlex.join(words)
