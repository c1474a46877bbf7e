"""What a linear classifier finds in frozen representations, beside MFCC and chance.

Of each utterance, mean and standard deviation over time go into a logistic regression. Each
utterance is predicted once, by a classifier that saw nothing of its recording.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge

from aubert import audio
from aubert.corpus.clips import Clip, are_grouped, drawn, limited
from aubert.encoders.network import NetworkOptions
from aubert.evaluate.metrics import Figure, proportion, share
from aubert.options import NaturalInt, PositiveInt, options_class
from aubert.progress import progress
from aubert.stage import Reject
from aubert.units.encoder_features import Encoder, EncoderOptions
from aubert.units.features import Extractor, Mfcc, checked

_FOLDS = 5


@options_class
class ProbeOptions:
    """How representations are probed by a linear classifier.

    layer: transformer layer of the encoders, from 0; in a run, hubert.compare.layer where none is
      given
    max_labels: most speakers or classes, drawn by hash; more are harder, not more certain
    max_per_label: most utterances of each, drawn by hash
    """

    layer: NaturalInt = 6
    max_labels: Annotated[int, Ge(2)] = 50
    max_per_label: PositiveInt = 40


def probe(
    name: str,
    clips: Sequence[Clip],
    encoders: Mapping[str, Path | str],
    options: ProbeOptions,
    network: NetworkOptions,
    by_label: bool = False,
) -> dict[str, Figure | None]:
    """Accuracies: `probe.<name>.<encoder>` of each encoder, with `.baseline`, of MFCC, and
    `.chance`, the most frequent label's share.

    by_label: whether the labels are speakers, which the intervals then resample; else what shares a
    group. Left out are utterances that cannot be read or have no frame, and labels of which there
    is one utterance only. No figures where fewer than two labels are left.
    """
    examples = limited(clips, options.max_labels, options.max_per_label)
    vectors = {"": _pooled(Mfcc(normalise_mean=False), examples)}
    for encoder, directory in encoders.items():
        loaded = Encoder.load(
            str(directory), EncoderOptions(layer=options.layer, **asdict(network))
        )
        vectors[encoder] = _pooled(loaded, examples)
    kept = _testable([one for one in examples if all(one.id in own for own in vectors.values())])
    counts = Counter(one.label for one in kept)
    if len(counts) < 2:
        return {}
    hits = {encoder: _correct(kept, own) for encoder, own in vectors.items()}
    owners = _owners(kept, by_label)
    figures: dict[str, Figure | None] = {}
    for encoder in encoders:
        key = f"probe.{name}.{encoder}"
        figures[key] = share(hits[encoder], owners)
        figures[f"{key}.baseline"] = share(hits[""], owners)
        figures[f"{key}.chance"] = proportion(max(counts.values()), len(kept))
    return figures


def _pooled(extractor: Extractor, examples: Sequence[Clip]) -> dict[str, np.ndarray]:
    """Mean and standard deviation over time of the examples that have features."""
    found = {}
    for item in extractor.run(_sounds(examples, extractor.sample_rate_hz)):
        kept = item if isinstance(item, Reject) else checked(*item)
        if isinstance(kept, Reject):
            print(f"left out {kept.id!r}: {kept.reason}: {kept.detail}", file=sys.stderr)
        else:
            frames = kept[1].astype(np.float64)
            found[kept[0]] = np.concatenate([frames.mean(axis=0), frames.std(axis=0)])
    return found


def _sounds(
    examples: Sequence[Clip], sample_rate_hz: int
) -> Iterator[tuple[str, np.ndarray] | Reject]:
    for one in progress(examples, what="probe", total=len(examples), unit="utterance"):
        try:
            samples = audio.decode(one.path, one.slices, sample_rate_hz)
        except audio.AudioError as error:
            yield Reject(one.id, error.reason, error.detail)
        else:
            yield one.id, samples


def _testable(examples: Sequence[Clip]) -> list[Clip]:
    counts = Counter(one.label for one in examples)
    return [one for one in examples if counts[one.label] > 1]


def _owners(examples: Sequence[Clip], by_label: bool) -> dict[str, list[str]]:
    """What the intervals resample: speakers, or what shares a voice or a room, as far as known."""
    coarse = (
        {"speakers": [one.label for one in examples]}
        if by_label
        else {"groups": [one.group for one in examples]}
        if are_grouped(examples)
        else {}
    )
    return {**coarse, "utterances": [one.id for one in examples]}


def _correct(examples: Sequence[Clip], vectors: Mapping[str, np.ndarray]) -> np.ndarray:
    """Whether each is classified correctly: bool [num_examples]."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features = np.stack([vectors[one.id] for one in examples])
    labels = np.array([one.label for one in examples])
    folds = _folds(examples)
    correct = np.zeros(len(examples), bool)
    for fold in sorted(set(folds.tolist())):
        test = folds == fold
        classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        classifier.fit(features[~test], labels[~test])
        correct[test] = classifier.predict(features[test]) == labels[test]
    return correct


def _folds(examples: Sequence[Clip]) -> np.ndarray:
    """The fold of each example: a group is in one, a label in more than one. Where a label has
    one group only, its examples stand for themselves."""
    groups: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, one in enumerate(examples):
        groups[one.label][one.group].append(index)
    folds = np.empty(len(examples), np.int64)
    for first, label in enumerate(sorted(groups)):  # each begins elsewhere: folds of like size
        own = groups[label]
        if len(own) == 1:
            own = {examples[index].id: [index] for members in own.values() for index in members}
        for position, group in enumerate(drawn(own)):
            folds[own[group]] = (first + position) % _FOLDS
    return folds
