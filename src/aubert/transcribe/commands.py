"""`aubert transcripts`: from utterances to transcripts; `aubert transcribe`: of any audio."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert import options
from aubert.corpus.books import Bookshelf
from aubert.verbs import (
    add_group,
    add_inputs,
    add_jobs,
    add_outputs,
    add_root,
    add_shelf,
    add_verb,
    rows_of,
    run_stage,
    summed_up,
)


def add_transcripts(groups) -> None:
    from aubert.transcribe.decode import CtcOptions
    from aubert.transcribe.pocketsphinx import PocketsphinxOptions

    verbs = add_group(groups, "transcripts", "from utterances to transcripts")
    for backend, kind in (("pocketsphinx", PocketsphinxOptions), ("ctc", CtcOptions)):
        verb = add_verb(verbs, backend, f"transcribe a shard with {backend}", _transcribe)
        verb.set_defaults(backend=backend, options=kind)
        add_inputs(verb, "recordings", "utterances")
        add_outputs(verb, "transcripts")
        add_root(verb)
        add_shelf(verb)
        add_jobs(verb)
        options.add_arguments(verb, kind)


def _transcribe(arguments: argparse.Namespace) -> str:
    if arguments.backend == "ctc":
        from aubert.transcribe.decode import transcribe_ctc as transcribe
    else:
        from aubert.transcribe.pocketsphinx import recognise as transcribe

    utterances = rows_of(arguments, "utterances")
    results = transcribe(
        rows_of(arguments, "recordings"),
        utterances,
        arguments.root,
        Bookshelf(arguments.books_dir, arguments.book_meta, arguments.language),
        options.from_arguments(arguments, arguments.options),
        arguments.jobs,
    )
    ids = [row["utterance_id"] for row in utterances]
    return run_stage(arguments, "transcribe", "transcripts", results, ids, "utterance_id")


def add_transcribe(groups) -> None:
    from aubert.transcribe.decode import DecodeOptions

    verb = add_verb(groups, "transcribe", "audio in, its words out", _transcribe_files)
    verb.add_argument(
        "audio", type=Path, nargs="+", help="audio files, and folders that hold some at any depth"
    )
    verb.add_argument(
        "-o", "--out", type=Path, help="a .tsv of names and texts; none: they are printed"
    )
    verb.add_argument(
        "--language", help="BCP 47; none: what the model was trained on here, else English"
    )
    options.add_arguments(verb, DecodeOptions)


def _transcribe_files(arguments: argparse.Namespace) -> str:
    from aubert.corpus.audio_files import find_audio
    from aubert.files import write_bytes
    from aubert.progress import progress
    from aubert.transcribe.decode import DecodeOptions
    from aubert.transcribe.of_files import Transcribed, transcribe_files

    found = find_audio(arguments.audio)
    decode = options.from_arguments(arguments, DecodeOptions)
    texts = transcribe_files(found.paths, decode, arguments.language)
    total = len(found.paths)
    rows = list(progress(texts, what="transcribe", total=total, unit="file"))
    done = [row for row in rows if isinstance(row, Transcribed)]
    failures = [row for row in rows if not isinstance(row, Transcribed)]
    lines = "\n".join(f"{row.name}\t{row.text}" for row in done)
    if arguments.out is None:
        return summed_up(lines, failures)
    write_bytes(arguments.out, f"{lines}\n".encode())
    seconds = sum(row.seconds for row in done)
    summary = (
        f"transcribe: {len(done)} files, {seconds:.0f} s of audio, in {arguments.out}, "
        f"{len(failures)} failed{found.note}"
    )
    return summed_up(summary, failures)
