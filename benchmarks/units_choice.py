"""Codebooks learned from chosen utterances beside codebooks learned from frames of all of them.

A corpus's codebook is learned from frames of utterances that are drawn by hash until they last
`units.kmeans.sample_hours` (by default ten times what the frames last at 50 a second). Here both
ways learn from as many frames, with SEEDS seeds: on the miniature corpus (`make demo` makes it),
with its reference phones, and on 2.7 hours of LibriSpeech by 20 readers, with the hand-made phones
of 32 sentences of TIMIT, which no codebook is learned from. Inertia is of all frames of the set.
The control learns from the same amount of audio of the fewest speakers that have it.

    python benchmarks/units_choice.py
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from figures import figure, keep, table
from real_recordings import ROOT, real_recordings

from aubert import audio
from aubert.evaluate.reference import phones_within, read_phones
from aubert.units.choice import key
from aubert.units.kmeans import KMeansOptions, fit_sample, hours_of_sample
from aubert.units.mfcc import mfcc
from aubert.units.nearest import Nearest
from aubert.units.quality import QualityTally
from aubert.units.sample import survey

SEEDS = range(5)
MFCC_HZ = 100
LIBRISPEECH = KMeansOptions(sample_frames=20_000)
MINI = KMeansOptions(sample_frames=2_000)
CLUSTERS = {"mini": 50, "LibriSpeech": 100}


@dataclass(frozen=True)
class Utterance:
    name: str
    speaker: str
    frames: np.ndarray
    phones: Sequence[Mapping] = ()


def main() -> None:
    torch.set_num_threads(1)
    mini, rows = read_mini(ROOT / "data/mini"), []
    if mini:
        rows += compare("mini", mini, mini, MINI)
    more = real_recordings("more")
    corpus = read_librispeech(more / "librispeech")
    rows += compare("LibriSpeech", corpus, read_timit(more), LIBRISPEECH)
    columns = ["corpus", "K", "frames", "of", "minutes",
               f"inertia, mean of {len(SEEDS)} seeds", "sd", "less that of all, in sd",
               "PNMI", "sd", "less that of all, in sd"]  # fmt: skip
    keep("units-choice", columns, rows, command="python benchmarks/units_choice.py",
         seconds=time.process_time())  # fmt: skip
    print(table("units-choice"))


def read_mini(root: Path) -> list[Utterance]:
    """Whole recordings of the miniature corpus in pieces of 15 s. Empty where it is not there."""
    if not (root / "reference/phones.parquet").is_file():
        print(f"mini: left out, {root} holds no corpus: run make demo")
        return []
    phones = read_phones(root / "reference")
    found = []
    for path in sorted((root / "librilight").rglob("*.flac")):
        recording_id = path.relative_to(root / "librilight").with_suffix("").as_posix()
        samples = audio.decode(path)
        for start in range(0, len(samples) - 15 * audio.SAMPLE_RATE_HZ // 2, 15 * 16_000):
            end = min(len(samples), start + 15 * audio.SAMPLE_RATE_HZ)
            span = [{"start_sample": start, "end_sample": end}]
            within = phones_within(phones[recording_id], span, audio.SAMPLE_RATE_HZ)
            frames = mfcc(samples[start:end], True)
            speaker = recording_id.split("/")[1]
            found.append(Utterance(f"{recording_id}_{start}", speaker, frames, within))
    return found


def read_librispeech(root: Path) -> list[Utterance]:
    files = sorted(path for path in root.rglob("*") if path.suffix in (".flac", ".ogg"))
    return [
        Utterance(path.stem, path.stem.split("-")[0], mfcc(audio.decode(path), True))
        for path in files
    ]


def read_timit(more: Path) -> list[Utterance]:
    found, folder = [], more / "timit_sample"
    for line in (folder / "refs.jsonl").read_text().splitlines():
        row = json.loads(line)
        phones = [
            {"phone": phone, "start_s": start, "end_s": end}
            for phone, start, end in row["phones"]
            if phone != "h#"  # silence
        ]
        frames = mfcc(audio.decode(folder / row["audio"]), True)
        found.append(Utterance(row["audio"], row["speaker"], frames, phones))
    return found


def compare(
    name: str, corpus: list[Utterance], measured: list[Utterance], options: KMeansOptions
) -> list[list]:
    """A row for each choice of utterances."""
    frames = np.concatenate([one.frames for one in corpus])
    wanted = hours_of_sample(options) * 3600 * MFCC_HZ
    base, rows = None, []
    for way in ("all utterances", "chosen utterances", "fewest speakers"):
        found, whole = [], way == "all utterances"
        for seed in SEEDS:
            part = corpus if whole else taken(corpus, way, wanted, seed)
            source = [(one.name, one.frames) for one in part]
            known = survey(lambda source=source: iter(source), options.sample_frames, seed)
            own = KMeansOptions(**{**vars(options), "seed": seed})
            book = fit_sample(known, CLUSTERS[name], own).centroids
            found.append((inertia(book, frames), pnmi(book, measured)))
        means, sds = np.mean(found, axis=0), np.std(found, axis=0, ddof=1)
        base = base or (means, sds)
        minutes = (len(frames) if whole else wanted) / MFCC_HZ / 60
        row = [f"{name}, {len(corpus):,} utterances", CLUSTERS[name], options.sample_frames, way,
               figure(minutes, digits=0)]  # fmt: skip
        for mean, sd, all_mean, all_sd, digits in zip(means, sds, *base, (2, 4), strict=True):
            less = "" if whole else figure((mean - all_mean) / all_sd, digits=1)
            row += [figure(mean, digits=digits), figure(sd, digits=digits), less]
        rows.append(row)
    return rows


def taken(corpus: list[Utterance], way: str, num_frames: float, seed: int) -> list[Utterance]:
    """Utterances of about so many frames."""
    if way == "chosen utterances":
        order = sorted(corpus, key=lambda one: key(one.name, seed))
    else:
        order = sorted(corpus, key=lambda one: (key(one.speaker, seed), one.name))
    reached = np.cumsum([len(one.frames) for one in order])
    return order[: int(np.searchsorted(reached, num_frames)) + 1]


def inertia(book: np.ndarray, frames: np.ndarray) -> float:
    nearest = Nearest(torch.from_numpy(book))
    return float(nearest.distances(torch.from_numpy(frames)).double().mean())


def pnmi(book: np.ndarray, measured: list[Utterance]) -> float:
    tally, nearest = QualityTally(len(book), MFCC_HZ), Nearest(torch.from_numpy(book))
    for one in measured:
        tally.add(one.speaker, nearest(torch.from_numpy(one.frames)).numpy(), one.phones)
    return tally.quality().pnmi


if __name__ == "__main__":
    main()
