"""Networks that turn a waveform into frames, run over many utterances.

Any Hugging Face speech network that takes a waveform goes through here (HuBERT,
wav2vec 2.0, WavLM, ...), whatever is read off it: CTC emissions or hidden states. What
an utterance gets depends on the utterance alone: not on the batch that it ran in, and,
when it is longer than a window, hardly on where the windows fell.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

import numpy as np

from aubert import audio
from aubert.encoders.windows import Window, merge, windows
from aubert.options import Device, NaturalFloat, PositiveFloat, options_class
from aubert.stage import Reject

POOL_BATCHES = 16  # batches' worth of audio that is sorted by length at a time: little padding


@options_class
class NetworkOptions:
    """How a network runs over waveforms.

    batch_seconds: audio of a batch, padding included, in seconds; lower it when memory is short (a
      GPU that runs out halves its batches by itself)
    window_seconds: longest stretch that runs in one pass, in seconds; 30 is what cut makes, and
      about the longest of LibriSpeech, which published checkpoints are trained on
    overlap_seconds: overlap of neighbouring windows, in seconds, so that each frame has context on
      both sides; no effect on utterances within a window
    device: auto takes a GPU where there is one
    dtype: auto is bfloat16 on a GPU (weights stay float32), else float32
    """

    batch_seconds: PositiveFloat = 120.0
    window_seconds: PositiveFloat = 30.0
    overlap_seconds: NaturalFloat = 4.0
    device: Device = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"

    def __post_init__(self) -> None:
        if self.overlap_seconds >= self.window_seconds / 2:
            raise ValueError(
                f"overlap_seconds is {self.overlap_seconds:g}; it must be below half of "
                f"window_seconds, which is {self.window_seconds:g}"
            )


@dataclass(frozen=True)
class _Piece:
    utterance: int  # position in the pool
    window: Window
    values: np.ndarray  # normalised samples


class WaveformNetwork(ABC):
    """A network with its feature extractor, ready to run; subclasses define the output.

    num_columns: of an output
    sample_rate_hz: of the audio that it takes
    stride_samples: from one frame to the next
    receptive_samples: what one frame sees; shorter audio has no frame
    pool_batches: batches' worth of audio whose outputs are held together
    """

    pool_batches = POOL_BATCHES

    def __init__(
        self, network, feature_extractor, options: NetworkOptions, name: str, num_columns: int
    ):
        """network: in evaluation mode; the frame grid is derived from its
        `_get_feat_extract_output_lengths`, so any rate and front end will do.
        name: of the checkpoint, for messages."""
        import torch

        from aubert.encoders.norms import positions_of_rows

        # oneDNN keeps what it compiled for every shape, 0.4 MB each; lengths hardly come twice.
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")
        if network.main_input_name != "input_values":
            raise ValueError(
                f"{name} takes {network.main_input_name}, not a waveform; choose a "
                f"HuBERT, wav2vec 2.0, WavLM or similar checkpoint"
            )
        gpu = torch.cuda.is_available()
        device = options.device if options.device != "auto" else "cuda" if gpu else "cpu"
        if device == "cuda" and not gpu:
            raise ValueError("device is cuda, but torch sees no GPU; set device to auto or cpu")
        self._device = torch.device(device)
        self._bfloat16 = options.dtype == "bfloat16" or (options.dtype, device) == ("auto", "cuda")
        self._network = network.to(self._device)
        self._extractor = feature_extractor
        self._options = options
        self.sample_rate_hz: int = feature_extractor.sampling_rate
        self.num_columns = num_columns
        self.receptive_samples = self._first_length_with(1)
        self.stride_samples = self._first_length_with(2) - self.receptive_samples
        self._row_samples: list[int] | None = None  # of the padded batch that is running
        positions_of_rows(network.base_model)
        _normalise_rows_apart(self)
        self._may_pad = self._padding_changes_nothing()

    @property
    def device(self) -> str:
        """cpu or cuda, where it runs."""
        return self._device.type

    @abstractmethod
    def _outputs(self, inputs: Mapping[str, Any]):
        """The network's output for a padded batch: float32 [rows, frames, num_columns]."""

    def num_frames(self, num_samples: int) -> int:
        """Frames of an emission; (N - 400) // 320 + 1 for the published checkpoints."""
        import torch

        lengths = torch.tensor(num_samples)  # Hugging Face computes with torch.div
        return max(0, int(self._network._get_feat_extract_output_lengths(lengths)))

    def _first_length_with(self, num_frames: int) -> int:
        """The smallest number of samples that has `num_frames` frames."""
        return bisect_left(range(self.sample_rate_hz * 10), num_frames, key=self.num_frames)

    def run(
        self, utterances: Iterable[tuple[str, np.ndarray] | Reject]
    ) -> Iterator[tuple[str, np.ndarray] | Reject]:
        """Yields (utterance_id, float32 [num_frames, num_columns]) for each
        (utterance_id, mono samples) in the order of the input; rejects pass through.

        Audio shorter than the receptive field gets an output of no frames. Holds at
        most pool_batches x batch_seconds of audio, plus one utterance.
        """
        for items, pieces in self._pools(utterances):
            yield from self._pool_outputs(items, pieces)
            del items, pieces  # before the next pool is read

    def _pools(self, utterances: Iterable) -> Iterator[tuple[list, list[_Piece]]]:
        """Rejects and (utterance_id, number of samples), and what is to be run of them."""
        limit = self.pool_batches * self._options.batch_seconds * self.sample_rate_hz
        items: list = []
        pieces: list[_Piece] = []
        held = 0
        for item in utterances:
            if isinstance(item, Reject):
                items.append(item)
                continue
            utterance_id, samples = item
            pieces += self._pieces(len(items), samples)
            items.append((utterance_id, len(samples)))
            held += len(samples)
            if held >= limit:
                yield items, pieces
                items, pieces, held = [], [], 0
        yield items, pieces

    def _pool_outputs(
        self, items: list, pieces: list[_Piece]
    ) -> Iterator[tuple[str, np.ndarray] | Reject]:
        parts: dict[int, list[tuple[Window, np.ndarray]]] = {i: [] for i in range(len(items))}
        for batch in self._batches(pieces):
            for piece, rows in zip(batch, self._run(batch), strict=True):
                parts[piece.utterance].append((piece.window, rows))
        pieces.clear()  # their samples, while the outputs are used
        for position, item in enumerate(items):
            if isinstance(item, Reject):
                yield item
            else:
                utterance_id, num_samples = item
                num_frames = self.num_frames(num_samples)
                yield utterance_id, merge(parts.pop(position), num_frames, self.num_columns)

    def _pieces(self, position: int, samples: np.ndarray) -> Iterator[_Piece]:
        if len(samples) < self.receptive_samples:
            return
        # Unpadded and whole: the extractor's own batches let the padding into the mean.
        values = self._normalised(samples)
        num_frames = self.num_frames(len(values))
        window = self.num_frames(round(self._options.window_seconds * self.sample_rate_hz))
        overlap = round(self._options.overlap_seconds * self.sample_rate_hz / self.stride_samples)
        if num_frames <= window:
            yield _Piece(position, Window(0, num_frames, 0, num_frames), values)
            return
        for part in windows(num_frames, max(window, 2 * overlap + 1), overlap):
            start = part.start * self.stride_samples
            end = (part.end - 1) * self.stride_samples + self.receptive_samples
            yield _Piece(position, part, values[start:end])

    def _normalised(self, samples: np.ndarray) -> np.ndarray:
        from transformers import Wav2Vec2FeatureExtractor

        from aubert.encoders.hubert import normalised

        if isinstance(self._extractor, Wav2Vec2FeatureExtractor):
            return normalised(samples) if self._extractor.do_normalize else samples
        return self._extractor(
            samples, sampling_rate=self.sample_rate_hz, padding=False, return_tensors="np"
        )["input_values"][0].astype(np.float32, copy=False)

    def _batches(self, pieces: list[_Piece]) -> Iterator[list[_Piece]]:
        """Pieces of similar length together (equal length where padding would show), the
        longest first, at most batch_seconds of padded audio unless one piece alone is more."""
        limit = self._options.batch_seconds * self.sample_rate_hz
        batch: list[_Piece] = []
        for piece in sorted(pieces, key=lambda piece: -len(piece.values)):
            longest = len(batch[0].values) if batch else len(piece.values)
            alike = self._may_pad or len(piece.values) == longest
            if batch and (not alike or longest * (len(batch) + 1) > limit):
                yield batch
                batch = []
            batch.append(piece)
        if batch:
            yield batch

    def _run(self, batch: Sequence[_Piece]) -> list[np.ndarray]:
        import torch

        try:
            return self._forward([piece.values for piece in batch])
        except torch.OutOfMemoryError:
            if len(batch) == 1:
                raise ValueError(
                    f"{len(batch[0].values) / self.sample_rate_hz:.0f} s of audio do not fit "
                    f"into the GPU's memory; lower window_seconds"
                ) from None
        # Outside of the except block, whose traceback would keep the failed batch alive.
        torch.cuda.empty_cache()
        middle = len(batch) // 2
        return self._run(batch[:middle]) + self._run(batch[middle:])

    def _forward(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The output of each row of normalised samples, run as one padded batch."""
        import torch

        lengths = [len(row) for row in rows]
        padded = np.full((len(rows), max(lengths)), self._extractor.padding_value, np.float32)
        for target, row in zip(padded, rows, strict=True):
            target[: len(row)] = row
        inputs = {"input_values": torch.from_numpy(padded).to(self._device)}
        if min(lengths) < max(lengths):
            self._row_samples = lengths
            mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
            inputs["attention_mask"] = mask.long().to(self._device)
        try:
            with (
                torch.inference_mode(),
                torch.autocast(self._device.type, torch.bfloat16, enabled=self._bfloat16),
            ):
                outputs = self._outputs(inputs).cpu().numpy()
        finally:
            self._row_samples = None
        return [
            rows[: self.num_frames(length)] for rows, length in zip(outputs, lengths, strict=True)
        ]

    def _padding_changes_nothing(self) -> bool:
        """Whether this network gives a row the same output with padding and alone.

        Tried rather than looked up: feature extractors' return_attention_mask is how a
        model was trained, not what padding does to it.
        """
        noise = np.random.default_rng(0).standard_normal(self._length_of_frames(40), np.float32)
        short = noise[: self._length_of_frames(25)]
        (alone,) = self._forward([short])
        _, padded = self._forward([noise, short])
        return float(np.abs(alone - padded).max()) <= (0.2 if self._bfloat16 else 1e-3)

    def _length_of_frames(self, num_frames: int) -> int:
        return (num_frames - 1) * self.stride_samples + self.receptive_samples


def _normalise_rows_apart(model: WaveformNetwork) -> None:
    """Makes the group norm of BASE models' first convolution overlook padding."""
    import torch

    from aubert.encoders.norms import group_norm_of_rows

    layers = getattr(
        getattr(model._network.base_model, "feature_extractor", None), "conv_layers", ()
    )
    first = layers[0] if len(layers) else None
    norm = getattr(first, "layer_norm", None)
    if not isinstance(norm, torch.nn.GroupNorm):
        return
    (kernel,), (stride,) = first.conv.kernel_size, first.conv.stride

    def over_own_frames(norm, inputs, output):
        if model._row_samples is None:
            return output
        num_frames = [(length - kernel) // stride + 1 for length in model._row_samples]
        return group_norm_of_rows(norm, inputs[0], num_frames)

    norm.register_forward_hook(over_own_frames)


def utterance_audio(
    recordings: Mapping[str, Mapping],
    utterances: Iterable[Mapping],
    corpus_root: Path,
    sample_rate_hz: int,
) -> Iterator[tuple[str, np.ndarray] | Reject]:
    """(utterance_id, mono samples) of rows of the utterances table, or a reject for a file
    that cannot be decoded. recordings: rows of the recordings table by id."""
    for recording_id, rows in groupby(utterances, key=itemgetter("recording_id")):
        path = corpus_root / recordings[recording_id]["path"]
        with audio.Reader(path, sample_rate_hz) as reader:
            for row in rows:
                slices = [(piece["start_sample"], piece["end_sample"]) for piece in row["slices"]]
                try:
                    samples = reader.decode(slices)
                except audio.AudioError as error:
                    yield Reject(row["utterance_id"], error.reason, error.detail)
                else:
                    yield row["utterance_id"], samples
