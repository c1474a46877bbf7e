"""What one pass of masked prediction takes: audio, mask, and the labels that count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from aubert.encoders import WINDOW_SAMPLES
from aubert.encoders.hubert import normalised
from aubert.encoders.masking import span_mask
from aubert.hubert.options import HubertOptions


@dataclass(frozen=True)
class HubertBatch:
    """samples: float32 [batch, samples], zero behind each row's end
    num_samples: int64 [batch]
    mask: bool [batch, frames], the frames that the encoder does not see
    counted: int64 [num_counted], positions in the flattened [batch x frames] whose labels are
      in the loss: the masked ones, then, when they weigh anything, the others
    labels: int64 [num_label_sets, num_counted]
    num_masked: how many of `counted` are masked
    padded: whether rows differ in length
    """

    samples: torch.Tensor
    num_samples: torch.Tensor
    mask: torch.Tensor
    counted: torch.Tensor
    labels: torch.Tensor
    num_masked: int
    padded: bool

    def to(self, device: torch.device | str) -> HubertBatch:
        moved = {
            name: value.to(device, non_blocking=True)
            for name, value in vars(self).items()
            if isinstance(value, torch.Tensor)
        }
        return replace(self, **moved)


def hubert_batch(
    samples: Sequence[np.ndarray],
    labels: Sequence[Sequence[np.ndarray]],
    options: HubertOptions,
    rng: np.random.Generator,
) -> HubertBatch:
    """samples: float32 [num_samples] of each row; labels: for each row and label set, one label
    per frame of the model (masking.labels_of_frames makes them so).

    Raises ValueError for a row that is shorter than one frame, or whose labels are not one
    per frame.
    """
    lengths = [len(row) for row in samples]
    num_frames = [options.num_frames(length) for length in lengths]
    _check(lengths, num_frames, labels)
    padded = np.zeros((len(samples), max(lengths)), np.float32)
    for target, row in zip(padded, samples, strict=True):
        target[: len(row)] = normalised(row) if options.normalise else row

    mask = span_mask(num_frames, rng, fraction=options.mask_fraction, span=options.mask_span)
    inside = np.arange(mask.shape[1]) < np.array(num_frames)[:, None]
    counted = np.flatnonzero(mask)
    num_masked = len(counted)
    if options.masked_weight < 1:
        counted = np.concatenate([counted, np.flatnonzero(inside & ~mask)])
    return HubertBatch(
        samples=torch.from_numpy(padded),
        num_samples=torch.tensor(lengths),
        mask=torch.from_numpy(mask),
        counted=torch.from_numpy(counted),
        labels=torch.from_numpy(_at(counted, labels, mask.shape)),
        num_masked=num_masked,
        padded=min(lengths) < max(lengths),
    )


def _check(lengths: list[int], num_frames: list[int], labels: Sequence) -> None:
    for row, (length, frames) in enumerate(zip(lengths, num_frames, strict=True)):
        if frames < 1:
            raise ValueError(
                f"row {row} has {length} samples; one frame takes {WINDOW_SAMPLES}: leave out "
                f"utterances that are shorter"
            )
        for label_set in labels[row]:
            if len(label_set) != frames:
                raise ValueError(
                    f"row {row} has {frames} frames and {len(label_set)} labels; "
                    f"align them with labels_of_frames"
                )


def _at(counted: np.ndarray, labels: Sequence, shape: tuple[int, int]) -> np.ndarray:
    """[num_label_sets, num_counted]."""
    grids = np.zeros((len(labels[0]), *shape), np.int64)
    for row, label_sets in enumerate(labels):
        for grid, label_set in zip(grids, label_sets, strict=True):
            grid[row, : len(label_set)] = label_set
    return grids.reshape(len(grids), -1)[:, counted]
