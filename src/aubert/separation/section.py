"""Separation's section of the config."""

from __future__ import annotations

from dataclasses import field

from aubert.options import options_class
from aubert.separation.options import (
    DeepClusteringOptions,
    ListOptions,
    SeparateOptions,
    SeparationTrainOptions,
)


@options_class
class SeparationSection:
    """Deep clustering: mixtures of the corpus's speakers, separated again.

    folders: more speakers: {name: folder with a sub-folder of audio per speaker}
    list: the fixed mixtures that figures are measured on
    model: the network
    train: training on mixtures that are drawn as it goes
    separate: how mixtures are separated to be measured
    """

    folders: dict[str, str] = field(default_factory=dict)
    list: ListOptions = ListOptions()
    model: DeepClusteringOptions = DeepClusteringOptions()
    train: SeparationTrainOptions = SeparationTrainOptions()
    separate: SeparateOptions = SeparateOptions()
