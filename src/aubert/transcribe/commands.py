"""`aubert transcribe`: from utterances to transcripts."""

from __future__ import annotations

import argparse

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
)


def add_transcribe(groups) -> None:
    from aubert.transcribe.decode import CtcOptions
    from aubert.transcribe.pocketsphinx import PocketsphinxOptions

    verbs = add_group(groups, "transcribe", "from utterances to transcripts")
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
