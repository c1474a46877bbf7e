"""Which clips are learned from, which are tested on, and which labels may be seen.

A group (a speaker, a recording) is in one fold. Labels are drawn from the training folds alone:
nothing is ever chosen by what the test fold holds.
"""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Interval

from aubert.corpus.clips import Clip
from aubert.options import NaturalInt, options_class


@options_class
class SplitOptions:
    """How clips are divided into training and test parts.

    folds: parts that groups are dealt into; each is the test set once
    split_seed: of the folds and of the drawn labels
    """

    folds: Annotated[int, Ge(2)] = 3
    split_seed: NaturalInt = 0


@options_class
class Training:
    """The part of the clips that one training may use.

    fold: part that is left out, from 0
    budget: share of the training part's labels that is seen, of each class, percent; 0: none
    draw: number of the draw of the labels
    """

    fold: NaturalInt = 0
    budget: Annotated[float, Interval(ge=0, le=100)] = 0.0
    draw: NaturalInt = 0


class Split(NamedTuple):
    """train: with and without labels; test: labelled, of other groups."""

    train: list[Clip]
    test: list[Clip]

    @property
    def classes(self) -> list[str]:
        return sorted({clip.label for clip in self.train if clip.label is not None})

    @property
    def test_hash(self) -> str:
        """Of the test clips: a model is tested on clips that it cannot have learned from."""
        names = "\n".join(sorted(clip.id for clip in self.test))
        return hashlib.blake2b(names.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def split(clips: Sequence[Clip], fold: int, options: SplitOptions) -> Split:
    """The training and the test part of fold `fold`; classes are in like shares in both.

    Raises ValueError when there are fewer groups with labels than folds, no class with as many
    clips as folds, or fewer than two classes.
    """
    if not 0 <= fold < options.folds:
        raise ValueError(f"fold is {fold}; with {options.folds} folds it must lie below, from 0")
    labelled = [clip for clip in clips if clip.label is not None]
    groups, sizes = {clip.group for clip in labelled}, Counter(clip.label for clip in labelled)
    if len(groups) < options.folds:
        raise ValueError(
            f"{len(labelled)} labelled clips are of {len(groups)} groups (speakers, recordings), "
            f"too few for {options.folds} folds; give more, or fewer folds"
        )
    if len(sizes) < 2:
        raise ValueError(f"the clips are of {len(sizes)} classes; there must be two or more")
    if max(sizes.values()) < options.folds:
        raise ValueError(
            f"no class has more than {max(sizes.values())} clips, too few for {options.folds} "
            f"folds; give more, or fewer folds"
        )
    held_out = _held_out_groups(labelled, fold, options)
    train = [clip for clip in clips if clip.group not in held_out]
    known = {clip.label for clip in train}
    # No classifier predicts a class that the training part lacks.
    test = [clip for clip in labelled if clip.group in held_out and clip.label in known]
    return Split(train, test)


def _held_out_groups(labelled: Sequence[Clip], fold: int, options: SplitOptions) -> set[str]:
    from sklearn.model_selection import StratifiedGroupKFold

    # By id, so that folds do not depend on the order of files.
    clips = sorted(labelled, key=lambda clip: clip.id)
    dealer = StratifiedGroupKFold(options.folds, shuffle=True, random_state=options.split_seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a class with fewer members than folds
        folds = list(
            dealer.split(
                np.zeros(len(clips)),
                [clip.label for clip in clips],
                [clip.group for clip in clips],
            )
        )
    return {clips[index].group for index in folds[fold][1]}


def labels_within(clips: Sequence[Clip], percent: float, draw: int, seed: int) -> list[str]:
    """The ids of `percent` of the labelled clips of each class, at least one of each.

    Another `draw` draws others; a larger budget of the same draw holds the smaller one.
    Raises ValueError for a budget that is not above 0 and at most 100.
    """
    if not 0 < percent <= 100:
        raise ValueError(f"a budget is {percent:g}% of the labels; it must be above 0, at most 100")
    own: dict[str, list[str]] = {}
    for clip in clips:
        if clip.label is not None:
            own.setdefault(clip.label, []).append(clip.id)
    rng = np.random.default_rng([seed, draw])
    chosen = []
    for label in sorted(own):
        order = rng.permutation(sorted(own[label])).tolist()
        chosen += order[: max(1, round(len(order) * percent / 100))]
    return chosen
