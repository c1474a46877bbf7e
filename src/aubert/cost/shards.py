"""How much of a corpus each shard holds: a shard is a set of speakers, and some read much."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aubert import tables
from aubert.corpus.shards import AUDIO_SUFFIXES, scan_speaker, shard_names, shard_of, speakers

# Of how much each speaker reads, where nothing is known of it: few read a thousand hours.
SPREAD = 1.5  # standard deviation of the logarithm


def shares_of_shards(
    config: Mapping[str, Any], published: Mapping[str, Mapping[str, float]]
) -> np.ndarray:
    """float64 [num_shards]: of the index, of the files, or drawn for the speakers that are
    published. Even where nothing is known."""
    num_shards, corpus = config["num_shards"], config["corpus"]
    results, root = Path(config["results_dir"], config["name"]), Path(corpus["root"])
    paths = [results / "recordings" / f"{shard}.parquet" for shard in shard_names(num_shards)]
    held = np.zeros(num_shards)
    if all(path.is_file() for path in paths):
        for shard, path in enumerate(paths):
            table = tables.read(path, "recordings", ["num_samples", "sample_rate_hz"])
            held[shard] = sum(
                row["num_samples"] / row["sample_rate_hz"] for row in table.to_pylist()
            )
    elif corpus["source"] == "librilight" and all((root / s).is_dir() for s in corpus["subsets"]):
        for subset, speaker in speakers(root, corpus["subsets"]):
            files = scan_speaker(root, subset, speaker)
            held[shard_of(speaker, num_shards)] += sum(
                file.size for file in files if Path(file.path).suffix.lower() in AUDIO_SUFFIXES
            )
    else:
        known = [published.get(subset, {}).get("speakers", 0) for subset in corpus["subsets"]]
        read = np.random.default_rng(0).lognormal(sigma=SPREAD, size=int(max(known, default=0)))
        for speaker, hours in enumerate(read):
            held[shard_of(str(speaker), num_shards)] += hours
    return held / held.sum() if held.sum() else np.full(num_shards, 1 / num_shards)
