"""The plan of units and HuBERT: which features each iteration learns from, and what is compared.

Read off the config by the workflow, at parse time: light, and without torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from aubert.hubert.options import HubertOptions, HubertTrainOptions
from aubert.learn.options import part
from aubert.units.random_projection import NAME as RANDOM_PROJECTION

UNTRAINED = "untrained"
TRAINED = "trained"  # as a checkpoint's name in the config: the run's own
PRODUCT = ("mfcc_static", "mfcc_delta", "mfcc_delta2")


_NO_ITERATION = "config: hubert.iterations is empty: add one, or leave it out for the paper's two"


@dataclass(frozen=True)
class Feature:
    """What units are made of.

    name: in paths: mfcc, random_projection, iter1_layer6
    model: of this run, whose hidden states these are: untrained or iter<n>; None: of none
    encoder: a directory or a Hugging Face id that is not of this run
    layer: of the model or encoder, or "auto"
    """

    name: str
    model: str | None = None
    encoder: str | None = None
    layer: int | str | None = None

    @property
    def is_hidden(self) -> bool:
        return self.layer is not None

    @property
    def is_drawn(self) -> bool:
        """Whether codebooks are drawn at random: nothing is learned from the features."""
        return self.name == RANDOM_PROJECTION

    def options(self) -> dict[str, Any]:
        """Fields of units.features.FeatureOptions, but for the encoder and a layer that is
        still to be found."""
        if not self.is_hidden:
            return {"feature": self.name}
        return {"feature": "hidden"} | ({} if self.layer == "auto" else {"layer": self.layer})


class Units(NamedTuple):
    """A codebook and its labels, in units/<feature>/k<k>."""

    feature: str
    k: int

    @property
    def name(self) -> str:
        return f"{self.feature}_k{self.k}"


class Plan:
    """The sections `hubert` and `units` of the config, spelled out.

    model: HuBERT's options
    models: untrained, iter1, iter2, ...
    fault: what keeps HuBERT from being trained, a sentence that names the config's key; or None
    features: by name, all that any units are made of
    learned: units that an iteration learns from
    measured: units whose quality is measured, where phones are known
    phones: who knows it: "reference" (corpus.reference), "words" (the run's aligned words, where
      no network that learned from these units aligned them), or None
    """

    def __init__(self, config: Mapping[str, Any]):
        """Raises ValueError, a sentence that names the config's key, where it cannot be done."""
        hubert = config["hubert"]
        self._iterations = hubert["iterations"]
        self._compare = hubert["compare"]
        self.phones = _who_knows_phones(config)
        self.model = HubertOptions(**hubert["model"])
        self._init_from = hubert["init_from"]
        self.fault = None if self._iterations else _NO_ITERATION
        self.models = [UNTRAINED, *(f"iter{n}" for n, _ in self._numbered())]
        self._trainings = {n: HubertTrainOptions(**one["train"]) for n, one in self._numbered()}
        self._learned = {n: self._features_of(n, one) for n, one in self._numbered()}
        compared = [Feature("mfcc")] + [
            self._hidden(model, self._compare["layer"], "hubert.compare.layer")
            for model in self.models
        ]
        every = [each for features in self._learned.values() for each in features] + compared
        self.features = {feature.name: feature for feature in every}
        self._compared = {Units(each.name, self._compare["clusters"]): each for each in compared}
        self.learned = [units for n, _ in self._numbered() for units in self.learned_from(n)]
        is_measured = self._iterations and self.phones is not None
        self.measured = list(dict.fromkeys([*self.learned, *self._compared])) if is_measured else []

    def learned_from(self, iteration: int) -> list[Units]:
        """The label sets that iteration `iteration`, from 1, predicts."""
        clusters = self._iterations[iteration - 1]["clusters"]
        return [Units(each.name, k) for each in self._learned[iteration] for k in clusters]

    def model_fields(self) -> dict[str, Any]:
        """HuBERT's options, the size's values included, and what its weights begin with."""
        return asdict(self.model) | {"init_from": self._init_from}

    def training_fields(self, iteration: int, how: bool) -> dict[str, Any]:
        """Of the iteration's HubertTrainOptions those of TrainOptions.how, or all others."""
        return part(self._trainings[iteration], how)

    def key(self, units: Units) -> str:
        """What the figures of these units begin with."""
        feature = self._compared.get(units)
        if feature is None:
            return f"units.{units.name}"
        return f"hubert.{feature.model}" if feature.model else f"units.{feature.name}"

    def baseline(self, units: Units) -> Units | None:
        """What these units have to be better than: an untrained model's."""
        feature = self._compared.get(units)
        if feature is None or feature.model in (None, UNTRAINED):
            return None
        return next(other for other, each in self._compared.items() if each.model == UNTRAINED)

    def _numbered(self):
        return enumerate(self._iterations, 1)

    def _features_of(self, number: int, iteration: Mapping[str, Any]) -> list[Feature]:
        where, wanted = f"hubert.iterations.{number - 1}.features", iteration["features"]
        if wanted in ("mfcc", RANDOM_PROJECTION):
            return [Feature(wanted)]
        if wanted == "mfcc_product":
            return [Feature(part) for part in PRODUCT]
        if "encoder" in wanted:
            slug = re.sub(r"[^A-Za-z0-9.-]+", "-", wanted["encoder"]).strip("-.")
            name = f"{slug}_layer{wanted['layer']}"
            return [Feature(name, encoder=wanted["encoder"], layer=wanted["layer"])]
        source = wanted["iteration"]
        if not 1 <= source < number:
            raise ValueError(
                f"config: {where}.iteration is {source}; iteration {number} can learn from "
                f"earlier ones only"
            )
        return [self._hidden(f"iter{source}", wanted["layer"], f"{where}.layer")]

    def _hidden(self, model: str, layer: int | str, where: str) -> Feature:
        if layer == "auto":
            if self.phones is None:
                raise ValueError(
                    f"config: {where} is auto, which needs phones: give a layer, a "
                    f"corpus.reference, or a words.backend that this run does not train"
                )
            return Feature(f"{model}_auto", model, layer=layer)
        if layer > self.model.num_layers:
            raise ValueError(
                f"config: {where} is {layer}, but the model has {self.model.num_layers} layers"
            )
        return Feature(f"{model}_layer{layer}", model, layer=layer)


def _who_knows_phones(config: Mapping[str, Any]) -> str | None:
    if config["corpus"]["reference"] is not None:
        return "reference"
    learned_here = any(takes_own_ctc(config[stage]) for stage in ("transcribe", "words"))
    return None if learned_here or config["units"]["phones"] is None else "words"


def takes_own_ctc(stage: Mapping[str, Any]) -> bool:
    """Whether a stage of the config takes the CTC checkpoint that the run trains."""
    return stage["backend"] == "ctc" and stage["ctc"]["model"] == TRAINED
