"""Rows of the pairs table as what AuBERT takes: texts around spans, and segments of audio."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from aubert import tables
from aubert.audio import SAMPLE_RATE_HZ
from aubert.corpus.books import Bookshelf, read_text
from aubert.crossmodal.batch import (
    NO_REFERENCE,
    AubertBatch,
    TextWindows,
    Tokens,
    Window,
    audio_columns,
    text_columns,
)
from aubert.crossmodal.network import AubertModel
from aubert.crossmodal.options import AubertTrainOptions
from aubert.crossmodal.sampler import PairPlan
from aubert.learn.data import Piece, VirtualUtterances


class PairTables(NamedTuple):
    """What a run knows of its pairs. recordings: by id."""

    pairs: list[dict]
    recordings: dict[str, dict]
    utterances: list[dict]

    @classmethod
    def read(cls, results: Path) -> PairTables:
        """Of all shards below `results`; pairs in an order that no division into shards changes."""
        recordings = {row["recording_id"]: row for row in tables.all_rows(results, "recordings")}
        pairs, utterances = (
            list(tables.all_rows(results, name)) for name in ("pairs", "utterances")
        )
        pairs.sort(key=lambda row: (row["utterance_id"], row["char_start"], row["char_end"]))
        return cls(pairs, recordings, utterances)

    def of_split(self, split: str) -> list[dict]:
        """Rows of pairs."""
        return [row for row in self.pairs if row["split"] == split]


class AubertExamples:
    """Rows of the pairs table as texts and segments. Picklable, for the workers.

    num_samples: int64 [pairs], at 16 kHz, of the segments
    spread: every process takes its share of each micro-batch, so that all of them together make
      one contrast
    """

    spread = True

    def __init__(
        self,
        pairs: Sequence[Mapping],
        recordings: Mapping[str, Mapping],
        corpus_root: str | Path,
        shelf: Bookshelf,
        model: AubertModel,
        options: AubertTrainOptions,
        references: Mapping[str, np.ndarray] | None = None,
        *,
        with_context: bool = True,
        rank: int = 0,
        world_size: int = 1,
    ):
        """pairs: the rows that are trained on; recordings: rows of that table by id.
        model: for what its encoders take. with_context: False leaves nothing but the span."""
        self._audio = VirtualUtterances(recordings, pairs, corpus_root)
        self.num_samples = self._audio.num_samples
        self._references = references
        self._recordings = [row["recording_id"] for row in pairs]
        self._shelf = shelf
        around = "context" if with_context else "char"
        self._pairs = [
            _Text(
                row["book_id"],
                (row["char_start"], row["char_end"]),
                (row[f"{around}_start"], row[f"{around}_end"]),
            )
            for row in pairs
        ]
        self.groups = _numbered([(row["speaker"], row["ngram"]) for row in pairs])
        self._texts = _numbered(
            [(row["book_id"], row["char_start"], row["char_end"]) for row in pairs]
        )
        self._windows = TextWindows(model.tokenizer, model.options.max_tokens)
        self._normalise = bool(model.extractor.do_normalize)
        # A mask for a loss that has no weight would only hide the context.
        self._mask_share = model.options.mlm_share if model.options.mlm_weight else 0.0
        self._options = options
        self._rank, self._world_size = rank, world_size

    def plan(self, epoch: int) -> PairPlan:
        """The micro-batches of one epoch."""
        return PairPlan(self.num_samples, self.groups, epoch, self._options)

    def batch(self, pieces: Sequence[Piece], rng: np.random.Generator) -> AubertBatch:
        """This process's share of the contrast of `pieces`. Raises AudioError, BookError."""
        places = np.arange(len(pieces))[self._rank :: self._world_size]
        # A process without a share runs one row for nothing: collectives want all processes.
        share = [pieces[place] for place in (places if len(places) else [0])]
        chosen = [self._pairs[piece.index] for piece in share]
        windows = [self._window(row) for row in chosen]
        tokenizer = self._windows.tokenizer
        indices = [piece.index for piece in share]
        return AubertBatch(
            **text_columns(
                windows, tokenizer.pad_token_id, tokenizer.mask_token_id, self._mask_share, rng
            ),
            **audio_columns(
                [self._audio.read(piece) for piece in share],
                [self._reference(index) for index in indices],
                self._normalise,
            ),
            groups=torch.from_numpy(self.groups[indices]),
            texts=torch.from_numpy(self._texts[indices]),
            places=torch.from_numpy(places),
            num_pairs=len(pieces),
            same_group=self._options.negatives == "same_token",
        )

    def _reference(self, index: int) -> np.ndarray:
        if self._references is None:
            return NO_REFERENCE
        return self._references[self._recordings[index]]

    def _window(self, text: _Text) -> Window:
        tokens = _tokens(self._shelf.path(text.book_id), self._windows)
        return self._windows.window(tokens, text.span, text.context)


def recording_references(
    recordings: Mapping[str, Mapping],
    utterances: Iterable[Mapping],
    corpus_root: str | Path,
    model: AubertModel,
) -> dict[str, np.ndarray] | None:
    """recording_id -> float32 samples that the recording's segments are normalised with: the
    beginning of one utterance, drawn by hash, or all of it where none is as long. Of the same
    recording, as level and room are another in the next. None where the model wants none. Raises
    AudioError."""
    hop = model.hop_samples
    wanted = round(model.options.reference_seconds * SAMPLE_RATE_HZ) // hop * hop
    if not wanted:
        return None
    best: dict[str, tuple] = {}
    for row in utterances:
        recording = recordings[row["recording_id"]]
        num_samples = row["num_samples"] * SAMPLE_RATE_HZ // recording["sample_rate_hz"]
        digest = blake2b(row["utterance_id"].encode(), digest_size=8).digest()
        rank = (min(num_samples, wanted), digest, row)
        name = row["recording_id"]
        best[name] = max(best.get(name, rank), rank, key=lambda rank: rank[:2])
    chosen = VirtualUtterances(recordings, [row for _, _, row in best.values()], corpus_root)
    lengths = [min(int(length), wanted) // hop * hop for length in chosen.num_samples]
    return {
        name: chosen.read(Piece(index, 0, length))
        for index, (name, length) in enumerate(zip(best, lengths, strict=True))
    }


class _Text(NamedTuple):
    """Where the text of one pair stands."""

    book_id: str
    span: tuple[int, int]
    context: tuple[int, int]


@lru_cache(maxsize=64)
def _tokens(path: Path, windows: TextWindows) -> Tokens:
    return windows.tokens(read_text(path))


def _numbered(keys: Sequence) -> np.ndarray:
    """int64 [keys]: equal keys have equal numbers."""
    numbers: dict = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)
