"""What CTC learns from: whole utterances and their letters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from aubert import audio
from aubert.audio import SAMPLE_RATE_HZ
from aubert.corpus.labelled import LabelledUtterance
from aubert.ctc.network import TOKENS, CtcBatch, CtcNetwork, frames_needed, spell
from aubert.ctc.options import CtcTrainOptions
from aubert.encoders.hubert import normalised
from aubert.encoders.masking import span_mask
from aubert.learn.data import Piece, padded


class Shape(NamedTuple):
    """What the examples have to know of the network.

    kernels, strides: of the front end's convolutions, in samples; they make the frame grid
    normalise: whether audio goes in with zero mean and unit variance
    tokens: of the output layer
    """

    kernels: tuple[int, ...]
    strides: tuple[int, ...]
    hidden_size: int
    normalise: bool
    tokens: tuple[str, ...] = TOKENS

    @classmethod
    def of(cls, network: CtcNetwork) -> Shape:
        config = network.network.config
        kernels, strides = tuple(config.conv_kernel), tuple(config.conv_stride)
        return cls(
            kernels, strides, config.hidden_size, network.extractor.do_normalize, network.tokens
        )

    def num_frames(self, num_samples: int) -> int:
        for kernel, stride in zip(self.kernels, self.strides, strict=True):
            num_samples = max(0, (num_samples - kernel) // stride + 1)
        return num_samples


class LeftOut(NamedTuple):
    """An utterance that CTC cannot learn from."""

    utterance_id: str
    reason: str
    detail: str


class CtcExamples:
    """Whole utterances with their letters.

    utterances, num_samples: of those that can be learned from
    left_out: the others
    """

    def __init__(
        self, utterances: Sequence[LabelledUtterance], shape: Shape, options: CtcTrainOptions
    ):
        """Opens every file, at its start and its end: one that is no audio, or was cut off, is left
        out."""
        self.utterances: list[LabelledUtterance] = []
        self.left_out: list[LeftOut] = []
        self._letters: list[np.ndarray] = []
        self._shape = shape
        self._options = options
        lengths = []
        for utterance in utterances:
            try:
                num_samples = utterance.num_samples()
            except audio.AudioError as error:
                fault = "whose audio cannot be decoded", f"{utterance.path}: {error}"
                self.left_out.append(LeftOut(utterance.utterance_id, *fault))
                continue
            if utterance.has_extra:
                fault = "whose audio holds more than their text", utterance.text
            elif utterance.unwritten:
                fault = "with letters or signs outside the vocabulary", utterance.unwritten
            else:
                letters = spell(utterance.text, shape.tokens)
                fault = self._fault(num_samples, letters)
            if fault is not None:
                self.left_out.append(LeftOut(utterance.utterance_id, *fault))
                continue
            self.utterances.append(utterance)
            self._letters.append(letters)
            lengths.append(num_samples)
        self.num_samples = np.array(lengths, np.int64)

    def _fault(self, num_samples: int, letters: np.ndarray) -> tuple[str, str] | None:
        seconds = num_samples / SAMPLE_RATE_HZ
        num_frames, needed = self._shape.num_frames(num_samples), frames_needed(letters)
        if num_samples > round(self._options.max_seconds * SAMPLE_RATE_HZ):
            return "longer than max_seconds", f"{seconds:.1f} s"
        if num_samples < self._options.min_seconds * SAMPLE_RATE_HZ:
            return "shorter than min_seconds", f"{seconds:.2f} s"
        if num_frames < needed:
            return "fewer frames than its text needs", f"{num_frames} frames, {needed} needed"
        return None

    def batch(self, pieces: Sequence[Piece], rng: np.random.Generator | None) -> CtcBatch:
        """rng: None masks nothing."""
        rows = [self._samples(piece) for piece in pieces]
        letters = [self._letters[piece.index] for piece in pieces]
        samples, num_samples = padded(rows)
        frames, channels = (None, None) if rng is None else self._masks(num_samples, rng)
        return CtcBatch(
            samples=torch.from_numpy(samples),
            num_samples=torch.from_numpy(num_samples),
            letters=torch.from_numpy(np.concatenate(letters)),
            num_letters=torch.tensor([len(row) for row in letters]),
            masked_frames=frames,
            masked_channels=channels,
            padded=bool(num_samples.min() < num_samples.max()),
        )

    def _samples(self, piece: Piece) -> np.ndarray:
        assert piece.start == 0 and piece.num_samples == self.num_samples[piece.index], piece
        samples = self.utterances[piece.index].decode()
        return normalised(samples) if self._shape.normalise else samples

    def _masks(
        self, num_samples: np.ndarray, rng: np.random.Generator
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """Of frames and of channels."""
        options = self._options
        lengths = [self._shape.num_frames(n) for n in num_samples.tolist()]
        widths = [self._shape.hidden_size] * len(lengths)
        frames = _mask(lengths, rng, options.mask_time_prob, options.mask_time_length)
        channels = _mask(widths, rng, options.mask_feature_prob, options.mask_feature_length)
        return frames, channels


def _mask(lengths: list[int], rng: np.random.Generator, share: float, span: int):
    if share == 0:
        return None
    return torch.from_numpy(span_mask(lengths, rng, fraction=share, span=span))
