"""A mixture taken apart: embeddings clustered, each cluster a mask, each mask a voice."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from pathlib import Path

import numpy as np
import torch

from aubert import audio
from aubert.files import write_bytes
from aubert.separation.network import HOP, WINDOW, DeepClustering, spectra, waveforms
from aubert.separation.options import SAMPLE_RATE_HZ, SeparateOptions
from aubert.units.kmeans import KMeansOptions, learn_kmeans
from aubert.units.nearest import Nearest


class Separator:
    """Takes mixtures apart with one network."""

    def __init__(self, model: DeepClustering, options: SeparateOptions):
        """Raises ValueError for masks of a head that the network has not, and without a GPU
        where one is asked for."""
        gpu = torch.cuda.is_available()
        if options.device == "cuda" and not gpu:
            raise ValueError("device is cuda, but torch sees no GPU; set device to auto or cpu")
        if options.masks == "head" and model.masks is None:
            raise ValueError("masks is head, but the model has no mask head; take hard or soft")
        self._device = "cuda" if gpu and options.device != "cpu" else "cpu"
        self._model = model.to(self._device).eval()
        self._options = options

    @classmethod
    def load(cls, directory: str | Path, options: SeparateOptions) -> Separator:
        """Raises ValueError when the directory holds no deep-clustering model."""
        return cls(DeepClustering.load(directory), options)

    @torch.inference_mode()
    def __call__(self, mixture: np.ndarray) -> np.ndarray:
        """float32 [speakers, samples] that sum to the mixture, float32 [samples] at
        SAMPLE_RATE_HZ, in no particular order.

        Raises ValueError for less than a window.
        """
        if len(mixture) < WINDOW:
            raise ValueError(
                f"the mixture has {len(mixture)} samples at {SAMPLE_RATE_HZ} Hz; it must have at "
                f"least {WINDOW}, one window"
            )
        spectrum = spectra(torch.from_numpy(mixture).to(self._device))
        masks = self._masks(spectrum)
        voices = waveforms(spectrum * masks.movedim(-1, 0), len(mixture))
        return voices.cpu().numpy()

    @torch.inference_mode()
    def count(self, mixture: np.ndarray) -> int:
        """How many speakers the whole mixture seems to hold. Arguments as of a call."""
        spectrum = spectra(torch.from_numpy(mixture).to(self._device))
        return self._counted_speakers(spectrum, [slice(None)])

    def _masks(self, spectrum: torch.Tensor) -> torch.Tensor:
        """[frames, bins, speakers], sums of 1. Embeddings of one window at a time are held."""
        windows = _windows(len(spectrum), self._options.window_seconds)
        if self._options.masks == "head":
            masks = [self._model.embed(spectrum[None, window])[1][0] for window in windows]
        else:
            known = self._options.num_speakers
            num_speakers = known or self._counted_speakers(spectrum, windows)
            masks = [self._clustered(spectrum[window], num_speakers) for window in windows]
        return joined(masks, windows, spectrum.abs())

    def _counted_speakers(self, spectrum: torch.Tensor, windows: list[slice]) -> int:
        """What most of the windows that are not silent have."""
        counted = [self._model.counted(spectrum[window]) for window in windows]
        numbers = Counter(
            self._model.count_speakers(self._model.embed(spectrum[None, window])[0][0][own])
            for window, own in zip(windows, counted, strict=True)
            if own.any()
        )
        return numbers.most_common(1)[0][0] if numbers else 1

    def _clustered(self, spectrum: torch.Tensor, num_speakers: int) -> torch.Tensor:
        """Masks [frames, bins, speakers] by k-means on the bins that count; the others, which
        belong to no voice, are shared out evenly."""
        options = self._options
        counted = self._model.counted(spectrum)
        masks = torch.full((*counted.shape, num_speakers), 1 / num_speakers, device=self._device)
        kept = self._model.embed(spectrum[None])[0][0][counted]
        if len(kept) <= num_speakers:
            return masks
        frames = kept.cpu().numpy()
        clusters = learn_kmeans(
            lambda: iter([("mixture", frames)]),
            num_speakers,
            KMeansOptions(
                sample_frames=len(frames), passes=20, seed=options.seed, device=self._device
            ),
        )
        centroids = torch.from_numpy(clusters.centroids).to(self._device)
        if options.masks == "hard":
            labels = Nearest(centroids)(kept)
            masks[counted] = torch.nn.functional.one_hot(labels, num_speakers).float()
        else:
            apart = torch.cdist(kept, centroids).square()
            masks[counted] = (-options.sharpness * apart).softmax(-1)
        return masks


def joined(
    masks: list[torch.Tensor], windows: list[slice], magnitude: torch.Tensor
) -> torch.Tensor:
    """Masks [frames, bins, speakers] of the whole from those of windows that overlap: each
    window's speakers in the order that agrees best, by magnitude, with what went before."""
    whole = masks[0].new_zeros(*magnitude.shape, masks[0].shape[-1])
    total = magnitude.new_zeros(len(magnitude), 1, 1)
    for window, own in zip(windows, masks, strict=True):
        before = whole[window] * magnitude[window][..., None]
        agreement = torch.einsum("tfs,tfu->su", before, own)
        order = max(
            permutations(range(own.shape[-1])),
            key=lambda order: float(agreement[range(len(order)), order].sum()),
        )
        fade = 1 - torch.linspace(-1, 1, len(own) + 2, device=own.device)[1:-1].abs()
        whole[window] += own[..., list(order)] * fade[:, None, None]
        total[window] += fade[:, None, None]
    return whole / total


def _windows(num_frames: int, window_seconds: float) -> list[slice]:
    """Windows that overlap by half; the last one ends with the last frame."""
    length = round(window_seconds * SAMPLE_RATE_HZ / HOP) or num_frames
    last = max(0, num_frames - length)
    starts = [*range(0, last, max(1, length // 2)), last]
    return [slice(start, min(start + length, num_frames)) for start in starts]


def separate_file(path: Path, out: Path, model: Path, options: SeparateOptions) -> str:
    """Writes <out>/<name>_1.wav and so on, a voice each; returns a summary line.

    The file may have any rate and channels; what is written has SAMPLE_RATE_HZ. Raises
    audio.AudioError for a file that cannot be read, ValueError as Separator does.
    """
    mixture = audio.decode(path, sample_rate_hz=SAMPLE_RATE_HZ)
    if not np.isfinite(mixture).all():
        raise ValueError(f"{path} holds samples that are not finite; mend it")
    separator = Separator.load(model, options)
    try:
        voices = separator(mixture)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    for number, samples in enumerate(voices, start=1):
        wav = audio.encoded(samples, SAMPLE_RATE_HZ, format="WAV", subtype="FLOAT")
        write_bytes(out / f"{path.stem}_{number}.wav", wav)
    return f"separate: {len(voices)} voices of {path.name} in {out}, at {SAMPLE_RATE_HZ} Hz"
