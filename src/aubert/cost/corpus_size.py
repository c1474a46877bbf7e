"""How many hours of audio a corpus holds, known as well as it can be before it is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from aubert.corpus.shards import AUDIO_SUFFIXES, scan_speaker, shard_names, speakers

T = TypeVar("T")

NUM_PROBED = 200  # headers; the others follow from their size


@dataclass(frozen=True)
class CorpusSize:
    """hours: of audio; source: how that is known; to_fetch_bytes: of audio not there yet"""

    hours: float
    source: str
    to_fetch_bytes: float = 0.0


def corpus_size(
    config: Mapping[str, Any], published: Mapping[str, Mapping[str, float]], hours: float | None
) -> CorpusSize:
    """From `hours` if given, the run's index, the files, or what is published: the first there is.

    Raises ValueError when there is nothing.
    """
    if hours is not None:
        return CorpusSize(hours, "as given")
    corpus, root = config["corpus"], Path(config["corpus"]["root"])
    indexed = _hours_of_index(Path(config["results_dir"], config["name"]), config["num_shards"])
    if indexed is not None:
        return CorpusSize(indexed, "the run's index")
    if corpus["source"] == "manifest":
        return _of_manifest(root)
    if corpus["source"] == "folder":
        return _of_folder(root)
    subsets = ["mini"] if corpus["source"] == "mini" else corpus["subsets"]
    if all((root / subset).is_dir() for subset in corpus["subsets"]):
        return _from_files(root, corpus["subsets"])
    known = [published[subset] for subset in subsets if subset in published]
    if len(known) < len(subsets):
        raise ValueError(
            f"how many hours {', '.join(subsets)} hold is not known: {root} does not hold them; "
            f"give --hours"
        )
    return CorpusSize(
        sum(subset["hours"] for subset in known),
        f"published for {', '.join(subsets)}",
        sum(subset["gigabytes"] for subset in known) * 1e9,
    )


def _hours_of_index(results: Path, num_shards: int) -> float | None:
    """None while a shard's table is not there."""
    from aubert import tables

    paths = [results / "recordings" / f"{shard}.parquet" for shard in shard_names(num_shards)]
    if not all(path.is_file() for path in paths):
        return None
    columns = ["num_samples", "sample_rate_hz"]
    rows = (row for path in paths for row in tables.read(path, "recordings", columns).to_pylist())
    return sum(row["num_samples"] / row["sample_rate_hz"] for row in rows) / 3600


def _of_manifest(manifest: Path) -> CorpusSize:
    """The mean length of files spread over the manifest, times the number of all."""
    import soundfile

    from aubert.corpus.manifest import Entry, read_manifest

    paths = [one.path for one in read_manifest(manifest) if isinstance(one, Entry) and one.path]
    seconds = []
    for path in _spread(paths):
        try:
            seconds.append(soundfile.info(path).duration)
        except soundfile.SoundFileError:
            continue
    if not seconds:
        raise ValueError(f"corpus.root: no file of {manifest} can be read; give --hours")
    hours = len(paths) * sum(seconds) / len(seconds) / 3600
    return CorpusSize(hours, f"headers of {len(seconds)} of {len(paths)} files")


def _of_folder(root: Path) -> CorpusSize:
    from aubert.corpus.folder_scan import scan
    from aubert.corpus.tags import read_tags

    audio = [source.path for source in scan(root) if source.kind == "audio"]
    lengths_s = [read_tags(root / path).seconds for path in audio]
    if not any(lengths_s):
        raise ValueError(f"corpus.root: {root} holds no audio that can be read; give --hours")
    return CorpusSize(sum(filter(None, lengths_s)) / 3600, f"headers of {len(audio)} files")


def _from_files(root: Path, subsets: list[str]) -> CorpusSize:
    """Seconds per byte of files spread over the corpus, times the bytes of all."""
    import soundfile

    audio = [
        file
        for subset, speaker in speakers(root, subsets)
        for file in scan_speaker(root, subset, speaker)
        if Path(file.path).suffix.lower() in AUDIO_SUFFIXES
    ]
    seconds = num_bytes = 0.0
    for file in _spread(audio):
        try:
            seconds += soundfile.info(root / file.path).duration
        except soundfile.SoundFileError:
            continue
        num_bytes += file.size
    if not num_bytes:
        raise ValueError(f"corpus.root: {root} holds no audio that can be read; give --hours")
    hours = sum(file.size for file in audio) * seconds / num_bytes / 3600
    return CorpusSize(hours, f"sizes of {len(audio)} files and headers of {len(_spread(audio))}")


def _spread(files: list[T]) -> list[T]:
    return files[:: max(1, -(-len(files) // NUM_PROBED))]
