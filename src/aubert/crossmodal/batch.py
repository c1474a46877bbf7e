"""What one pass of AuBERT takes: texts with their spans, audio segments, who is whose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch

from aubert.encoders.hubert import normalised

_NEAR = 64  # characters on both sides: what normalisers look at


class Window(NamedTuple):
    """Token ids of a text, special tokens included, and where the span lies among them."""

    ids: list[int]
    span_start: int
    span_length: int


class Tokens(NamedTuple):
    """The tokens of a text, without special ones: ids, and where they stand in characters;
    int32 [tokens] each."""

    ids: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


@dataclass(frozen=True)
class Texts:
    """Rows are texts.

    ids: int64 [rows, tokens]; num_tokens: int64 [rows]
    span_starts, span_lengths: int64 [rows], in tokens
    masked: int64 [num_masked], positions in the flattened [rows x tokens] that are masked for the
      masked-language-model loss; masked_ids: int64 [num_masked], what stood there
    """

    ids: torch.Tensor
    num_tokens: torch.Tensor
    span_starts: torch.Tensor
    span_lengths: torch.Tensor
    masked: torch.Tensor
    masked_ids: torch.Tensor


@dataclass(frozen=True)
class Segments:
    """Rows are audio.

    samples: float32 [rows, samples], zero behind each row's end; num_samples: int64 [rows]
    context_starts, context_lengths: int64 [rows], in samples: the audio that the encoder attends
      to; before it stands what the front end normalises over with it
    segment_starts, segment_lengths: int64 [rows], in samples: what is pooled of it
    """

    samples: torch.Tensor
    num_samples: torch.Tensor
    context_starts: torch.Tensor
    context_lengths: torch.Tensor
    segment_starts: torch.Tensor
    segment_lengths: torch.Tensor


@dataclass(frozen=True)
class AubertBatch(Segments, Texts):
    """Rows are pairs of a text and an audio segment.

    groups: int64 [rows], which n-gram of which speaker; texts: int64 [rows], which place of which
      book
    places: int64 [own], of the rows in the contrast, which `num_pairs` pairs make, spread over
      the processes; rows behind the first `own` are in no loss (a process without a share)
    same_group: whether pairs are contrasted within their group only
    """

    groups: torch.Tensor
    texts: torch.Tensor
    places: torch.Tensor
    num_pairs: int
    same_group: bool

    def to(self, device: torch.device | str) -> AubertBatch:
        moved = {
            name: value.to(device, non_blocking=True)
            for name, value in vars(self).items()
            if isinstance(value, torch.Tensor)
        }
        return replace(self, **moved)

    def unmasked(self) -> AubertBatch:
        """The batch with every token as it was."""
        ids = self.ids.flatten().scatter(0, self.masked, self.masked_ids).view_as(self.ids)
        return replace(self, ids=ids, masked=self.masked[:0], masked_ids=self.masked_ids[:0])


class TextWindows:
    """Cuts tokens around spans of text. Picklable, as Hugging Face's tokenizers are."""

    def __init__(self, tokenizer, max_tokens: int):
        """tokenizer: one that gives offsets (backed by the tokenizers library). Raises
        ValueError for another."""
        if not tokenizer.is_fast:
            raise ValueError(
                "the text encoder's tokenizer gives no offsets; choose an encoder with a "
                "tokenizer.json"
            )
        self.tokenizer = tokenizer
        self._before = [tokenizer.cls_token_id] if tokenizer.cls_token_id is not None else []
        self._after = [tokenizer.sep_token_id] if tokenizer.sep_token_id is not None else []
        self._room = max_tokens - len(self._before) - len(self._after)

    def around(self, text: str, span: tuple[int, int], context: tuple[int, int]) -> Window:
        """The window of the whole text's tokens, though only what is near is tokenised: tokens do
        not reach over the spaces between words. Raises ValueError as `window` does."""
        low = text.rfind(" ", 0, max(0, min(context[0], span[0]) - _NEAR)) + 1
        high = text.find(" ", max(context[1], span[1]) + _NEAR)
        near = self.tokens(text[low : high if high >= 0 else len(text)])
        return self.window(near, *((start - low, end - low) for start, end in (span, context)))

    def tokens(self, text: str) -> Tokens:
        """Every token of a text."""
        backend = self.tokenizer.backend_tokenizer
        # As saved it may cut texts at its own length, from the end.
        backend.no_truncation()
        backend.no_padding()
        encoded = backend.encode(text, add_special_tokens=False)
        offsets = np.array(encoded.offsets, np.int32).reshape(-1, 2)
        return Tokens(np.array(encoded.ids, np.int32), offsets[:, 0], offsets[:, 1])

    def window(self, tokens: Tokens, span: tuple[int, int], context: tuple[int, int]) -> Window:
        """The tokens of `context` around those of `span`, both [start, end) in characters.

        Where there are more than max_tokens, those farthest from the span are left out, never
        the span's unless it is longer itself. Raises ValueError when the span holds no token.
        """
        first = int(np.searchsorted(tokens.ends, span[0], "right"))
        last = int(np.searchsorted(tokens.starts, span[1], "left"))
        if first >= last:
            raise ValueError(f"the tokenizer gives no token for characters {span[0]}:{span[1]}")
        low = min(first, int(np.searchsorted(tokens.starts, context[0], "left")))
        high = max(last, int(np.searchsorted(tokens.ends, context[1], "right")))
        last = min(last, first + self._room)
        left = self._room - (last - first)
        start = max(low, first - max(left // 2, left - (high - last)))
        end = min(high, start + self._room)
        return Window(
            [*self._before, *tokens.ids[start:end].tolist(), *self._after],
            len(self._before) + first - start,
            last - first,
        )


def text_columns(
    windows: Sequence[Window],
    pad_id: int,
    mask_id: int | None,
    mask_share: float,
    rng: np.random.Generator,
) -> dict[str, torch.Tensor]:
    """The batch's columns of text. mask_share: of the tokens outside the span and inside the
    special tokens at the edges, each row's rounded down."""
    lengths = [len(window.ids) for window in windows]
    ids = np.full((len(windows), max(lengths)), pad_id, np.int64)
    masked = []
    for row, window in enumerate(windows):
        ids[row, : lengths[row]] = window.ids
        span_end = window.span_start + window.span_length
        free = np.r_[1 : window.span_start, span_end : lengths[row] - 1]
        drawn = rng.choice(free, int(len(free) * mask_share), replace=False) if len(free) else free
        masked.append(np.sort(drawn) + row * ids.shape[1])
    places = np.concatenate(masked).astype(np.int64)
    masked_ids = ids.reshape(-1)[places]
    if len(places):  # a tokenizer without a mask token has None
        ids.reshape(-1)[places] = mask_id
    return {
        "ids": torch.from_numpy(ids),
        "num_tokens": torch.tensor(lengths),
        "span_starts": torch.tensor([window.span_start for window in windows]),
        "span_lengths": torch.tensor([window.span_length for window in windows]),
        "masked": torch.from_numpy(places),
        "masked_ids": torch.from_numpy(masked_ids),
    }


NO_REFERENCE = np.zeros(0, np.float32)


def audio_columns(
    segments: Sequence[np.ndarray],
    references: Sequence[np.ndarray],
    normalise: bool,
    around: Sequence[tuple[int, int]] = (),
) -> dict[str, torch.Tensor]:
    """The batch's columns of audio: each segment behind its reference, which is a whole number of
    frames. normalise: both together to zero mean and unit variance, as Hugging Face's feature
    extractor does where do_normalize is set. around: samples at the beginning and at the end of
    each segment that are attended to and not pooled, the first a whole number of frames; none: 0.
    """
    around = around or [(0, 0)] * len(segments)
    rows = [np.concatenate(pair) for pair in zip(references, segments, strict=True)]
    lengths = [len(row) for row in rows]
    starts = [len(reference) for reference in references]
    samples = np.zeros((len(rows), max(lengths)), np.float32)
    for target, row in zip(samples, rows, strict=True):
        target[: len(row)] = normalised(row) if normalise else row
    return {
        "samples": torch.from_numpy(samples),
        "num_samples": torch.tensor(lengths),
        "context_starts": torch.tensor(starts),
        "context_lengths": torch.tensor([len(segment) for segment in segments]),
        "segment_starts": torch.tensor(
            [start + before for start, (before, _) in zip(starts, around, strict=True)]
        ),
        "segment_lengths": torch.tensor(
            [len(segment) - sum(own) for segment, own in zip(segments, around, strict=True)]
        ),
    }
