"""The number of speakers in a mixture, read off the embeddings of its bins.

In the ideal that deep clustering learns, the Gram matrix V'V of the embeddings has an eigenvalue
for each speaker, the number of the speaker's bins, and no other (Hershey et al. 2016, section 2).
A trained network is far from it, in its own way: a logistic regression on the eigenvalues learns
that way from mixtures whose number is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

MAX_SPEAKERS = 5  # that are looked for where the number of voices is not given
# Of the squared length of an average embedding, what an axis must hold to be a speaker's.
_MIN_SHARE = 0.1
_NUM_EIGENVALUES = MAX_SPEAKERS + 1
_FLOOR = 1e-4  # of eigenvalues, before the logarithm


@dataclass(frozen=True)
class SpeakerCounter:
    """A logistic regression on `spectrum`.

    numbers: of speakers that it knows. weights: [numbers, eigenvalues]; biases: [numbers], of
    features as they come, not standardised
    """

    numbers: tuple[int, ...]
    weights: tuple[tuple[float, ...], ...]
    biases: tuple[float, ...]

    @classmethod
    def learned(cls, spectra: Sequence[np.ndarray], numbers: Sequence[int]) -> SpeakerCounter:
        """From `spectrum` of mixtures and their numbers of speakers, at least two different."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler

        features = np.stack(spectra)
        scaler = StandardScaler().fit(features)
        fitted = LogisticRegression(max_iter=1000).fit(scaler.transform(features), numbers)
        weights, biases = fitted.coef_, fitted.intercept_
        if len(weights) == 1:  # of two numbers sklearn keeps the second's
            weights, biases = np.concatenate([-weights, weights]) / 2, np.r_[-biases, biases] / 2
        weights = weights / scaler.scale_
        biases = biases - weights @ scaler.mean_
        return cls(
            tuple(map(int, fitted.classes_)),
            tuple(tuple(row) for row in weights.tolist()),
            tuple(biases.tolist()),
        )

    def __call__(self, embeddings: torch.Tensor) -> int:
        """The number of speakers of embeddings [bins, dim] of unit length."""
        scores = np.array(self.weights) @ spectrum(embeddings) + np.array(self.biases)
        return self.numbers[int(scores.argmax())]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> SpeakerCounter:
        """Raises KeyError and TypeError for what `as_json` did not give."""
        return cls(
            tuple(content["numbers"]),
            tuple(tuple(row) for row in content["weights"]),
            tuple(content["biases"]),
        )


def spectrum(embeddings: torch.Tensor) -> np.ndarray:
    """float64 [6]: logarithms of the largest eigenvalues of V'V / bins, which sum to 1 at most;
    embeddings [bins, dim] of unit length."""
    values = _eigenvalues(embeddings).flip(0)[:_NUM_EIGENVALUES]
    found = np.full(_NUM_EIGENVALUES, np.log(_FLOOR))
    found[: len(values)] = values.clamp_min(_FLOOR).log().cpu().numpy()
    return found


def above_threshold(embeddings: torch.Tensor) -> int:
    """How many eigenvalues hold a tenth of all bins: for a network without a counter."""
    return int((_eigenvalues(embeddings) > _MIN_SHARE).sum().clamp(1, MAX_SPEAKERS))


def _eigenvalues(embeddings: torch.Tensor) -> torch.Tensor:
    gram = embeddings.mT.double() @ embeddings.double() / len(embeddings)
    return torch.linalg.eigvalsh(gram)
