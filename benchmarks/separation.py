"""Deep clustering on voices that training uses and on voices that it does not.

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
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from figures import figure, keep, table
from real_recordings import real_recordings
from separation_voices import WOMEN, write_voices

from aubert.evaluate.metrics import Figure, mean
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
    "draw_by": "speakers",  # separation_tries.py
    "log_every": 50, "checkpoint_every": 100, "validate_every": 100,
}  # fmt: skip
SYSTEMS = ("network", "random", "ideal_binary", "ideal_ratio")
COLUMNS = ("mixtures of", "n", "SI-SDR improvement, dB (95% interval)", "random masks",
           "ideal binary", "ideal ratio")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--results", type=Path, default=Path("results/separation_benchmark"))
    parser.add_argument("--steps", type=int, default=25_000, help="a fifth of a second each")
    parser.add_argument("--dims", type=int, nargs="*", default=[20], help="of the embeddings")
    arguments = parser.parse_args()
    clips = all_clips(arguments.results)
    two = draw_list(clips, ListOptions(num_mixtures=90))
    two.save(arguments.results / "mixtures.json")
    models = {}
    for dim in arguments.dims:
        models[dim] = arguments.results / f"model_d{dim}_{arguments.steps}"
        if not models[dim].exists():
            model = DeepClusteringOptions(**MODEL, embedding_dim=dim)
            options = SeparationTrainOptions(**TRAIN, steps=arguments.steps)
            began = sum(os.times()[:4])
            print(train_separation(models[dim], clips, two, model, options), flush=True)
            spent(models[dim]).write_text(f"{sum(os.times()[:4]) - began:.0f}\n")
    seconds = sum(float(spent(model).read_text()) for model in models.values())
    command = f"python benchmarks/separation.py --steps {arguments.steps}"
    if len(models) > 1:
        rows = [
            [dim, *cells(own)]
            for dim, model in models.items()
            for own in by_split(outcomes(two.mixtures, model, SeparateOptions()))
        ]
        command += f" --dims {' '.join(map(str, models))}"
        keep("separation-dims", ["dimensions", *COLUMNS], rows, command=command, seconds=seconds)
        print(table("separation-dims"))
        return
    (model,) = models.values()
    found = outcomes(two.mixtures, model, SeparateOptions())
    three = draw_list(clips, ListOptions(num_mixtures=20, max_speakers=3))
    both = outcomes(three.mixtures, model, SeparateOptions())
    groups: list[tuple[str, list[Outcome]]] = [("", own) for own in by_split(found)]
    groups += [(name, own) for by in (collection, sexes) for name, own in grouped(found, by)]
    of_three = [each for each in both if len(each.mixture.sources) == 3]
    groups += [("three voices", own) for own in by_split(of_three)]
    rows = [cells(own, name) for name, own in groups]
    right, constant = (figures(both)[f"speaker_count_accuracy{end}"] for end in ("", ".chance"))
    rows.append(["number of speakers, two or three, right", right.n,
                 figure(right.value, right.ci95), figure(constant.value), "", ""])  # fmt: skip
    keep("separation", COLUMNS, rows, command=command, seconds=seconds)
    print(table("separation"))


def spent(model: Path) -> Path:
    """The file of the CPU seconds of the training, or of its last part."""
    return model.with_name(f"{model.name}.seconds")


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


def cells(own: Sequence[Outcome], name: str = "") -> list:
    """A row of COLUMNS."""
    network, *others = (improvements(own, system) for system in SYSTEMS)
    split = f"{own[0].mixture.split} speakers{', ' if name else ''}{name}"
    ends = network.ci95 if network.n > 1 else None
    return [split, network.n, figure(network.value, ends, digits=2),
            *(figure(other.value, digits=2) for other in others)]  # fmt: skip


def by_split(found: Sequence[Outcome]) -> list[list[Outcome]]:
    return [own for _, own in grouped(found, lambda each: "")]


def grouped(
    found: Sequence[Outcome], group: Callable[[Outcome], str]
) -> list[tuple[str, list[Outcome]]]:
    """The outcomes of each split and group, by their names."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for each in found:
        groups.setdefault((each.mixture.split, group(each)), []).append(each)
    return [(name, own) for (_, name), own in sorted(groups.items(), key=lambda each: each[0])]


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


if __name__ == "__main__":
    main()
