"""`aubert units encode`: units of new audio in one command."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from aubert import options
from aubert.encoders.network import NetworkOptions
from aubert.verbs import add_verb, summed_up


def add_encode_units(verbs) -> None:
    verb = add_verb(verbs, "encode", "audio in, units out", _encode)
    verb.add_argument(
        "audio", type=Path, nargs="+", help="audio files, and folders that hold some at any depth"
    )
    verb.add_argument("--codebook", type=Path, required=True, help="path without suffix")
    verb.add_argument(
        "--model", help="that the codebook was learned from: a directory or a Hugging Face id"
    )
    verb.add_argument(
        "-o", "--out", type=Path, required=True, help="the file of units: .tsv, .km, .jsonl, ..."
    )
    verb.add_argument(
        "--format",
        choices=("tsv", "km", "jsonl", "parquet"),
        help="none: by the suffix of --out; km writes fairseq's manifest beside it",
    )
    verb.add_argument(
        "--deduplicate", action="store_true", help="a run of a unit becomes one, with its duration"
    )
    options.add_arguments(verb, NetworkOptions)


def _encode(arguments: argparse.Namespace) -> str:
    from aubert.corpus.audio_files import find_audio
    from aubert.progress import progress
    from aubert.stage import Reject
    from aubert.units.of_audio import Units
    from aubert.units.unit_files import format_of, writer

    form = format_of(arguments.out, arguments.format)
    found = find_audio(arguments.audio)
    network = options.from_arguments(arguments, NetworkOptions)
    units = Units(arguments.codebook, arguments.model, network)
    failures, num_files, num_units, num_samples = [], 0, 0, 0
    started = time.monotonic()
    bar = progress(what="encode", total=len(found.paths), unit="file")
    with bar, writer(arguments.out, form, found.paths, units.rate_hz) as write:
        for one in units.of_files(found.paths, arguments.deduplicate):
            bar.update()
            if isinstance(one, Reject):
                failures.append(one)
                continue
            write(one)
            num_files += 1
            num_units += len(one.units)
            num_samples += one.num_samples
    seconds = num_samples / units.sample_rate_hz
    speed = seconds / max(time.monotonic() - started, 1e-9)
    summary = (
        f"encode: {num_units} units of {num_files} files, {seconds:.0f} s of audio, in "
        f"{arguments.out} ({speed:.0f} x real time), {len(failures)} failed{found.note}"
    )
    return summed_up(summary, failures)
