"""Files of units: a line or a row of each audio file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from aubert.files import complete
from aubert.units.of_audio import Encoded

Add = Callable[[Encoded], None]
FORMATS = ("tsv", "km", "jsonl", "parquet")
_ROWS = 1000  # of a group in Parquet


def format_of(path: Path, named: str | None) -> str:
    """What is asked for, else what the suffix says. Raises ValueError where it says nothing."""
    found = named or path.suffix.removeprefix(".").lower()
    if found not in FORMATS:
        raise ValueError(
            f"{path} has no suffix of a format: call it .tsv, .km, .jsonl or .parquet, or give "
            f"--format"
        )
    return found


@contextmanager
def writer(path: Path, form: str, sounds: Mapping[str, Path], rate_hz: float) -> Iterator[Add]:
    """A function that takes each Encoded; the file is there when all are.

    form: tsv has lines `name<TAB>units`, with durations a third column; km has the units alone, and
    fairseq's manifest beside it, <path>.tsv: the folder of all, then `path<TAB>samples`; jsonl and
    parquet have name, units, durations and num_samples. sounds: the audio files by name. Raises
    ValueError for a name that breaks a line of tsv.
    """
    if form in ("tsv", "km"):
        broken = [name for name in sounds if "\t" in name or len(name.splitlines()) != 1]
        if broken:
            raise ValueError(f"{broken[0]!r} breaks a line of {form}; write jsonl or parquet")
    write = {"tsv": _tsv, "km": _km, "jsonl": _jsonl, "parquet": _parquet}[form]
    with write(path, sounds, rate_hz) as add:
        yield add


@contextmanager
def _tsv(path: Path, sounds: Mapping[str, Path], rate_hz: float) -> Iterator[Add]:
    with complete(path) as part, part.open("w", encoding="utf-8") as file:

        def add(one: Encoded) -> None:
            columns = [one.name, _line(one.units)]
            if one.durations is not None:
                columns.append(_line(one.durations))
            file.write("\t".join(columns) + "\n")

        yield add


@contextmanager
def _km(path: Path, sounds: Mapping[str, Path], rate_hz: float) -> Iterator[Add]:
    root = os.path.commonpath([sound.absolute().parent for sound in sounds.values()])
    manifest = path.with_suffix(".tsv")
    if manifest == path:
        raise ValueError(f"{path} is where the manifest goes; call the file of units .km")
    with (
        complete(manifest) as tsv_part,
        complete(path) as part,
        tsv_part.open("w", encoding="utf-8") as tsv,
        part.open("w", encoding="utf-8") as file,
    ):
        tsv.write(f"{root}\n")

        def add(one: Encoded) -> None:
            relative = os.path.relpath(sounds[one.name].absolute(), root)
            tsv.write(f"{relative}\t{one.num_samples}\n")
            file.write(_line(one.units) + "\n")

        yield add


@contextmanager
def _jsonl(path: Path, sounds: Mapping[str, Path], rate_hz: float) -> Iterator[Add]:
    with complete(path) as part, part.open("w", encoding="utf-8") as file:

        def add(one: Encoded) -> None:
            row = {name: value for name, value in _row(one).items() if value is not None}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")

        yield add


@contextmanager
def _parquet(path: Path, sounds: Mapping[str, Path], rate_hz: float) -> Iterator[Add]:
    schema = pa.schema(
        {
            "name": pa.string(),
            "units": pa.list_(pa.int32()),
            "durations": pa.list_(pa.int32()),
            "num_samples": pa.int64(),
        },
        metadata={"rate_hz": f"{rate_hz:g}"},
    )
    rows: list[dict] = []
    with complete(path) as part, pq.ParquetWriter(part, schema) as file:

        def flush() -> None:
            file.write_table(pa.Table.from_pylist(rows, schema))
            rows.clear()

        def add(one: Encoded) -> None:
            rows.append(_row(one))
            if len(rows) == _ROWS:
                flush()

        yield add
        flush()


def _row(one: Encoded) -> dict:
    durations = None if one.durations is None else one.durations.tolist()
    return {
        "name": one.name,
        "units": one.units.tolist(),
        "durations": durations,
        "num_samples": one.num_samples,
    }


def _line(numbers: np.ndarray) -> str:
    return " ".join(map(str, numbers.tolist()))
