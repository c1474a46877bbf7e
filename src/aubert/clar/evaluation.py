"""What encoders of clips are worth: classes read off frozen features by a linear classifier and
by neighbours, with a budget of labels, in voices that nothing was learned from.

Beside them stand supervised training of the same encoder for as many steps, an encoder that
that is untrained, and statistics of log-mel energies.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from aubert.clar.network import ClarModel, Spectrogram, read_json
from aubert.clar.options import SUPERVISED, ClarOptions, ReadOptions
from aubert.clar.splits import (
    Split,
    SplitOptions,
    Training,
    labels_within,
    split,
)
from aubert.clar.task import new_model, read_clip
from aubert.clar.views import placed
from aubert.corpus.clips import Clip
from aubert.evaluate.metrics import Figure, count, mean_of_runs, proportion

ROWS_PER_BATCH = 128
NUM_NEIGHBOURS = 5


class Score(NamedTuple):
    """The share of a fold's n test clips that were predicted right.

    of: accuracy is the arm's own, by its classifier where it learned one, else by the probe;
      probe_accuracy and knn_accuracy are read off frozen features
    """

    arm: str
    of: str
    budget: float
    fold: int
    draw: int
    value: float
    n: int


Encode = Callable[[Sequence[Clip]], np.ndarray]


class FrozenFeatures:
    """Features of one fold's clips, and what can be read off them."""

    def __init__(self, part: Split, encode: Encode, options: ReadOptions):
        """encode: clips -> float [clips, features]."""
        from sklearn.preprocessing import StandardScaler

        labelled = [clip for clip in part.train if clip.label is not None]
        self._place = {clip.id: place for place, clip in enumerate(labelled)}
        self._labels = np.array([clip.label for clip in labelled])
        self._wanted = np.array([clip.label for clip in part.test])
        train, self.test = encode(labelled), encode(part.test)
        scaler = StandardScaler().fit(train)
        self._train, self._scaled_test = scaler.transform(train), scaler.transform(self.test)
        self._options = options

    def probe(self, chosen: Sequence[str]) -> float:
        """Accuracy of a linear classifier that saw the chosen clips' labels and no others."""
        from sklearn.linear_model import LogisticRegression

        rows = [self._place[name] for name in chosen]
        classifier = LogisticRegression(C=self._options.regularisation, max_iter=1000)
        classifier.fit(self._train[rows], self._labels[rows])
        return self.share_right(classifier.predict(self._scaled_test))

    def neighbours(self, chosen: Sequence[str]) -> float:
        """Accuracy of the nearest of the chosen clips, by cosine; fewer than NUM_NEIGHBOURS where
        the rarest class has fewer."""
        from sklearn.neighbors import KNeighborsClassifier

        rows = [self._place[name] for name in chosen]
        labels = self._labels[rows]
        nearest = min(NUM_NEIGHBOURS, *Counter(labels.tolist()).values())
        classifier = KNeighborsClassifier(nearest, weights="distance", metric="cosine")
        classifier.fit(self._train[rows], labels)
        return self.share_right(classifier.predict(self._scaled_test))

    def share_right(self, predicted: np.ndarray) -> float:
        return float((predicted == self._wanted).mean())


def evaluate_clar(
    models: Sequence[Path],
    clips: Sequence[Clip],
    budgets: Sequence[float],
    splits: SplitOptions,
    options: ReadOptions,
) -> dict[str, Figure | None]:
    """The figures of these trained models, and of what learned from no clip beside them, on the
    folds that they left out. Raises as score_trained does."""
    scores, folds = [], {}
    for directory in models:
        scores += score_trained(directory, clips, budgets, splits, options)
        about = read_json(directory)
        folds[about["training"]["fold"]] = about
    for fold, about in sorted(folds.items()):
        model, seed = ClarOptions(**about["options"]), about["seed"]
        scores += score_controls(model, clips, fold, budgets, splits, options, seed)
    labelled = [clip for clip in clips if clip.label is not None]
    groups = count(len({clip.group for clip in labelled}), len(labelled))
    return figures(scores) | {
        "clar.chance": chance(clips, sorted(folds), splits),
        "clar.groups": groups,
    }


def score_trained(
    directory: Path,
    clips: Sequence[Clip],
    budgets: Sequence[float],
    splits: SplitOptions,
    options: ReadOptions,
) -> list[Score]:
    """Scores of a trained model on the test clips of its fold: with every budget and draw where
    it saw no labels, else with those that it saw. Raises ValueError for a directory that holds
    no such model, or one that other clips were held out from; AudioError for a clip that cannot
    be decoded."""
    about = read_json(directory)
    training, model = Training(**about["training"]), ClarModel.load(directory)
    part, arm = split(clips, training.fold, splits), model.options.loss
    if about["test"] != part.test_hash:
        raise ValueError(
            f"{directory} was trained on another split of these clips, so that it may have "
            f"learned from what it would be tested on; give the same clips and split options"
        )
    features = FrozenFeatures(part, lambda own: encoded(model, own), options)
    if not training.budget:
        return list(_frozen(arm, training.fold, part, features, budgets, splits, options))
    with torch.no_grad():
        places = model.classifier(torch.from_numpy(features.test)).argmax(1).numpy()
    chosen = labels_within(part.train, training.budget, training.draw, splits.split_seed)
    values = {
        "accuracy": features.share_right(np.array(model.classes)[places]),
        "probe_accuracy": features.probe(chosen),
        "knn_accuracy": features.neighbours(chosen),
    }
    place = training.budget, training.fold, training.draw
    return [Score(arm, of, *place, value, len(part.test)) for of, value in values.items()]


