"""CPU and GPU seconds and bytes of a run, from what an hour of audio costs each rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aubert.cost.trained import Training, num_weights, trainings
from aubert.hubert.options import HubertOptions
from aubert.hubert.plan import TRAINED, Feature, Plan, Units
from aubert.units.kmeans import SAMPLE_ITERATIONS, KMeansOptions, hours_of_sample

BYTES_PER_WEIGHT = 4
COPIES_IN_TRAINING = 3  # the weights and Adam's two averages
LABEL_BYTES = 2
MFCC_RATE_HZ, MFCC_DIM = 100, 39


@dataclass(frozen=True)
class Work:
    """Jobs that cost the same. rate: the rule's in rates.yaml; hours: of audio, of all jobs
    together; weights: of the network that runs over it, if one does"""

    rule: str
    rate: Mapping[str, Any]
    num_jobs: int
    hours: float = 0.0
    weights: float = 0.0


@dataclass(frozen=True)
class Cost:
    """Of a rule's jobs; cpu_s: of one core; known: whether the rule has a rate"""

    rule: str
    num_jobs: int
    cpu_s: float = 0.0
    gpu_s: float = 0.0
    known: bool = True


class Estimate:
    """What a run of this config costs. hours: of the corpus; jobs: rule -> how many."""

    def __init__(
        self,
        config: Mapping[str, Any],
        hours: float,
        jobs: Mapping[str, int],
        rates: Mapping[str, Any],
    ):
        self._config, self._hours, self._jobs, self._rates = config, hours, jobs, rates
        self._plan = Plan(config)
        self._units = list(dict.fromkeys([*self._plan.learned, *self._plan.measured]))

    def costs(self) -> list[Cost]:
        """Of every rule, in the order of Snakemake's list; target rules are left out."""
        found = {
            rule: Cost(rule, n, known=rule in self._rates["rules"])
            for rule, n in self._jobs.items()
        }
        for work in self._work():
            before = found.get(work.rule, Cost(work.rule, 0))
            cpu_s = work.num_jobs * work.rate["start_s"] + work.hours * work.rate.get("hour_s", 0)
            network_s, on_gpu = self._network(work)
            found[work.rule] = Cost(
                work.rule,
                before.num_jobs,
                before.cpu_s + cpu_s + (0 if on_gpu else network_s),
                before.gpu_s + (network_s if on_gpu else 0),
            )
        return list(found.values())

    def result_bytes(self) -> float:
        """What results/<name> holds at most, while the last training still has its checkpoints."""
        tables = self._rates["disk"]["tables_mb"] * 1e6 * self._hours
        labels = sum(
            LABEL_BYTES * 3600 * self._hours * self._frame_rate(units) for units in self._units
        )
        initial = num_weights(self._plan.model)  # HuBERT's, before its first iteration
        trained = [training.weights for training in self._trainings()]
        keep = self._config["hubert"]["train"]["keep"] + 1
        checkpoints = COPIES_IN_TRAINING * keep * max(trained, default=0)
        return tables + labels + BYTES_PER_WEIGHT * (initial + sum(trained) + checkpoints)

    def _frame_rate(self, units: Units) -> int:
        hidden = self._plan.features[units.feature].is_hidden
        return self._plan.model.frame_rate_hz if hidden else MFCC_RATE_HZ

    def _network(self, work: Work) -> tuple[float, bool]:
        """Seconds, and whether a GPU's."""
        if not work.weights:
            return 0.0, False
        on_gpu = work.weights >= self._rates["gpu_from_weights"]
        rate = self._rates["network"]["gpu" if on_gpu else "cpu"][f"{work.rate['pass']}_s"]
        return work.hours * work.weights / 1e6 * rate, on_gpu

    def _work(self) -> Iterator[Work]:
        for rule, rate in self._rates["rules"].items():
            # Without a network, and whatever the backend or the features.
            if rule in self._jobs and "start_s" in rate and "pass" not in rate:
                yield Work(rule, rate, self._jobs[rule], self._hours_of(rule, rate))
        yield from self._heard()
        yield from self._clustered()
        yield from self._trained()

    def _hours_of(self, rule: str, rate: Mapping[str, Any]) -> float:
        if rule == "phones":
            most = self._config["units"]["phones"]["max_minutes"] / 60
            return min(self._hours, most * self._jobs[rule])
        return self._hours if rate.get("hours") == "corpus" else 0.0

    def _heard(self) -> Iterator[Work]:
        for rule in ("transcribe", "words"):
            if rule in self._jobs:
                section = self._config[rule]
                rate = self._rates["rules"][rule][section["backend"]]
                model = section[section["backend"]].get("model")
                weights = self._weights(model) if section["backend"] == "ctc" else 0.0
                yield Work(rule, rate, self._jobs[rule], self._hours, weights)

    def _clustered(self) -> Iterator[Work]:
        if "units_label" not in self._jobs:
            return
        kmeans, rules = self._config["units"]["kmeans"], self._rates["rules"]
        shards = self._config["num_shards"]
        dumped = "units_dump" in self._jobs
        chosen = min(self._hours, hours_of_sample(KMeansOptions(**kmeans)))
        for feature in dict.fromkeys(self._feature(units) for units in self._units):
            kind, weights = self._kind_and_weights(feature)
            if dumped:
                yield Work("units_dump", rules["units_dump"][kind], shards, self._hours, weights)
            sample = rules["units_sample"][kind]
            yield Work("units_sample", sample, shards, 0 if dumped else chosen, weights)
            if feature.layer == "auto":
                yield Work("units_best_layer", rules["units_best_layer"], 1, self._hours, weights)
        for units in self._units:
            kind, weights = self._kind_and_weights(self._feature(units))
            hours = 0 if dumped else self._hours
            yield Work("units_learn", self._learn_rate(units, kmeans), 1)
            for _ in range(kmeans["passes"]):
                yield Work("units_pass", rules["units_pass"][kind], shards, hours, weights)
                yield Work("units_merge", rules["units_merge"], 1)
            yield Work("units_label", rules["units_label"][kind], shards, hours, weights)

    def _feature(self, units: Units) -> Feature:
        return self._plan.features[units.feature]

    def _kind_and_weights(self, feature: Feature) -> tuple[str, float]:
        """Of the rates, and of the encoder, if there is one."""
        return ("hidden", self._encoder(feature)) if feature.is_hidden else ("mfcc", 0.0)

    def _learn_rate(self, units: Units, kmeans: Mapping[str, Any]) -> Mapping[str, Any]:
        rate = self._rates["rules"]["units_learn"]
        hidden = self._feature(units).is_hidden
        dim = self._plan.model.hidden_size if hidden else MFCC_DIM
        iterations = SAMPLE_ITERATIONS * kmeans["restarts"]
        gmac = kmeans["sample_frames"] * units.k * dim * iterations / 1e9
        return {"start_s": rate["start_s"] + rate["gmac_s"] * gmac}

    def _trained(self) -> Iterator[Work]:
        for training in self._trainings():
            rate = self._rates["rules"][training.rule]
            yield Work(training.rule, rate, 1, training.hours, training.weights)

    def _trainings(self) -> Iterator[Training]:
        share = self._rates["rules"]["aubert_train"]["pair_share"]
        return (each for each in trainings(self._config, share) if each.rule in self._jobs)

    def _encoder(self, feature: Feature) -> float:
        return self._weights(feature.encoder or TRAINED)

    def _weights(self, model: str) -> float:
        """Weights of a checkpoint. One that is not of this run is taken as LARGE."""
        return num_weights(self._plan.model if model == TRAINED else HubertOptions.large())
