"""The utterances that a corpus's codebooks are learned from: as much audio as they need.

Utterances with the smallest hashes are chosen, so that the choice is uniform over the corpus and
does not depend on its shards. Features of other utterances are not computed for learning.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from aubert import tables
from aubert.corpus.held_out import COLUMNS, NOTHING, HeldOut
from aubert.files import write_json
from aubert.units.features import ShardTables, shards_of_corpus
from aubert.units.kmeans import SAMPLE_RATE_FRAMES, KMeansOptions, hours_of_sample

# All codebooks, and what is trained on their labels, follow from the choice: raise this when others
# would be chosen, and the workflow chooses again.
VERSION = 1


@dataclass(frozen=True)
class Choice:
    """Which utterances are chosen: those whose key is at most `limit`.

    seed: of the keys. num_utterances, hours: that are chosen. of_utterances, of_hours: that may be
      learned from
    share: of all frame hashes, below which a shard's frames are kept for the sample
    """

    seed: int
    limit: int
    num_utterances: int
    hours: float
    of_utterances: int
    of_hours: float
    share: float

    def __contains__(self, utterance_id: str) -> bool:
        return key(utterance_id, self.seed) <= self.limit

    def save(self, path: str | Path) -> None:
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: str | Path) -> Choice:
        return cls(**json.loads(Path(path).read_text(encoding="utf-8")))


def key(utterance_id: str, seed: int) -> int:
    digest = hashlib.blake2b(f"choice {seed}\0{utterance_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def choose(results: Path, options: KMeansOptions, held_out: HeldOut = NOTHING) -> Choice:
    """Chooses utterances of all shards below `results` until `options.sample_hours` are reached,
    none of which is held out.

    Memory: 16 bytes an utterance. Raises ValueError where there is no utterance.
    """
    parts = [
        _keys_and_seconds(shard, options.seed, held_out) for shard in shards_of_corpus(results)
    ]
    keys = np.concatenate([keys for keys, _ in parts]) if parts else np.empty(0, np.uint64)
    seconds = np.concatenate([seconds for _, seconds in parts]) if parts else np.empty(0)
    if not len(keys):
        raise ValueError(
            f"there is no utterance below {results} that may be learned from: run index and cut "
            f"first, or hold out less"
        )
    order = np.argsort(keys)
    reached = np.cumsum(seconds[order])
    number = min(len(keys), int(np.searchsorted(reached, hours_of_sample(options) * 3600)) + 1)
    hours = float(reached[number - 1]) / 3600
    # Frames per second differ with the features. A tenth more than needed at SAMPLE_RATE_FRAMES,
    # and five standard deviations of a draw; at a higher rate the sample is cut to its size.
    wanted = 1.1 * options.sample_frames + 5 * options.sample_frames**0.5
    share = min(1.0, wanted / (hours * 3600 * SAMPLE_RATE_FRAMES / 2))
    return Choice(
        seed=options.seed,
        limit=int(keys[order[number - 1]]),
        num_utterances=number,
        hours=hours,
        of_utterances=len(keys),
        of_hours=float(reached[-1]) / 3600,
        share=share,
    )


def _keys_and_seconds(
    shard: ShardTables, seed: int, held_out: HeldOut
) -> tuple[np.ndarray, np.ndarray]:
    """uint64 and float64 of each utterance of a shard that may be learned from."""
    columns = ["recording_id", "sample_rate_hz", *COLUMNS]
    recordings = held_out.learnable(tables.read(shard.recordings, "recordings", columns))
    rates = dict(
        zip(
            recordings["recording_id"].to_pylist(),
            recordings["sample_rate_hz"].to_pylist(),
            strict=True,
        )
    )
    columns = ["utterance_id", "recording_id", "num_samples"]
    read = tables.read(shard.utterances, "utterances", columns)
    read = read.filter(pc.is_in(read["recording_id"], recordings["recording_id"]))
    keys = np.fromiter(_keys_of(read, seed), np.uint64, read.num_rows)
    own_rates = np.fromiter(
        (rates[one.as_py()] for one in read["recording_id"]), np.float64, read.num_rows
    )
    return keys, read["num_samples"].to_numpy() / own_rates


def _keys_of(read, seed: int) -> Iterator[int]:
    for batch in read.to_batches():
        for utterance_id in batch["utterance_id"].to_pylist():
            yield key(utterance_id, seed)
