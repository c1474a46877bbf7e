"""Label sets: the units of every utterance, and what they are.

A directory: `labels.npy` (int16, all utterances in a row, memory-mapped), `offsets.npy`,
`ids.txt` (one a line) and, written last, `labels.json`. What a trainer needs to know
stands in there, so that labels of another rate, layer, number of clusters or codebook
are refused instead of learned from. A corpus has millions of utterances: their names are
read where they are asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aubert.audio import SAMPLE_RATE_HZ
from aubert.files import complete, write_bytes, write_json
from aubert.units.codebook import Codebook
from aubert.units.npy import read_npy, write_npy
from aubert.units.shards import FeatureKind, read_km, write_km

LABELS, IDS = "labels.npy", "ids.txt"
MOST_CLUSTERS = 2**15  # of int16
# A count stays below duration x rate by less than this: Kaldi's MFCC takes whole windows of 25 ms,
# every 10 ms; HuBERT's of 25 ms, every 20 ms.
_FRAMES_SHORT = 2.5


@dataclass(frozen=True)
class LabelSet:
    """kind: of the features. codebook: its hash. labels: int16 [frames of all utterances].
    offsets: int64 [utterances + 1] into it. notes: what labels.json holds."""

    directory: Path
    labels: np.ndarray
    offsets: np.ndarray
    kind: FeatureKind
    num_clusters: int
    codebook: str | None
    notes: Mapping[str, Any]

    @classmethod
    def open(cls, directory: str | Path) -> LabelSet:
        """Reads what `write_labels` wrote. Raises ValueError where a part is missing or short."""
        directory = Path(directory)
        if not (directory / "labels.json").exists():
            raise ValueError(
                f"{directory} holds no label set: labels.json is missing; make it again"
            )
        notes = json.loads((directory / "labels.json").read_text())
        opened = cls(
            directory=directory,
            labels=read_npy(directory / LABELS, mapped=True),
            offsets=read_npy(directory / "offsets.npy"),
            kind=FeatureKind(**notes["features"]),
            num_clusters=notes["num_clusters"],
            codebook=notes["codebook"],
            notes=notes,
        )
        num_ids = (directory / IDS).read_bytes().count(b"\n")
        counts = (num_ids, len(opened), notes["num_utterances"])
        if len(set(counts)) > 1 or opened.offsets[-1] != len(opened.labels):
            raise ValueError(
                f"{directory} is not whole: {counts[0]} ids, {counts[1]} offsets and "
                f"{len(opened.labels)} labels, where {counts[2]} utterances with "
                f"{opened.offsets[-1]} labels were written; make it again"
            )
        return opened

    @property
    def ids(self) -> pa.Array:
        """The names of the utterances."""
        lines = (self.directory / IDS).read_text(encoding="utf-8").split("\n")
        return pa.array(lines[:-1], pa.string())

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[tuple[str, np.ndarray]]:
        for position, utterance in enumerate(self.ids.to_pylist()):
            yield utterance, self.labels[self.offsets[position] : self.offsets[position + 1]]

    def __contains__(self, utterance: str) -> bool:
        return utterance in self._positions

    def of(self, utterance: str) -> np.ndarray:
        """The labels int16 [num_frames] of an utterance. Raises ValueError for an unknown one."""
        position = self._positions.get(utterance)
        if position is None:
            raise ValueError(f"{self.directory} has no labels for {utterance}; label it first")
        return self.labels[self.offsets[position] : self.offsets[position + 1]]

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {utterance: position for position, utterance in enumerate(self.ids.to_pylist())}

    @cached_property
    def counts(self) -> np.ndarray:
        """Frames of each unit: int64 [num_clusters]."""
        if "counts" in self.notes:
            return np.array(self.notes["counts"], np.int64)
        return np.bincount(self.labels, minlength=self.num_clusters)

    @cached_property
    def hash(self) -> str:
        """Of every label."""
        if "hash" in self.notes:
            return self.notes["hash"]
        return _hash((self.directory / IDS).read_bytes(), self.offsets, self.labels)

    def export_km(self, path: str | Path) -> int:
        """Writes fairseq's `.km`; returns the number of lines."""
        return write_km(path, (labels for _, labels in self))


class LabelPlace(NamedTuple):
    """The labels of an utterance: [first, last) of a file; small, and all that a process needs to
    read them."""

    path: Path
    first: int
    last: int

    def read(self) -> np.ndarray:
        """int16 [num_labels]."""
        return _mapped(self.path)[self.first : self.last]


@lru_cache(maxsize=1024)
def _mapped(path: Path) -> np.ndarray:
    return read_npy(path, mapped=True)


