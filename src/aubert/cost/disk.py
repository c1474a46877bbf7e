"""What a run writes, and when each part may go."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from aubert.cost.estimate import Estimate
from aubert.cost.trained import num_weights

BYTES_PER_WEIGHT = 4
COPIES_IN_TRAINING = 3  # the weights and Adam's two averages
LABEL_BYTES = 2
MFCC_RATE_HZ = 100


class Part(NamedTuple):
    """num_bytes: at most; stays: until what, in words"""

    what: str
    num_bytes: float
    stays: str


def parts(estimate: Estimate, rules: Collection[str], audio_bytes: float) -> list[Part]:
    """Of a run with these rules. audio_bytes: of the recordings, where they have to be fetched."""
    hours, plan = estimate.hours, estimate.plan
    found = [Part("recordings", audio_bytes, "until the last training and the report")]
    found.append(Part("tables", estimate.rates["disk"]["tables_mb"] * 1e6 * hours, "for good"))
    units = list(dict.fromkeys([*plan.learned, *plan.measured])) if "units_label" in rules else []
    if "units_dump" in rules:
        number = 4 if estimate.config["units"]["dump_dtype"] == "float32" else 2
        features = dict.fromkeys(one.feature for one in units)
        dumped = sum(number * 3600 * hours * _frames(estimate, name) for name in features)
        found.append(Part("units/*/dump", dumped, "until the feature's last units_label"))
    labels = sum(LABEL_BYTES * 3600 * hours * _rate_hz(estimate, one.feature) for one in units)
    found.append(Part("units/*/k*/labels", labels, "until the training that learns from them"))
    trained = [one.weights for one in estimate.trainings.values() if one.rule in rules]
    models = num_weights(plan.model) + sum(trained)  # HuBERT's, before its first iteration
    found.append(Part("models", BYTES_PER_WEIGHT * models, "for good"))
    keep = estimate.config["hubert"]["train"]["keep"] + 1
    checkpoints = BYTES_PER_WEIGHT * COPIES_IN_TRAINING * keep * max(trained, default=0)
    found.append(Part("*.training", checkpoints, "until its training ends, which removes it"))
    return [part for part in found if part.num_bytes]


def _rate_hz(estimate: Estimate, feature: str) -> int:
    hidden = estimate.plan.features[feature].is_hidden
    return estimate.plan.model.frame_rate_hz if hidden else MFCC_RATE_HZ


def _frames(estimate: Estimate, feature: str) -> int:
    """Numbers a second."""
    return estimate.dim(estimate.plan.features[feature]) * _rate_hz(estimate, feature)
