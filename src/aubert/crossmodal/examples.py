"""Rows of the pairs table as what AuBERT takes: texts around spans, and segments of audio."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from aubert import tables
from aubert.audio import SAMPLE_RATE_HZ
from aubert.corpus.books import Bookshelf, read_text
from aubert.crossmodal.around import with_audio_around
from aubert.crossmodal.batch import (
    NO_REFERENCE,
    AubertBatch,
    TextWindows,
    audio_columns,
    text_columns,
)
from aubert.crossmodal.network import AubertModel
from aubert.crossmodal.options import AubertTrainOptions
from aubert.crossmodal.sampler import PairPlan
from aubert.learn.data import Piece
from aubert.learn.utterances import COLUMNS, Located, VirtualUtterances

PLACE = ["char_start", "char_end"]


def read_pairs(results: Path, split: str, most: int) -> pa.Table:
    """Rows of the pairs of a split, in an order that no division into shards changes.

    most: of more, about as many are read: all pairs of a group (an n-gram by a speaker) or none,
    drawn by hash. A pair takes 250 bytes, and a large corpus has a hundred million.
    """
    share = most / max(tables.num_rows(results, "pairs"), 1)
    parts = [tables.TABLES["pairs"].schema.empty_table()]
    for path in tables.shards(results, "pairs"):
        table = tables.read(path, "pairs").replace_schema_metadata()
        table = table.filter(pc.equal(table["split"], split))
        parts.append(table.filter(tables.drawn(_groups(table), share)))
    return pa.concat_tables(parts).sort_by(
        [(name, "ascending") for name in ("utterance_id", *PLACE)]
    )


def ngrams_of(results: Path, split: str) -> set[str]:
    """Every n-gram of a split."""
    found: set[str] = set()
    for table in tables.all_columns(results, "pairs", ["split", "ngram"]):
        found.update(pc.unique(table["ngram"].filter(pc.equal(table["split"], split))).to_pylist())
    return found


def _groups(pairs: pa.Table) -> pa.ChunkedArray:
    """Of each pair its speaker and n-gram, as one string."""
    return pc.binary_join_element_wise(pairs["speaker"], pairs["ngram"], "\0")


class PairWork(NamedTuple):
    """A pair: where its text and its audio are. around: samples at both ends of the audio that are
    no part of the segment. group: which n-gram of which speaker; text: which place of which book.
    """

    book: Path
    span: tuple[int, int]
    context: tuple[int, int]
    audio: Located
    around: tuple[int, int]
    reference: Located | None
    group: int
    text: int


class ContrastWork(NamedTuple):
    """A process's share of a contrast of `num_pairs` pairs. places: of its pairs among them."""

    pairs: list[PairWork]
    places: list[int]
    num_pairs: int


class AubertReader:
    """Makes batches. Goes to the workers: it holds no pairs."""

    def __init__(self, model: AubertModel, options: AubertTrainOptions):
        self._windows = TextWindows(model.tokenizer, model.options.max_tokens)
        self._normalise = bool(model.extractor.do_normalize)
        # A mask for a loss that has no weight would only hide the context.
        self._mask_share = model.options.mlm_share if model.options.mlm_weight else 0.0
        self._options = options

    def batch(self, work: ContrastWork, rng: np.random.Generator) -> AubertBatch:
        """Raises AudioError, BookError."""
        tokenizer = self._windows.tokenizer
        texts = [self._windows.around(_text(pair.book), pair.span, pair.context)
                 for pair in work.pairs]  # fmt: skip
        return AubertBatch(
            **text_columns(
                texts, tokenizer.pad_token_id, tokenizer.mask_token_id, self._mask_share, rng
            ),
            **audio_columns(
                [pair.audio.read() for pair in work.pairs],
                [_read(pair.reference) for pair in work.pairs],
                self._normalise,
                [pair.around for pair in work.pairs],
            ),
            groups=torch.tensor([pair.group for pair in work.pairs]),
            texts=torch.tensor([pair.text for pair in work.pairs]),
            places=torch.tensor(work.places, dtype=torch.int64),
            num_pairs=work.num_pairs,
            same_group=self._options.negatives == "same_token",
        )


@lru_cache(maxsize=64)
def _text(path: Path) -> str:
    return read_text(path)


@lru_cache(maxsize=256)
def _read(reference: Located | None) -> np.ndarray:
    return NO_REFERENCE if reference is None else reference.read()


