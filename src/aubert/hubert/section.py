"""HuBERT's section of the config."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from annotated_types import MinLen

from aubert.hubert.options import HubertOptions, HubertTrainOptions
from aubert.options import NaturalInt, PositiveInt, distinct, options_class, validated


@options_class
class IterationLayer:
    """A layer of an earlier iteration of this run.

    iteration: number of the iteration, from 1
    layer: transformer layer, from 1 (0 is the first layer's input); auto takes the layer whose
      units share most information with the phones
    """

    iteration: PositiveInt
    layer: NaturalInt | Literal["auto"]


@options_class
class EncoderLayer:
    """A layer of any speech encoder.

    encoder: directory or Hugging Face id of the encoder
    layer: transformer layer, from 1 (0 is the first layer's input)
    """

    encoder: str
    layer: NaturalInt


@options_class
class IterationOptions:
    """One iteration: a HuBERT trained from initial weights on units.

    features: what the units are made of: mfcc; mfcc_product, a codebook each for static, first
      and second differences; random_projection, with random codebooks and no k-means, as BEST-RQ
      and NEST; {iteration, layer}; or {encoder, layer}
    clusters: numbers of units, a codebook each; all are predicted side by side
    train: training of this iteration; hubert.train holds for what it leaves out
    """

    features: Literal["mfcc", "mfcc_product", "random_projection"] | IterationLayer | EncoderLayer
    clusters: Annotated[list[PositiveInt], MinLen(1), distinct]
    train: HubertTrainOptions = HubertTrainOptions()


@options_class
class CompareOptions:
    """The units at which every encoder is compared, the untrained one too.

    layer: transformer layer; 9 of BASE's second iteration is what LARGE learned from
    clusters: number of units
    """

    layer: NaturalInt = 9
    clusters: PositiveInt = 500


# The paper's two iterations.
PAPER_ITERATIONS = [
    {"features": "mfcc", "clusters": [100], "train": {"steps": 250_000}},
    {"features": {"iteration": 1, "layer": 6}, "clusters": [500], "train": {"steps": 400_000}},
]


def _paper_iterations() -> list[IterationOptions]:
    return validated(PAPER_ITERATIONS, list[IterationOptions])


@options_class
class HubertSection:
    """HuBERT pre-training (Hsu et al. 2021), in iterations.

    size: whose values `model` has where none is given: the paper's base or large
    model: shape, masking and loss of every iteration
    init_from: the encoder whose weights every iteration and the untrained control begin with, a
      directory or a Hugging Face id of a HuBERT; its shape holds; null: initial weights
    train: training of every iteration
    iterations: what each iteration learns from, in order; the paper's two by default; []: none
    compare: where encoders are compared
    """

    size: Literal["base", "large"] = "base"
    model: HubertOptions = HubertOptions()
    init_from: str | None = None
    train: HubertTrainOptions = HubertTrainOptions()
    iterations: list[IterationOptions] = field(default_factory=_paper_iterations)
    compare: CompareOptions = CompareOptions()
