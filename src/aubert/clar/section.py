"""CLAR's section of the config."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from annotated_types import Interval, MinLen

from aubert.clar.options import ClarOptions, ClarTrainOptions, Loss, ReadOptions, ViewOptions
from aubert.clar.splits import SplitOptions
from aubert.corpus.clip_options import ClipOptions
from aubert.options import NaturalInt, distinct, options_class

Percent = Annotated[float, Interval(gt=0, le=100)]


@options_class
class ClarSection:
    """CLAR: encoders of clips, learned from augmented views, with and without labels.

    arms: losses that are trained and compared, for as many steps each
    folds: parts of splits.folds that are left out in turn, from 0; a training each
    budgets: shares of the labels that are seen, percent
    path: folder or table of the clips; needed with clips.source folder or table
    clips: where clips come from
    splits: how groups of clips are divided
    read: how frozen features are read
    model: encoder and loss
    views: how clips are augmented
    train: training of every arm
    """

    arms: Annotated[list[Loss], distinct] = field(
        default_factory=lambda: ["contrastive", "supervised", "joint"]
    )
    folds: Annotated[list[NaturalInt], MinLen(1), distinct] = field(default_factory=lambda: [0])
    budgets: Annotated[list[Percent], MinLen(1), distinct] = field(
        default_factory=lambda: [1.0, 10.0, 100.0]
    )
    path: str | None = None
    clips: ClipOptions = ClipOptions()
    splits: SplitOptions = SplitOptions()
    read: ReadOptions = ReadOptions()
    model: ClarOptions = ClarOptions()
    views: ViewOptions = ViewOptions()
    train: ClarTrainOptions = ClarTrainOptions()