class AubertExamples:
    """Rows of the pairs table as texts and segments, in columns of some 80 bytes a pair.

    num_samples: int64 [pairs], at 16 kHz, of the segments and what is read around them
    spread: every process takes its share of each micro-batch, so that all of them together make
      one contrast
    """

    spread = True

    def __init__(
        self,
        pairs: pa.Table,
        recordings: pa.Table,
        corpus_root: str | Path,
        shelf: Bookshelf,
        model: AubertModel,
        options: AubertTrainOptions,
        references: dict[str, Located] | None = None,
        *,
        with_context: bool = True,
        rank: int = 0,
        world_size: int = 1,
    ):
        """pairs: the rows that are trained on. recordings: as VirtualUtterances takes them, with
        num_samples where the model attends to audio around a segment.
        references: as recording_references finds them.
        model: for what its encoders take. with_context: False leaves nothing but the span."""
        self.reader = AubertReader(model, options)
        self._around = np.zeros((len(pairs), 2), np.int64)
        if around := round(model.options.audio_context_seconds * SAMPLE_RATE_HZ):
            pairs, self._around = with_audio_around(pairs, recordings, around, model.hop_samples)
        self._audio = VirtualUtterances(recordings, [pairs.select(COLUMNS)], corpus_root)
        self.num_samples = self._audio.num_samples
        self.groups = _numbers(_groups(pairs))[0].astype(np.int64)
        self._recordings, self._recording_ids = _numbers(pairs["recording_id"])
        self._books, self._book_ids = _numbers(pairs["book_id"])
        context = PLACE if not with_context else ["context_start", "context_end"]
        self._spans, self._contexts = (
            np.stack([pairs[name].to_numpy() for name in names], axis=1)
            for names in (PLACE, context)
        )
        self._references, self._shelf, self._options = references, shelf, options
        self._rank, self._world_size = rank, world_size

    def plan(self, epoch: int) -> PairPlan:
        """The micro-batches of one epoch."""
        around = self._around.sum(1)
        return PairPlan(self.num_samples - around, self.groups, epoch, self._options, around)

    def work(self, pieces: Sequence[Piece]) -> ContrastWork:
        """This process's share of the contrast of `pieces`. Raises BookError."""
        places = list(range(len(pieces)))[self._rank :: self._world_size]
        # A process without a share runs one row for nothing: collectives want all processes.
        share = [pieces[place] for place in (places or [0])]
        return ContrastWork([self._pair(piece) for piece in share], places, len(pieces))

    def batch(self, pieces: Sequence[Piece], rng: np.random.Generator) -> AubertBatch:
        """The share as a batch. Raises AudioError, BookError."""
        return self.reader.batch(self.work(pieces), rng)

    def _pair(self, piece: Piece) -> PairWork:
        index = piece.index
        start, end = self._spans[index].tolist()
        book, reference = int(self._books[index]), None
        if self._references is not None:
            reference = self._references[self._recording_ids[self._recordings[index]]]
        return PairWork(
            self._shelf.path(self._book_ids[book]),
            (start, end),
            tuple(self._contexts[index].tolist()),
            self._audio.located(piece),
            tuple(self._around[index].tolist()),
            reference,
            int(self.groups[index]),
            book << 44 | start << 16 | min(end - start, 2**16 - 1),
        )


def recording_references(
    recordings: pa.Table,
    utterances: Iterable[pa.Table],
    corpus_root: str | Path,
    model: AubertModel,
) -> dict[str, Located] | None:
    """recording_id -> the samples that the recording's segments are normalised with: the
    beginning of one utterance, drawn by hash, or all of it where none is as long. Of the same
    recording, as level and room are another in the next. None where the model wants none.

    utterances: with utterance_id, all of a recording in one table
    """
    hop = model.hop_samples
    wanted = round(model.options.reference_seconds * SAMPLE_RATE_HZ) // hop * hop
    if not wanted:
        return None
    found: dict[str, Located] = {}
    for table in utterances:
        # Those of this table alone: all of them a thousand times take a quarter of an hour.
        own = pc.is_in(recordings["recording_id"], value_set=pc.unique(table["recording_id"]))
        virtual = VirtualUtterances(recordings.filter(own), [table], corpus_root)
        lengths = np.minimum(virtual.num_samples, wanted)
        numbers, names = _numbers(table["recording_id"])
        digests = np.array([_digest(name) for name in virtual.ids.to_pylist()], np.uint64)
        order = np.lexsort((digests, lengths, numbers))
        last = np.flatnonzero(np.diff(numbers[order], append=-1))
        for index in order[last].tolist():
            length = int(lengths[index]) // hop * hop
            found[names[numbers[index]]] = virtual.located(Piece(index, 0, length))
    return found


def _digest(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")


def _numbers(values: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """int32 [values]: equal values have equal numbers, in the order of their first; and the
    values that the numbers stand for."""
    encoded = values.combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary.to_pylist()