def score_controls(
    model: ClarOptions,
    clips: Sequence[Clip],
    fold: int,
    budgets: Sequence[float],
    splits: SplitOptions,
    options: ReadOptions,
    seed: int,
) -> list[Score]:
    """Scores of what learned from no clip: the encoder's initial weights, and log-mel."""
    part = split(clips, fold, splits)
    controls: dict[str, Encode] = {
        "logmel": lambda own: log_mel_statistics(own, model.sample_rate_hz)
    }
    if model.encoder != "hubert":
        untrained = new_model(model, part.classes, seed).eval()
        controls["untrained"] = lambda own: encoded(untrained, own)
    scores = []
    for arm, encode in controls.items():
        features = FrozenFeatures(part, encode, options)
        scores += _frozen(arm, fold, part, features, budgets, splits, options)
    return scores


def _frozen(
    arm: str,
    fold: int,
    part: Split,
    features: FrozenFeatures,
    budgets: Sequence[float],
    splits: SplitOptions,
    options: ReadOptions,
) -> Iterator[Score]:
    for budget in budgets:
        for draw in draws_of(budget, options.draws):
            chosen = labels_within(part.train, budget, draw, splits.split_seed)
            place = budget, fold, draw
            yield Score(arm, "accuracy", *place, features.probe(chosen), len(part.test))
            yield Score(arm, "knn_accuracy", *place, features.neighbours(chosen), len(part.test))


def draws_of(budget: float, draws: int) -> range:
    """All labels can be drawn once only."""
    return range(draws if budget < 100 else 1)


@torch.no_grad()
def encoded(model: ClarModel, clips: Sequence[Clip]) -> np.ndarray:
    """float32 [clips, num_features] of clips as they are, in the middle of the model's window."""
    parts = []
    for start in range(0, len(clips), ROWS_PER_BATCH):
        own = clips[start : start + ROWS_PER_BATCH]
        sounds = [read_clip(clip, model.options.sample_rate_hz) for clip in own]
        parts.append(model.encode(placed(sounds, model.num_samples, None)))
    return torch.cat(parts).numpy()


@torch.no_grad()
def log_mel_statistics(clips: Sequence[Clip], sample_rate_hz: int) -> np.ndarray:
    """float32 [clips, 2 bands]: mean and standard deviation over the time of each clip."""
    spectrogram = Spectrogram(sample_rate_hz)
    rows = []
    for clip in clips:
        bands = spectrogram.log_mel(read_clip(clip, sample_rate_hz)[None])[0]
        rows.append(torch.cat([bands.mean(1), bands.std(1, correction=0)]))
    return torch.stack(rows).numpy()


def figures(scores: Iterable[Score]) -> dict[str, Figure | None]:
    """`clar.<arm>.<of>_<budget>`: means over folds and draws with their intervals, n runs, or of
    a single run with that of its n clips; beside the arms' accuracies `.baseline`, that of
    supervised training, and `clar.<arm>.lead_<budget>`, the mean of what they are ahead of it
    with the same fold, draw and labels."""
    own: dict[tuple[str, str, float], dict[tuple[int, int], Score]] = defaultdict(dict)
    for score in scores:
        own[score.arm, score.of, score.budget][score.fold, score.draw] = score
    found: dict[str, Figure | None] = {}
    for (arm, of, budget), runs in own.items():
        key = f"clar.{arm}.{of}_{budget:g}"
        found[key] = _over(runs.values())
        beside = own.get((SUPERVISED, of, budget), {})
        paired = [score.value - beside[run].value for run, score in runs.items() if run in beside]
        if of == "accuracy" and arm != SUPERVISED and paired:
            found[f"{key}.baseline"] = _over(beside.values())
            found[f"clar.{arm}.lead_{budget:g}"] = mean_of_runs(paired)
    return found


def _over(scores: Collection[Score]) -> Figure | None:
    if len(scores) == 1:
        (score,) = scores
        return proportion(round(score.value * score.n), score.n)
    return mean_of_runs([score.value for score in scores])


def chance(clips: Sequence[Clip], folds: Sequence[int], splits: SplitOptions) -> Figure | None:
    """The share of the folds' test clips that have the most frequent label of the others."""
    hits = n = 0
    for fold in folds:
        part = split(clips, fold, splits)
        counts = Counter(clip.label for clip in part.train if clip.label is not None)
        frequent = min(counts, key=lambda label: (-counts[label], label))
        hits += sum(clip.label == frequent for clip in part.test)
        n += len(part.test)
    return proportion(hits, n)


def table(found: Mapping[str, Figure]) -> str:
    """The accuracies as lines: an arm each, a column for each budget."""
    cells: dict[str, dict[str, str]] = defaultdict(dict)
    for key, figure in found.items():
        _, arm, of, *_ = [*key.split("."), ""]
        name, _, budget = of.rpartition("_")
        if figure is None or key.endswith(".baseline") or not name.endswith("accuracy"):
            continue
        row = arm if name == "accuracy" else f"{arm} ({name.removesuffix('_accuracy')})"
        low, high = figure.ci95 or (float("nan"),) * 2
        cells[row][budget] = f"{figure.value:.3f} {low:.3f}-{high:.3f} ({figure.n})"
    budgets = sorted({budget for row in cells.values() for budget in row}, key=float)
    head = f"{'arm':<22}" + "".join(f"{budget + '%':<26}" for budget in budgets)
    lines = [
        f"{arm:<22}" + "".join(f"{row.get(budget, ''):<26}" for budget in budgets).rstrip()
        for arm, row in cells.items()
    ]
    return "\n".join([head, *lines])
