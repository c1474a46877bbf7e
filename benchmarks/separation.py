"""Deep clustering on voices that training hears and on voices that it does not.

Two speakers of one collection are mixed: espeak-ng's voices by the dozen, five readers of
LibriSpeech, six speakers of spoken digits (fsdd); two audiobook readers are trained with
besides. Prints the improvement of SI-SDR by the network beside masks at random, ideal binary
and ideal ratio masks, by collection and by sex, and how often the number of speakers is found.
What is there already in the results folder is not made again; a training that was killed goes
on.

    python benchmarks/separation.py [--results DIR] [--steps N] [--dims D ...]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
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
TRAIN = {
    "lr": 2e-3, "warmup_steps": 50, "clip_norm": 5.0, "batch_seconds": 12.8, "step_seconds": 12.8,
    "min_seconds": 1.6, "short_share": 0.8, "max_speed": 1.1,
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
        "librispeech": real_recordings("librispeech_speakers"),
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
        low, high = network.ci95
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
    found = {sex(source.speaker) for source in each.mixture.sources}
    return "man and woman" if len(found) > 1 else f"two {found.pop()}"


def sex(speaker: str) -> str:
    own, name = speaker.split("/")
    if own == "librispeech":
        references = real_recordings("librispeech_speakers", "refs.jsonl").read_text()
        rows = map(json.loads, references.splitlines())
        return {"F": "women", "M": "men"}[next(r["sex"] for r in rows if r["speaker"] == name)]
    return "women" if name in WOMEN else "men"  # the digits' speakers are men


def sweep(models: dict[int, Path], mixtures) -> None:
    for dim, model in models.items():
        print(f"embeddings of {dim}")
        print(metrics_table(figures(outcomes(mixtures, model, SeparateOptions()))))


if __name__ == "__main__":
    main()
