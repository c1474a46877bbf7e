"""How well mixtures are taken apart: SI-SDR improvement, between random and ideal masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from aubert.evaluate.metrics import Figure, mean, proportion
from aubert.progress import progress
from aubert.separation.mixtures import Mixture, render
from aubert.separation.network import spectra, waveforms
from aubert.separation.options import SeparateOptions
from aubert.separation.separate import Separator


class Outcome(NamedTuple):
    """What became of one mixture. improvement: in dB, the mean over its speakers, by system:
    network, random, ideal_binary, ideal_ratio. counted: how many speakers were found"""

    mixture: Mixture
    improvement: Mapping[str, float]
    counted: int


def si_sdr(estimate: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Scale-invariant signal-to-distortion ratio in dB, over the last axis, without mean removal:
    10 log10 |a s|^2 / |a s - e|^2 with a = <e, s> / |s|^2 (Le Roux et al. 2019)."""
    estimate, reference = estimate.astype(np.float64), reference.astype(np.float64)
    tiny = np.finfo(np.float64).tiny
    energy = np.square(reference).sum(-1, keepdims=True)
    scale = (estimate * reference).sum(-1, keepdims=True) / np.maximum(energy, tiny)
    target = np.square(scale * reference).sum(-1)
    rest = np.square(scale * reference - estimate).sum(-1)
    # Neither silence nor the reference itself is an infinite number of dB.
    floor = 1e-10 * np.maximum(np.square(estimate).sum(-1), tiny)
    return 10 * np.log10(np.maximum(target, floor) / np.maximum(rest, floor))


def improvement(estimates: np.ndarray, sources: np.ndarray) -> float:
    """dB of SI-SDR over the mixture's own, the mean over the sources, in the best order.

    estimates, sources: [speakers, samples]; where the estimates are fewer, silence stands for
    the others, where they are more, the best ones count.
    """
    missing = max(0, len(sources) - len(estimates))
    estimates = np.pad(estimates, ((0, missing), (0, 0)))
    reached = si_sdr(estimates[:, None], sources[None])
    before = si_sdr(sources.sum(0), sources).mean()
    orders = permutations(range(len(estimates)), len(sources))
    best = max(reached[list(order), range(len(sources))].mean() for order in orders)
    return float(best - before)


def outcomes(mixtures: Sequence[Mixture], model: Path, options: SeparateOptions) -> list[Outcome]:
    """Every mixture taken apart, the number of its speakers given, and beside it masks at random
    and masks that know the sources. Raises AudioError when a file cannot be decoded."""
    separators: dict[int, Separator] = {}
    found = []
    shown = progress(mixtures, what="separation", total=len(mixtures), unit="mixture")
    for number, mixture in enumerate(shown):
        sources = render(mixture)
        known = len(sources)
        if known not in separators:
            separators[known] = Separator.load(model, replace(options, num_speakers=known))
        separator, mixed = separators[known], sources.sum(0)
        rng = np.random.default_rng([options.seed, number])
        systems = {"network": separator(mixed), **masked(sources, rng)}
        found.append(
            Outcome(
                mixture,
                {name: improvement(each, sources) for name, each in systems.items()},
                separator.count(mixed),
            )
        )
    return found


def masked(sources: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The mixture through masks at random (each bin to one speaker), and through the ideal
    binary mask (to the loudest) and the ideal ratio mask (by magnitude): [speakers, samples]."""
    spectrum = spectra(torch.from_numpy(sources))
    magnitude = spectrum.abs()
    drawn = torch.from_numpy(rng.integers(len(sources), size=magnitude.shape[1:]))
    masks = {
        "random": _one_hot(drawn, len(sources)),
        "ideal_binary": _one_hot(magnitude.argmax(0), len(sources)),
        "ideal_ratio": magnitude / magnitude.sum(0).clamp_min(torch.finfo(torch.float32).tiny),
    }
    mixture, num_samples = spectrum.sum(0), sources.shape[1]
    return {name: waveforms(mixture * mask, num_samples).numpy() for name, mask in masks.items()}


def _one_hot(labels: torch.Tensor, num_labels: int) -> torch.Tensor:
    return torch.nn.functional.one_hot(labels, num_labels).movedim(-1, 0).float()


def figures(found: Sequence[Outcome]) -> dict[str, Figure | None]:
    """`si_sdri_seen_db` and `si_sdri_unseen_db` of mixtures of two, `..._3_...` of three and so
    on, each with `.chance` (random masks), `.ideal_binary` and `.ideal_ratio` (what masks can
    reach at all); intervals resample mixtures, not speakers. `speaker_count_accuracy` where
    mixtures differ in their number, with `.chance`, the commonest number's share.
    """
    figures: dict[str, Figure | None] = {}
    for (split, number), own in _grouped(
        found, lambda each: (each.mixture.split, len(each.mixture.sources))
    ).items():
        key = f"si_sdri_{'' if number == 2 else f'{number}_'}{split}_db"
        for system, name in (
            ("network", key),
            ("random", f"{key}.chance"),
            ("ideal_binary", f"{key}.ideal_binary"),
            ("ideal_ratio", f"{key}.ideal_ratio"),
        ):
            values = [each.improvement[system] for each in own]
            figures[name] = mean(values, {"mixtures": range(len(values))})
    numbers = Counter(len(each.mixture.sources) for each in found)
    if len(numbers) > 1:
        hits = sum(each.counted == len(each.mixture.sources) for each in found)
        figures["speaker_count_accuracy"] = proportion(hits, len(found))
        figures["speaker_count_accuracy.chance"] = proportion(max(numbers.values()), len(found))
    return figures


def _grouped(found: Sequence[Outcome], key: Callable) -> dict:
    groups: dict = {}
    for each in found:
        groups.setdefault(key(each), []).append(each)
    return dict(sorted(groups.items()))
