"""fairseq's pre-training data: a manifest (`train.tsv`) and the units of its lines (`train.km`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from aubert.learn.utterances import VirtualUtterances
from aubert.units.labels import Labels, import_km
from aubert.units.shards import FeatureKind


def is_km(path: Path) -> bool:
    """Whether a label set is fairseq's: a `.km`, or the folder that dump-label writes."""
    return path.suffix == ".km" or (
        path.is_dir() and not any(path.rglob("labels.json")) and any(path.glob("*.km"))
    )


def labels_of_km(
    named: Iterable[tuple[str, Path]],
    split: str,
    utterances: VirtualUtterances,
    rate_hz: float | None,
    folder: Path,
) -> list[Labels]:
    """The label sets of `.km` files, or of folders of dump-label's; they are written below
    `folder`. K is that of the dictionary beside them (`dict.km.txt`), else the highest unit and
    one.

    split: the manifest's name. utterances: of the manifest, in its order. rate_hz: labels per
    second. Raises ValueError where it is not given, and where lines and utterances do not fit
    together.
    """
    if rate_hz is None:
        raise ValueError(
            "a .km does not say its rate: give --label-rate-hz (fairseq's label_rate: 100 for "
            "MFCC, 50 for HuBERT's layers)"
        )
    counted = list(zip(utterances.ids.to_pylist(), utterances.num_samples.tolist(), strict=True))
    sets = []
    for name, path in named:
        kms = _files(path, split)
        dictionary = kms[0].with_name("dict.km.txt")
        num_units = None
        if dictionary.is_file():
            num_units = sum(1 for line in dictionary.read_text().splitlines() if line.strip())
        directory = folder / name
        import_km(directory, kms, counted, FeatureKind(rate_hz=rate_hz), num_units)
        sets.append(Labels.of_shards(name, [directory]))
    return sets


def _files(path: Path, split: str) -> list[Path]:
    """Of all shards, in order. Raises ValueError where one is missing."""
    if path.is_file():
        return [path]
    if (path / f"{split}.km").is_file():
        return [path / f"{split}.km"]
    found: dict[int, dict[int, Path]] = {}
    for each in path.glob("*.km"):
        shard = re.fullmatch(rf"{re.escape(split)}_(\d+)_(\d+)", each.stem)
        if shard is not None:
            found.setdefault(int(shard[2]), {})[int(shard[1])] = each
    if len(found) != 1:
        raise ValueError(
            f"{path} holds {'several numbers of shards' if found else 'no labels'} of {split}: "
            f"{split}.km, or {split}_<rank>_<shards>.km of every shard, as dump-label writes them"
        )
    ((num_shards, shards),) = found.items()
    missing = [f"{split}_{rank}_{num_shards}.km" for rank in range(num_shards)
               if rank not in shards]  # fmt: skip
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}: label these shards first")
    return [shards[rank] for rank in range(num_shards)]
