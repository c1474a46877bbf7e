"""What random-projection targets hold about phones and speakers, beside k-means of MFCC.

    python benchmarks/random_projection.py

PNMI with two kinds of phones: those that people marked in 32 sentences of TIMIT (4 speakers), and
pocketsphinx's, held to the transcripts, of 200 utterances of 20 readers of LibriSpeech. The control
beside each is the same units in random order, which grows with the number of units: compare what
lies above it. MFCC's codebooks are learned from other readers. Random ones are drawn with SEEDS.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from figures import figure, keep, table
from pretraining_units import Spoken, by_hand, by_pocketsphinx, frames_of
from real_recordings import real_recordings

from aubert.units.codebook import Codebook, learn_codebook
from aubert.units.features import Mfcc
from aubert.units.kmeans import KMeansOptions
from aubert.units.quality import QualityTally
from aubert.units.random_projection import (
    RandomProjection,
    RandomProjectionOptions,
    drawn_codebook,
)

SIZES = (100, 8192)
STACKS = (1, 2, 4, 8)
SEEDS = (0, 1, 2)


def main() -> None:
    began, rows, books = time.process_time(), [], list(codebooks())
    for kind, spoken in {
        "by hand": by_hand(),
        "by pocketsphinx": by_pocketsphinx(real_recordings("more", "librispeech")),
    }.items():
        for name, extractor, book in books:
            true, mixed = tallies(extractor, book, spoken)
            values = true.pnmi, mixed.pnmi, true.pnmi - mixed.pnmi
            speaker = true.speaker_nmi - mixed.speaker_nmi
            cells = [figure(value) for value in (*values, true.phone_purity, speaker)]
            rows.append([kind, name, book.num_clusters, *cells, true.dead_clusters,
                         true.num_frames])  # fmt: skip
    columns = ["phones", "units", "K", "PNMI", "random order", "above it", "phone purity",
               "speaker, above random order", "dead", "frames"]  # fmt: skip
    seconds = time.process_time() - began
    keep("random-projection", columns, rows, command="python benchmarks/random_projection.py",
         seconds=seconds)  # fmt: skip
    print(table("random-projection"))


def codebooks() -> Iterator[tuple[str, object, Codebook]]:
    folder = real_recordings("librispeech_speakers")
    paths = {str(path): str(path) for path in sorted(folder.rglob("*.flac"))}
    mfcc = Mfcc(normalise_mean=True)
    for size in SIZES:
        options = KMeansOptions(sample_frames=100_000, restarts=3 if size < 1000 else 1)
        source = partial(frames_of, mfcc, paths)
        yield "MFCC, k-means", mfcc, learn_codebook(source, size, mfcc.kind, options)
    for size in SIZES:
        for stacked in STACKS:
            for seed in SEEDS if stacked == RandomProjectionOptions().stacked_frames else (0,):
                options = RandomProjectionOptions(stacked_frames=stacked, seed=seed)
                name = f"random projection, {stacked} stacked, seed {seed}"
                yield name, RandomProjection(options), drawn_codebook(size, options)


def tallies(extractor, book: Codebook, spoken: list[Spoken]):
    """Quality of the units, and of the same in random order over all utterances."""
    rate_hz, by_path = extractor.kind.rate_hz, {str(Path(one.path)): one for one in spoken}
    found = [
        (by_path[path], book.label(frames))
        for path, frames in frames_of(extractor, {path: path for path in by_path})
    ]
    order = np.random.default_rng(0).permutation(np.concatenate([units for _, units in found]))
    true, mixed = (QualityTally(book.num_clusters, rate_hz) for _ in range(2))
    start = 0
    for one, units in found:
        true.add(one.speaker, units, one.phones)
        mixed.add(one.speaker, order[start : start + len(units)], one.phones)
        start += len(units)
    return true.quality(), mixed.quality()


if __name__ == "__main__":
    main()
