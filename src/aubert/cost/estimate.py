"""CPU and GPU seconds of each job of a run, from what an hour of audio costs its rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aubert.cost.jobs import Job
from aubert.cost.trained import num_weights, trainings
from aubert.hubert.options import HubertOptions
from aubert.hubert.plan import TRAINED, Feature, Plan
from aubert.units.kmeans import SAMPLE_ITERATIONS, KMeansOptions, hours_of_sample

MFCC_DIM = 39
COMPARED_HOURS = 20  # evaluate.unit_quality: of the utterances that rank layers


@dataclass(frozen=True)
class Cost:
    """cpu_s: of one core; gpu_s: of one GPU; known: whether the rule has a rate"""

    cpu_s: float = 0.0
    gpu_s: float = 0.0
    known: bool = True

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.cpu_s + other.cpu_s, self.gpu_s + other.gpu_s, self.known and other.known)


class Estimate:
    """What the jobs of a config cost. hours: of the corpus; rates: of rates.yaml"""

    def __init__(self, config: Mapping[str, Any], hours: float, rates: Mapping[str, Any]):
        self.config, self.hours, self.rates = config, hours, rates
        self.plan = Plan(config)
        share = rates["rules"]["aubert_train"]["pair_share"]
        self.trainings = {(one.rule, one.name): one for one in trainings(config, share)}

    def cost(self, job: Job, hours: float | None = None) -> Cost:
        """hours: of the job's shard; None: of an even one."""
        rate = self._rate(job)
        if rate is None:
            return Cost(known=False)
        share = 1.0
        if job.is_sharded:
            share = 1 / self.config["num_shards"] if hours is None else hours / self.hours
        audio_hours = share * self._hours(job, rate)
        weights = self._weights(job)
        on_gpu = weights >= self.rates["gpu_from_weights"]
        network_s = 0.0
        if weights and "pass" in rate:
            per_hour = self.rates["network"]["gpu" if on_gpu else "cpu"][f"{rate['pass']}_s"]
            network_s = audio_hours * weights / 1e6 * per_hour
        cpu_s = rate["start_s"] + audio_hours * rate.get("hour_s", 0) + self._kmeans_s(job, rate)
        return Cost(cpu_s + (0 if on_gpu else network_s), network_s if on_gpu else 0)

    def costs(self, jobs: Iterable[Job]) -> dict[str, Cost]:
        """Of every rule, all its jobs together, in the order of the jobs."""
        found: dict[str, Cost] = {}
        for job in jobs:
            one, number = self.cost(job), self.config["num_shards"] if job.is_sharded else 1
            many = Cost(number * one.cpu_s, number * one.gpu_s, one.known)
            found[job.rule] = found.get(job.rule, Cost()) + many
        return found

    def _rate(self, job: Job) -> Mapping[str, Any] | None:
        """The rule's, with its backend or with its features."""
        rate = self.rates["rules"].get(job.rule)
        if rate is None or "start_s" in rate:
            return rate
        if "pocketsphinx" in rate:
            return rate[self.config[job.rule]["backend"]]
        feature = self._feature(job)
        return rate["hidden" if feature.is_hidden else "drawn" if feature.is_drawn else "mfcc"]

    def dim(self, feature: Feature) -> int:
        """Columns of a feature."""
        if feature.is_drawn:
            return self.config["units"]["random_projection"]["code_dim"]
        return self.plan.model.hidden_size if feature.is_hidden else MFCC_DIM

    def _feature(self, job: Job) -> Feature:
        return self.plan.features[job.wildcards["feature"]]

    def _hours(self, job: Job, rate: Mapping[str, Any]) -> float:
        """Of audio, of the jobs of all shards together."""
        kind = rate.get("hours")
        dumped = self.config["units"]["features"] == "dumped"
        if kind == "trained":
            return self._training(job).hours
        if kind == "chosen":
            kmeans = KMeansOptions(**self.config["units"]["kmeans"])
            return 0.0 if dumped else min(self.hours, hours_of_sample(kmeans))
        if kind == "features":  # computed, or read
            return 0.0 if dumped else self.hours
        if kind in ("phones", "compared"):
            phones = self.config["units"]["phones"] or {"max_minutes": 60.0}
            most = phones["max_minutes"] / 60 * self.config["num_shards"]
            return min(self.hours, most, 2 * COMPARED_HOURS if kind == "compared" else most)
        return self.hours if kind == "corpus" else 0.0

    def _training(self, job: Job):
        name = next(iter(job.wildcards.values()), "")
        return self.trainings[job.rule, name]

    def _weights(self, job: Job) -> float:
        """Of the network that runs in a job; 0: none does."""
        if job.rule in ("transcribe", "words", "calibrate"):
            rule = "words" if job.rule == "calibrate" else job.rule
            section = self.config[rule]
            is_ctc = section["backend"] == "ctc"
            return self._weights_of(section["ctc"]["model"]) if is_ctc else 0.0
        if (job.rule, next(iter(job.wildcards.values()), "")) in self.trainings:
            return self._training(job).weights
        if "feature" in job.wildcards and self._feature(job).is_hidden:
            return self._weights_of(self._feature(job).encoder or TRAINED)
        return 0.0

    def _weights_of(self, model: str) -> float:
        """Weights of a checkpoint. One that is not of this run is taken as LARGE."""
        return num_weights(self.plan.model if model == TRAINED else HubertOptions.large())

    def _kmeans_s(self, job: Job, rate: Mapping[str, Any]) -> float:
        if "gmac_s" not in rate:
            return 0.0
        kmeans = self.config["units"]["kmeans"]
        macs = kmeans["sample_frames"] * int(job.wildcards["k"]) * self.dim(self._feature(job))
        macs *= SAMPLE_ITERATIONS * kmeans["restarts"]
        return rate["gmac_s"] * macs / 1e9
