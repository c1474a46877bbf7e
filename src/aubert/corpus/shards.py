"""Which recordings belong to which shard, and whether a shard's files have changed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from aubert import decoder

AUDIO_SUFFIXES = decoder.SUFFIXES
# Of what ffmpeg reads besides.
_MORE_SUFFIXES = (
    ".m4a", ".m4b", ".mp4", ".aac", ".wma", ".webm", ".mka", ".mkv", ".amr", ".3gp", ".ac3", ".ape",
    ".wv", ".tta", ".mp2", ".mpga", ".ra", ".mov", ".avi",
)  # fmt: skip


def is_audio(path: Path) -> bool:
    """Whether the file's name says that it is sound that libsndfile or ffmpeg reads."""
    suffix = path.suffix.lower()
    return suffix in AUDIO_SUFFIXES or suffix in _MORE_SUFFIXES


@dataclass(frozen=True)
class CorpusFile:
    """A file of the corpus as the directory shows it; nothing of it has been read."""

    path: str  # relative to the corpus root
    size: int
    mtime_ns: int


def shard_names(num_shards: int) -> list[str]:
    """Zero-padded, so that names sort as numbers do: 00, 01, ..."""
    width = len(str(num_shards - 1))
    return [f"{number:0{width}}" for number in range(num_shards)]


def shard_of(speaker: str, num_shards: int) -> int:
    """The shard of a speaker: a hash, so that a new speaker moves no other."""
    digest = blake2b(os.fsencode(speaker), digest_size=8).digest()
    return int.from_bytes(digest, "big") % num_shards


def scan_speaker(root: Path, subset: str, speaker: str) -> list[CorpusFile]:
    """Every file two levels below <root>/<subset>/<speaker>, sorted by path."""
    found = []
    for book_dir in _subdirectories(root / subset / speaker):
        with os.scandir(root / subset / speaker / book_dir) as entries:
            for entry in entries:
                if entry.is_file():
                    stat = entry.stat()
                    path = f"{subset}/{speaker}/{book_dir}/{entry.name}"
                    found.append(CorpusFile(path, stat.st_size, stat.st_mtime_ns))
    return sorted(found, key=lambda file: file.path)


def speakers(root: Path, subsets: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(subset, speaker) of every speaker directory, sorted.

    Raises ValueError when the root or a subset is not there.
    """
    if not root.is_dir():
        raise ValueError(f"corpus.root: {root} is not a directory")
    for subset in subsets:
        if not (root / subset).is_dir():
            raise ValueError(f"corpus.subsets: {root} has no directory {subset!r}")
        for speaker in _subdirectories(root / subset):
            yield subset, speaker


def scan_shard(root: Path, subsets: Iterable[str], shard: int, num_shards: int) -> list[CorpusFile]:
    """The files of one shard's speakers."""
    return [
        file
        for subset, speaker in speakers(root, subsets)
        if shard_of(speaker, num_shards) == shard
        for file in scan_speaker(root, subset, speaker)
    ]


def listed(root: Path, manifest: Path) -> list[CorpusFile]:
    """The recordings of a folder's shard, from its manifest, and their jsons, sorted by path.

    root: the folder that the corpus's paths are relative to; the manifest's are to the one above.
    """
    names = json.loads(manifest.read_bytes())["recordings"]
    found = []
    for name in names:
        path = root.parent / name
        for file in (path, path.with_name(f"{path.stem}.json")):
            try:
                stat = file.stat()
            except FileNotFoundError:
                continue  # the index says so
            relative = str(file.relative_to(root))
            found.append(CorpusFile(relative, stat.st_size, stat.st_mtime_ns))
    return sorted(found, key=lambda file: file.path)


def fingerprints(
    root: Path,
    subsets: Iterable[str],
    num_shards: int,
    as_recorded: Callable[[int, CorpusFile], CorpusFile] = lambda shard, file: file,
) -> list[str]:
    """One digest per shard of its files' paths, sizes and modification times.

    Walks the whole corpus once with scandir. as_recorded: the file with the time that counts.
    """
    digests = [blake2b(digest_size=16) for _ in range(num_shards)]
    for subset, speaker in speakers(root, subsets):
        shard = shard_of(speaker, num_shards)
        for found in scan_speaker(root, subset, speaker):
            file = as_recorded(shard, found)
            digests[shard].update(os.fsencode(f"{file.path}\0{file.size}\0{file.mtime_ns}\0"))
    return [digest.hexdigest() for digest in digests]


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """Sorts chapter_2 before chapter_10."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]


def _subdirectories(directory: Path) -> list[str]:
    with os.scandir(directory) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir())
