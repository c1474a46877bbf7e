"""fairseq's files for features and labels: `{split}.tsv`, `.npy`/`.len`, `.km`, dict.

A shard is written under temporary names; `.npy` appears last, so where it stands the
shard is complete. A small json beside it holds what the features are; fairseq's own
files lack it, and are read all the same.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from aubert import audio
from aubert.files import complete, write_bytes, write_json
from aubert.units.npy import read_npy, write_npy


@dataclass(frozen=True)
class FeatureKind:
    """What features are; None where unknown (files that fairseq wrote).

    name: mfcc, mfcc_normalised, random_projection or hidden. layer: of the encoder. encoder: its
    hash, or that of the random projection
    """

    name: str | None = None
    rate_hz: float | None = None
    layer: int | None = None
    encoder: str | None = None

    def as_json(self) -> dict:
        return dataclasses.asdict(self)


def shard_range(num_utterances: int, num_shards: int, rank: int) -> tuple[int, int]:
    """The utterances [start, end) of shard `rank`, where fairseq's get_shard_range puts them
    (Python's round, half to even). Unlike there, a shard may be empty."""
    if not 0 <= rank < num_shards:
        raise ValueError(
            f"rank is {rank}; with {num_shards} shards it must be 0 to {num_shards - 1}"
        )
    start = round(num_utterances / num_shards * rank)
    end = round(num_utterances / num_shards * (rank + 1))
    return start, end


def read_tsv(path: str | Path) -> tuple[Path, list[str], list[int | None]]:
    """A manifest's root, its relative paths and their samples (None where the column lacks)."""
    try:
        root, *lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except ValueError:
        raise ValueError(f"{path} is empty; its first line must be the audio's root") from None
    names, lengths = [], []
    for number, line in enumerate(lines, 2):
        name, _, samples = line.rstrip().partition("\t")
        if not name or (samples and not samples.isdigit()):
            raise ValueError(f"{path}, line {number}: {line!r} is not <path>\\t<samples>")
        names.append(name)
        lengths.append(int(samples) if samples else None)
    return Path(root), names, lengths


def check_count(path: Path, counted: int | None, num_samples: int, tsv: Path) -> None:
    """Raises ValueError where a manifest counts other samples than its file has, at the file's
    rate: what was labelled or cut by it is of other audio. counted: None: it does not say."""
    if counted is not None and counted != num_samples:
        raise ValueError(
            f"{tsv} counts {counted} samples of {path}, which has {num_samples}: one of them was "
            f"changed or cut short; write the manifest again, and labels made with it"
        )


def audio_of_tsv(tsv: str | Path) -> tuple[Path, list[str], list[audio.Header]]:
    """A manifest's root, its relative paths and the headers of their files, several read at a
    time: a disk over a network answers slowly. Raises ValueError, with its path, for a file that
    is not as long as the manifest counts or cannot be read, and one that stands twice."""
    root, names, counted = read_tsv(tsv)
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise ValueError(f"{tsv} has {twice} twice: keep one of the lines, and of its labels")

    def header_of(name: str, count: int | None) -> audio.Header:
        try:
            header = audio.probe(root / name)
        except audio.AudioError as error:
            raise ValueError(f"{root / name}: {error}; mend it or take it off {tsv}") from None
        check_count(root / name, count, header.num_samples, tsv)
        return header

    with ThreadPoolExecutor(8) as threads:
        return root, names, list(threads.map(header_of, names, counted))


def write_tsv(path: str | Path, root: str | Path, utterances: Iterable[tuple[str, int]]) -> None:
    """A manifest of (relative path, samples)."""
    rows = "".join(f"{name}\t{samples}\n" for name, samples in utterances)
    write_bytes(path, f"{root}\n{rows}".encode())


@dataclass(frozen=True)
class FeatureShard:
    """One of `num_shards` parts of a split's features."""

    directory: Path
    split: str
    rank: int
    num_shards: int

    def path(self, suffix: str) -> Path:
        return Path(self.directory) / f"{self.split}_{self.rank}_{self.num_shards}{suffix}"

    def is_written(self, kind: FeatureKind) -> bool:
        """Whether it is there already. Raises ValueError where other features are."""
        if not self.path(".npy").exists():
            return False
        found = self.kind()
        if found != kind:
            raise ValueError(
                f"{self.path('.npy')} holds other features ({found.as_json()}) than these "
                f"({kind.as_json()}); delete it or choose another directory"
            )
        return True

    def write(
        self, features: Iterable[np.ndarray], kind: FeatureKind, dtype: str = "float32"
    ) -> int:
        """Writes the [num_frames, dim] features of the shard's utterances in order, one in
        memory at a time; returns the number of frames. dtype: float32 or float16."""
        with complete(self.path(".npy")) as part:
            lengths = write_npy(part, features, np.dtype(dtype).newbyteorder("<").str)
            write_bytes(self.path(".len"), "".join(f"{n}\n" for n in lengths).encode())
            write_json(self.path(".json"), kind.as_json())
        return sum(lengths)

    def kind(self) -> FeatureKind:
        path = self.path(".json")
        return FeatureKind(**json.loads(path.read_text())) if path.exists() else FeatureKind()

    def num_utterances(self) -> int:
        return len(self._lengths())

    def _lengths(self) -> list[int]:
        return [int(line) for line in self.path(".len").read_text().split()]

    def check_written(self) -> None:
        if not self.path(".npy").exists():
            raise ValueError(f"{self.path('.npy')} is missing; dump shard {self.rank} first")

    def read(self) -> Iterator[np.ndarray]:
        """The features of each utterance, float32 [num_frames, dim], whatever numbers the file
        stores; memory-mapped where it stores those. Raises ValueError where `.len` and `.npy` do
        not belong together, and for an array of something else."""
        self.check_written()
        features = read_npy(self.path(".npy"), mapped=True)
        lengths = self._lengths()
        if sum(lengths) != len(features):
            raise ValueError(
                f"{self.path('.len')} counts {sum(lengths)} frames in {len(lengths)} lines, "
                f"{self.path('.npy')} holds {len(features)}; dump this shard again"
            )
        if len(features) and features.ndim != 2:
            raise ValueError(
                f"{self.path('.npy')} has {features.ndim} dimensions; features have 2: frames and "
                f"columns"
            )
        ends = np.cumsum([0, *lengths])
        for start, end in pairwise(ends):
            yield as_float32(features[start:end], self.path(".npy"))


def as_float32(numbers: np.ndarray, path: Path) -> np.ndarray:
    """The numbers in float32, as they are where they are already. path: of the file that stores
    them. Raises ValueError for what is no number, and where float32 is too small for one."""
    if numbers.dtype.kind not in "fiu":
        raise ValueError(
            f"{path} stores {numbers.dtype}, which are no real numbers; store float32 or float16"
        )
    with np.errstate(over="ignore"):
        single = numbers.astype(np.float32, copy=False)
    if single is not numbers and np.isinf(single).any() and not np.isinf(numbers).any():
        raise ValueError(f"{path} stores numbers that float32 does not hold; scale them")
    return single


def shards_of(directory: str | Path, split: str, num_shards: int) -> list[FeatureShard]:
    return [FeatureShard(Path(directory), split, rank, num_shards) for rank in range(num_shards)]


def kind_of(shards: Iterable[FeatureShard]) -> FeatureKind:
    """What all the shards hold. Raises ValueError when one is missing, or they differ."""
    shards = list(shards)
    for shard in shards:
        shard.check_written()
    kinds = [shard.kind() for shard in shards]
    for shard, kind in zip(shards, kinds, strict=True):
        if kind != kinds[0]:
            raise ValueError(
                f"{shard.path('.npy')} holds {kind.as_json()}, but "
                f"{shards[0].path('.npy')} holds {kinds[0].as_json()}; dump them alike"
            )
    return kinds[0]


def write_km(path: str | Path, labels: Iterable[np.ndarray]) -> int:
    """One line of space-separated units an utterance; returns the number of lines."""
    count = 0
    with complete(path) as part, part.open("w", encoding="ascii") as file:
        for utterance in labels:
            file.write(" ".join(map(str, utterance.tolist())) + "\n")
            count += 1
    return count


def read_km(path: str | Path) -> Iterator[np.ndarray]:
    """The units of each line, int64. Raises ValueError for what is no number."""
    with Path(path).open(encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            try:
                yield np.array(line.split(), dtype=np.int64)
            except ValueError:
                raise ValueError(
                    f"{path}, line {number}: not space-separated units: {line[:40]!r}"
                ) from None


def write_dict(path: str | Path, num_clusters: int) -> None:
    """dict.km.txt: every unit once. fairseq adds four symbols of its own; with an empty
    dictionary it would read every label as unknown without a word."""
    write_bytes(path, "".join(f"{unit} 1\n" for unit in range(num_clusters)).encode())
