"""Deep clustering on voices that training hears and on voices that it does not.

Two or three speakers of one collection are mixed: all real voices that lie beside the project (25
readers of LibriSpeech, two of ARCTIC, 103 learners of speechocean762, six speakers of spoken
digits, two audiobook readers) and espeak-ng's voices by the dozen. Prints the improvement of SI-SDR
by the network beside masks at random, ideal binary and ideal ratio masks, by collection and by sex,
and how often the number of speakers is found. What is there already in the results folder is not
made again; a training that was killed goes on.

    python benchmarks/separation.py [--results DIR] [--steps N] [--dims D ...]
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from real_recordings import real_recordings
from separation_voices import WOMEN, write_voices

from aubert.evaluate.metrics import Figure, mean, metrics_table
from aubert.separation.evaluation import Outcome, figures, outcomes
from aubert.separation.mixtures import draw_list
from aubert.separation.options import (
    DeepClusteringOptions,
    ListOptions,
    SeparateOptions,
    SeparationTrainOptions,
)
from aubert.separation.task import train_separation
from aubert.separation.voices import Clip, find_clips

MODEL = {"hidden_size": 128, "dropout": 0.0, "frame_step": 4}
GROWN_UP = 16  # years; younger voices are a group of their own
TRAIN = {
    "lr": 2e-3, "warmup_steps": 50, "clip_norm": 5.0, "batch_seconds": 12.8, "step_seconds": 12.8,
    "min_seconds": 1.6, "short_share": 0.8, "max_speed": 1.1, "max_speakers": 3,
    "log_every": 50, "checkpoint_every": 100, "validate_every": 100,
}  # fmt: skip
SYSTEMS = ("network", "random", "ideal_binary", "ideal_ratio")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--results", type=Path, default=Path("results/separation_benchmark"))
    parser.add_argument("--steps", type=int, default=10_000, help="a fifth of a second each")
    parser.add_argument("--dims", type=int, nargs="*", default=[20], help="of the embeddings")
    arguments = parser.parse_args()
    clips = all_clips(arguments.results)
    two = draw_list(clips, ListOptions(num_mixtures=90))
    two.save(arguments.results / "mixtures.json")
    models = {}
    for dim in arguments.dims:
        models[dim] = arguments.results / (f"model_d{dim}" if dim != 20 else "model")
        if not models[dim].exists():
            model = DeepClusteringOptions(**MODEL, embedding_dim=dim)
            options = SeparationTrainOptions(**TRAIN, steps=arguments.steps)
            print(train_separation(models[dim], clips, two, model, options), flush=True)
    if len(models) > 1:
        sweep(models, two.mixtures)
        return
    (model,) = models.values()
    found = outcomes(two.mixtures, model, SeparateOptions())
    report("collection", found, lambda each: collection(each))
    report("sexes", found, lambda each: sexes(each))
    report("all", found, lambda each: "")
    three = draw_list(clips, ListOptions(num_mixtures=20, max_speakers=3))
    print(metrics_table(figures(outcomes(three.mixtures, model, SeparateOptions()))))


def all_clips(results: Path) -> list[Clip]:
    voices = results / "voices"
    if not voices.exists():
        print(f"{write_voices(voices)} voices are synthesised")
    folders = {
        "synthetic": voices,
        "librispeech": real_recordings("more", "librispeech"),
        "librispeech_speakers": real_recordings("librispeech_speakers"),
        "arctic": real_recordings("more", "arctic"),
        "speechocean762": real_recordings("more", "speechocean762"),
        "fsdd": real_recordings("fsdd"),
        "audiobooks": real_recordings("audiobooks", "librilight", "small"),
    }
    return find_clips(None, None, folders)


def report(title: str, found: Sequence[Outcome], group: Callable[[Outcome], str]) -> None:
    """A table of improvements in dB, a row for each split and group."""
    print(f"{title:<24}{'n':>4}  {'network, 95% interval':<24}" + "{:>14}{:>14}{:>14}".format(
        *SYSTEMS[1:]
    ))  # fmt: skip
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for each in found:
        groups.setdefault((each.mixture.split, group(each)), []).append(each)
    for (split, name), own in sorted(groups.items()):
        network, *others = (improvements(own, system) for system in SYSTEMS)
        low, high = network.ci95 or (float("nan"),) * 2  # of one mixture
        print(
            f"{f'{split} {name}':<24}{network.n:>4}  "
            f"{f'{network.value:5.2f}  ({low:.2f} to {high:.2f})':<24}"
            + "".join(f"{other.value:>14.2f}" for other in others)
        )


def improvements(found: Sequence[Outcome], system: str) -> Figure:
    return mean([each.improvement[system] for each in found], {"mixtures": range(len(found))})


def collection(each: Outcome) -> str:
    return each.mixture.sources[0].speaker.split("/")[0]


def sexes(each: Outcome) -> str:
    found = sorted(sex(source.speaker) for source in each.mixture.sources)
    return " and ".join(found) if len(set(found)) > 1 else f"two {found[0]}"


def sex(speaker: str) -> str:
    own, name = speaker.split("/")
    return known_sexes().get((own, name), "women" if name in WOMEN else "men")


@cache
def known_sexes() -> dict[tuple[str, str], str]:
    """(collection, speaker) -> women, men or children. The digits' speakers are men."""
    found = {("arctic", "kathleen"): "women"}
    references = real_recordings("librispeech_speakers", "refs.jsonl").read_text().splitlines()
    rows = [
        ("librispeech_speakers", row["speaker"], row["sex"], 99)
        for row in map(json.loads, references)
    ]
    with real_recordings("more", "librispeech", "SPEAKERS.tsv").open() as file:
        readers = csv.DictReader(file, delimiter="\t")
        rows += [("librispeech", row["speaker"], row["sex"], 99) for row in readers]
    with real_recordings("more", "speechocean762", "manifest.tsv").open() as file:
        learners = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        rows += [
            ("speechocean762", row["speaker"], row["sex"], int(row["age"])) for row in learners
        ]
    for own, name, letter, age in rows:
        grown_up = {"F": "women", "M": "men"}[letter.upper()]
        found[own, name] = grown_up if age >= GROWN_UP else "children"
    return found


def sweep(models: dict[int, Path], mixtures) -> None:
    for dim, model in models.items():
        print(f"embeddings of {dim}")
        print(metrics_table(figures(outcomes(mixtures, model, SeparateOptions()))))


if __name__ == "__main__":
    main()
