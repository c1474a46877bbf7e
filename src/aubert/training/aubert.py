"""AuBERT as a task of the loop: pairs of text and audio, contrasted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from aubert.audio import SAMPLE_RATE_HZ
from aubert.corpus.books import Bookshelf, read_text
from aubert.models.aubert import AubertModel
from aubert.models.aubert_batch import (
    AubertBatch,
    TextWindows,
    Tokens,
    Window,
    audio_columns,
    text_columns,
)
from aubert.training.aubert_options import AubertTrainOptions
from aubert.training.data import Piece, VirtualUtterances
from aubert.training.pair_plan import PairPlan

# Training costs hours, so an edit of this code does not start it again: raise this when other
# weights would come out, and the workflow does.
VERSION = 1


class AubertExamples:
    """Rows of the pairs table as texts and segments. Picklable, for the workers.

    num_samples: int64 [pairs], at 16 kHz, of the segments with their surroundings
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
        *,
        with_context: bool = True,
        rank: int = 0,
        world_size: int = 1,
    ):
        """pairs: the rows that are trained on; recordings: rows of that table by id.
        model: for what its encoders take. with_context: False leaves nothing but the span."""
        wide = [_surrounded(row, recordings, model) for row in pairs]
        self._audio = VirtualUtterances(recordings, [row for row, _ in wide], corpus_root)
        self._segments = np.array([segment for _, segment in wide], np.int64).reshape(-1, 2)
        self.num_samples = self._audio.num_samples
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
            **audio_columns([self._audio.read(piece) for piece in share], self._normalise),
            segment_starts=torch.from_numpy(self._segments[indices, 0]),
            segment_lengths=torch.from_numpy(self._segments[indices, 1]),
            groups=torch.from_numpy(self.groups[indices]),
            texts=torch.from_numpy(self._texts[indices]),
            places=torch.from_numpy(places),
            num_pairs=len(pieces),
            same_group=self._options.negatives == "same_token",
        )

    def _window(self, text: _Text) -> Window:
        tokens = _tokens(self._shelf.path(text.book_id), self._windows)
        return self._windows.window(tokens, text.span, text.context)


def _surrounded(
    row: Mapping, recordings: Mapping[str, Mapping], model: AubertModel
) -> tuple[dict, tuple[int, int]]:
    """The row with the recording around its slices, and where these are in it (start and length
    at 16 kHz; they begin with a frame)."""
    recording = recordings[row["recording_id"]]
    rate_hz, slices = recording["sample_rate_hz"], row["slices"]
    margin = model.options.surround_ms * rate_hz // 1000
    first, last = slices[0]["start_sample"], slices[-1]["end_sample"]
    hop = model.hop_samples
    start = min(margin, first) * SAMPLE_RATE_HZ // rate_hz // hop * hop
    before = start * rate_hz // SAMPLE_RATE_HZ
    after = min(margin, recording["num_samples"] - last)
    wide = [
        {"start_sample": first - before, "end_sample": first},
        *slices,
        {"start_sample": last, "end_sample": last + after},
    ]
    wide = [piece for piece in wide if piece["start_sample"] < piece["end_sample"]]
    num_samples = before + row["num_samples"] + after
    segment = (start, row["num_samples"] * SAMPLE_RATE_HZ // rate_hz)
    return {**row, "slices": wide, "num_samples": num_samples}, segment


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


class AubertTask:
    """The contrast of each batch; the audio encoder waits for the heads."""

    def __init__(self, model: AubertModel, options: AubertTrainOptions):
        self.model = model
        self._freeze_audio_steps = options.freeze_audio_steps

    def start_step(self, step: int) -> None:
        self.model.freeze_audio(step <= self._freeze_audio_steps)

    def loss(self, batch: AubertBatch) -> tuple[torch.Tensor, int, Mapping[str, torch.Tensor]]:
        return self.model(batch)