class Labels:
    """The labels of a whole corpus under one codebook: what a training learns from.

    name: unlike the other label sets' of a training, for its metrics
    num_units: K
    rate_hz: labels per second
    kind, codebook: as of its label sets
    """

    def __init__(self, name: str, sets: Sequence[LabelSet]):
        self.name = name
        self.num_units = sets[0].num_clusters
        self.rate_hz = sets[0].kind.rate_hz
        self.kind = sets[0].kind
        self.codebook = sets[0].codebook
        self._sets = sets
        self._starts = np.cumsum([0, *map(len, sets)])

    @classmethod
    def below(cls, name: str, directory: str | Path) -> Labels:
        """Joins the label sets of a corpus's shards, a subdirectory each; or the one that the
        directory is."""
        found = sorted(Path(directory).glob("*/labels.json"))
        found = found or sorted(Path(directory).glob("labels.json"))
        return cls.of_shards(name, [path.parent for path in found])

    @classmethod
    def of_shards(cls, name: str, directories: Sequence[str | Path]) -> Labels:
        """Joins the label sets of a corpus's shards; some may be empty. Raises ValueError when
        they are of different features, codebooks or K, or have no label among them."""
        sets = [LabelSet.open(directory) for directory in directories]
        if not any(len(one.labels) for one in sets):
            raise ValueError(f"the label set {name} holds no label; label its utterances first")
        joined = cls(name, sets)
        for one in sets:
            reasons = _differences(one, joined.kind, joined.num_units, joined.codebook)
            if reasons:
                raise ValueError(
                    f"{one.directory} cannot be joined with {sets[0].directory}: "
                    f"{'; '.join(reasons)}. Make both with one codebook"
                )
        return joined

    def __len__(self) -> int:
        """The number of utterances."""
        return int(self._starts[-1])

    def shard(self, name: str) -> LabelSet | None:
        """The label set of a shard, in the directory of its name; None where there is none."""
        return next((one for one in self._sets if one.directory.name == name), None)

    def places(self, ids: pa.Array) -> np.ndarray:
        """Where the labels of each utterance are, for `place`: int64 [ids], -1 for those without.

        ids: each once. Memory: of the names of all labelled utterances, and as much again. Raises
        ValueError where an utterance is labelled twice.
        """
        known = pa.chunked_array([one.ids for one in self._sets], pa.string())
        found = pc.index_in(known, value_set=ids).combine_chunks()
        there = np.flatnonzero(found.is_valid().to_numpy(zero_copy_only=False))
        asked = found.take(pa.array(there)).to_numpy()
        places = np.full(len(ids), -1, np.int64)
        places[asked] = there
        if len(np.unique(asked)) < len(asked):
            raise ValueError(
                f"the label set {self.name} holds utterances twice; give each shard once"
            )
        return places

    def place(self, place: int) -> LabelPlace:
        """What `places` found, to be read."""
        number = int(np.searchsorted(self._starts, place, side="right")) - 1
        one = self._sets[number]
        first, last = one.offsets[place - self._starts[number] :][:2].tolist()
        return LabelPlace(one.directory / LABELS, first, last)

    def labels(self, utterance_id: str) -> np.ndarray:
        """int16 [num_labels], of the whole utterance. Raises ValueError for an unknown one."""
        place = self._positions.get(utterance_id)
        if place is None:
            raise ValueError(f"the label set {self.name} has none for {utterance_id}; label it")
        return self.place(place).read()

    def __contains__(self, utterance_id: str) -> bool:
        return utterance_id in self._positions

    @cached_property
    def _positions(self) -> dict[str, int]:
        names = chain.from_iterable(one.ids.to_pylist() for one in self._sets)
        return {name: place for place, name in enumerate(names)}

    def counts(self) -> np.ndarray:
        """Frames of each unit: int64 [num_units]."""
        return sum(one.counts for one in self._sets)

    @property
    def hash(self) -> str:
        """Of every label: equal for sets that teach the same."""
        digests = " ".join(one.hash for one in self._sets)
        return hashlib.blake2b(digests.encode(), digest_size=8).hexdigest()


