"""Trainings and their networks, as a plan sees them: hours of audio, and weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from aubert.clar.plan import ClarPlan
from aubert.crossmodal.options import SmallBertOptions
from aubert.crossmodal.plan import AubertPlan
from aubert.ctc.plan import CtcPlan
from aubert.hubert.options import HubertOptions
from aubert.hubert.plan import Plan
from aubert.separation.options import DeepClusteringOptions, SeparationTrainOptions

RESNET_WEIGHTS, RESNET_WIDTH = 11.2e6, 64  # ResNet-18 as in CLAR's paper
VIEWS = 2  # of every clip, in a step
SPECTRUM_BINS = 129  # of deep clustering, at 8 kHz
BERT_BASE = SmallBertOptions(
    vocab_size=30522, hidden_size=768, num_layers=12, num_heads=12, intermediate_size=3072
)


class Training(NamedTuple):
    """rule, name: whose job it is, and its wildcard; hours: of audio; weights: of the network"""

    rule: str
    name: str
    hours: float
    weights: float


def trainings(config: Mapping[str, Any], aubert_share: float) -> Iterator[Training]:
    """Those that the config can have; a run has those that it has jobs of.

    aubert_share: of its longest, that a pair of AuBERT lasts
    """
    plan = Plan(config)
    yield from _hubert(plan)
    yield from _ctc(CtcPlan(config, plan), num_weights(plan.model))
    yield from _aubert(config, plan, aubert_share)
    yield from _clar(config, num_weights(plan.model))
    yield _separation(config)


def _hubert(plan: Plan) -> Iterator[Training]:
    for iteration in range(1, len(plan.models)):
        hours = _hours(plan.training_fields(iteration, how=False))
        yield Training("hubert_train", str(iteration), hours, num_weights(plan.model))


def _ctc(plan: CtcPlan, weights: float) -> Iterator[Training]:
    for init in dict.fromkeys([*plan.inits, *filter(None, [plan.own])]):
        hours = _hours(plan.training_fields(init, how=False))
        yield Training("ctc_train", init, hours, weights)


def _aubert(config: Mapping[str, Any], hubert: Plan, share: float) -> Iterator[Training]:
    """A step is one batch, as long as batch_pairs and batch_seconds, padding counted, allow."""
    plan = AubertPlan(config, hubert)
    fields = plan.training_fields(how=False)
    seconds = min(fields["batch_seconds"], share * fields["batch_pairs"] * fields["max_seconds"])
    audio = num_weights(HubertOptions.large() if isinstance(plan.audio, str) else hubert.model)
    small = SmallBertOptions(**config["aubert"]["small_bert"])
    # Of BERT the transformer alone: token embeddings are looked up.
    weights = audio + _layers(BERT_BASE if plan.text else small)
    for scorer in plan.scorers:
        yield Training("aubert_train", scorer, fields["steps"] * seconds / 3600, weights)


def _clar(config: Mapping[str, Any], hubert: float) -> Iterator[Training]:
    plan = ClarPlan(config)
    for arm in plan.arms:
        fields = plan.training_fields(arm, how=False)
        seconds = fields["steps"] * fields["batch_clips"] * VIEWS * fields["clip_seconds"]
        is_hubert = fields["encoder"] == "hubert"
        weights = hubert if is_hubert else resnet_weights(fields["width"])
        yield Training("clar_train", arm, seconds / 3600, weights)


def _separation(config: Mapping[str, Any]) -> Training:
    section = config["separation"]
    hours = _hours(vars(SeparationTrainOptions(**section["train"])))
    weights = blstm_weights(DeepClusteringOptions(**section["model"]))
    return Training("separation_train", "", hours, weights)


def num_weights(model: HubertOptions) -> float:
    """About as many as a HuBERT has: its transformer, positional convolution and front end."""
    width, channels = model.hidden_size, model.conv_channels
    position = model.pos_conv_kernel * width**2 / model.pos_conv_groups
    # Kernels 10, 3, 3, 3, 3, 2, 2 of one input channel and then of all; 80 bands and one more.
    waveform = model.front_end == "waveform"
    front_end = 10 * channels + 16 * channels**2 if waveform else 3 * channels * (80 + channels)
    return _layers(model) + position + front_end + channels * width


def resnet_weights(width: int) -> float:
    return RESNET_WEIGHTS * (width / RESNET_WIDTH) ** 2


def blstm_weights(model: DeepClusteringOptions) -> float:
    """Of the BLSTM layers and of what makes embeddings of their states."""
    width = 2 * model.hidden_size
    inputs = SPECTRUM_BINS + (model.num_layers - 1) * width
    lstm = 4 * width * (inputs + model.num_layers * model.hidden_size)
    return lstm + width * SPECTRUM_BINS * model.embedding_dim


def _layers(model: HubertOptions | SmallBertOptions) -> float:
    width = model.hidden_size
    return model.num_layers * (4 * width**2 + 2 * width * model.intermediate_size)


def _hours(fields: Mapping[str, Any]) -> float:
    return fields["steps"] * fields["step_seconds"] / 3600