def write_labels(
    directory: str | Path,
    labels: Iterable[tuple[str, np.ndarray]],
    kind: FeatureKind,
    num_clusters: int,
    codebook: str | None,
) -> LabelSet:
    """Writes the (utterance_id, units) of all utterances, one in memory at a time.

    codebook: its hash, None where unknown. Raises ValueError for units that are not in
    0..num_clusters - 1, an id that occurs twice, and more clusters than int16 holds.
    """
    directory = Path(directory)
    if not 0 < num_clusters <= MOST_CLUSTERS:
        raise ValueError(f"{num_clusters} clusters; label sets hold 1 to {MOST_CLUSTERS}")
    (directory / "labels.json").unlink(missing_ok=True)  # not whole from here on
    ids: dict[str, None] = {}
    counts = np.zeros(num_clusters, np.int64)

    def checked() -> Iterator[np.ndarray]:
        for utterance, units in labels:
            _check_units(utterance, units, num_clusters)
            if utterance in ids or "\n" in utterance:
                raise ValueError(f"utterance {utterance!r} occurs twice, or breaks the line")
            ids[utterance] = None
            counts[:] += np.bincount(units, minlength=num_clusters)
            yield units

    with complete(directory / LABELS) as part:
        lengths = write_npy(part, checked(), "<i2")
    offsets = np.cumsum([0, *lengths])
    with complete(directory / "offsets.npy") as part:
        write_npy(part, [offsets], "<i8")
    lines = "".join(f"{name}\n" for name in ids).encode()
    write_bytes(directory / IDS, lines)
    notes = {
        "features": kind.as_json(),
        "num_clusters": num_clusters,
        "codebook": codebook,
        "num_utterances": len(ids),
        "num_frames": int(offsets[-1]),
        "hash": _hash(lines, offsets, read_npy(directory / LABELS, mapped=True)),
        "counts": counts.tolist(),
    }
    write_json(directory / "labels.json", notes)
    return LabelSet.open(directory)


def label(
    directory: str | Path, features: Iterable[tuple[str, np.ndarray]], book: Codebook
) -> LabelSet:
    """Labels (utterance_id, features) with a codebook."""
    labels = ((utterance, book.label(frames)) for utterance, frames in features)
    return write_labels(directory, labels, book.kind, book.num_clusters, book.hash)


def import_km(
    directory: str | Path,
    kms: Sequence[str | Path],
    utterances: Sequence[tuple[str, int]],
    kind: FeatureKind,
    num_clusters: int | None = None,
) -> LabelSet:
    """A label set from the `.km` files of all shards, in order, that came from elsewhere.

    utterances: (id, samples at 16 kHz) of the manifest, in its order. num_clusters: None: the
    highest unit and one. Raises ValueError where lines are missing or too many, or a line's length
    does not fit kind.rate_hz.
    """
    lines = [units for km in kms for units in read_km(km)]
    km = " and ".join(map(str, kms))
    if num_clusters is None:
        num_clusters = 1 + max((int(units.max()) for units in lines if len(units)), default=0)
    if len(lines) != len(utterances):
        raise ValueError(
            f"{km} has {len(lines)} lines, the manifest {len(utterances)} utterances; "
            f"they must be of the same split, all shards in order"
        )
    for number, ((name, samples), units) in enumerate(zip(utterances, lines, strict=True), 1):
        whole = samples / SAMPLE_RATE_HZ * kind.rate_hz
        if not whole - _FRAMES_SHORT < len(units) <= whole + 1:
            raise ValueError(
                f"{km}, line {number}: {len(units)} labels for {name}, which has "
                f"{samples / SAMPLE_RATE_HZ:.2f} s; at {kind.rate_hz:g} Hz there are about "
                f"{whole:.0f}. Give the rate that the labels were made at"
            )
    named = ((name, units) for (name, _), units in zip(utterances, lines, strict=True))
    return write_labels(directory, named, kind, num_clusters, None)


def _hash(lines: bytes, offsets: np.ndarray, labels: np.ndarray) -> str:
    digest = hashlib.blake2b(lines, digest_size=8)
    digest.update(np.ascontiguousarray(offsets, "<i8"))
    digest.update(labels)
    return digest.hexdigest()


def _differences(
    labels: LabelSet, kind: FeatureKind, num_clusters: int, codebook: str | None
) -> list[str]:
    """What the label set is and should not be; what is None, unknown, is not asked."""
    asked = {
        "the features are": (labels.kind.name, kind.name),
        "the label rate in Hz is": (labels.kind.rate_hz, kind.rate_hz),
        "the layer is": (labels.kind.layer, kind.layer),
        "the encoder is": (labels.kind.encoder, kind.encoder),
        "the number of clusters is": (labels.num_clusters, num_clusters),
        "the codebook is": (labels.codebook, codebook),
    }
    return [
        f"{what} {'unknown' if found is None else found}, not {needed}"
        for what, (found, needed) in asked.items()
        if needed is not None and found != needed
    ]


def _check_units(utterance: str, units: np.ndarray, num_clusters: int) -> None:
    if len(units) and not 0 <= units.min() <= units.max() < num_clusters:
        raise ValueError(
            f"{utterance}: units {units.min()} to {units.max()}, where the codebook has 0 to "
            f"{num_clusters - 1}; the labels are of another codebook"
        )
