"""`aubert words`: from places in the book to times."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert import options
from aubert.corpus.books import Bookshelf
from aubert.corpus.held_out import add_held_out, held_out_of
from aubert.verbs import (
    add_group,
    add_inputs,
    add_jobs,
    add_language,
    add_outputs,
    add_root,
    add_shelf,
    add_verb,
    rows_of,
    run_stage,
)


def add_words(groups) -> None:
    from aubert.align.phones import PhonesOptions
    from aubert.align.words_ctc import WordsCtcOptions
    from aubert.align.words_pocketsphinx import WordsPocketsphinxOptions

    verbs = add_group(groups, "words", "times of the book's words")
    backends = (("pocketsphinx", WordsPocketsphinxOptions), ("ctc", WordsCtcOptions))
    for backend, kind in backends:
        verb = add_verb(verbs, backend, f"align words with {backend}", _words)
        verb.set_defaults(backend=backend, options=kind)
        add_inputs(verb, "recordings", "utterances", "transcripts", "refined")
        add_outputs(verb, "words")
        add_root(verb)
        add_shelf(verb)
        add_jobs(verb)
        options.add_arguments(verb, kind)

    phones = add_verb(verbs, "phones", "times of phones, by pocketsphinx", _phones)
    add_inputs(phones, "recordings", "utterances", "words")
    add_outputs(phones, "phones")
    add_root(phones)
    add_jobs(phones)
    add_language(phones)
    options.add_arguments(phones, PhonesOptions)

    calibrate = add_verb(verbs, "calibrate", "how late a CTC checkpoint's spikes are", _calibrate)
    calibrate.add_argument("results", type=Path, help="<results_dir>/<name>")
    calibrate.add_argument("out", type=Path, help="the json of edge offsets")
    add_root(calibrate)
    add_shelf(calibrate)
    add_held_out(calibrate)
    options.add_arguments(calibrate, WordsCtcOptions)


def _phones(arguments: argparse.Namespace) -> str:
    from aubert.align.phones import PhonesOptions, choose_scripts, phones

    scripts = choose_scripts(
        *(rows_of(arguments, table) for table in ("recordings", "utterances", "words")),
        options.from_arguments(arguments, PhonesOptions),
    )
    results = phones(scripts, arguments.root, arguments.jobs, arguments.language)
    ids = [script.utterance["utterance_id"] for script in scripts]
    return run_stage(arguments, "phones", "phones", results, ids, "utterance_id")


def _calibrate(arguments: argparse.Namespace) -> str:
    from aubert.align.words_ctc import WordsCtcOptions, calibrate_ctc, calibration_tables

    calibration = calibrate_ctc(
        *calibration_tables(arguments.results, held_out_of(arguments)),
        arguments.root,
        Bookshelf(arguments.books_dir, arguments.book_meta, arguments.language),
        options.from_arguments(arguments, WordsCtcOptions),
    )
    calibration.save(arguments.out)
    return f"calibrate: {calibration}"


def _words(arguments: argparse.Namespace) -> str:
    if arguments.backend == "ctc":
        from aubert.align.words_ctc import words_ctc as align_words
    else:
        from aubert.align.words_pocketsphinx import words_pocketsphinx as align_words

    refined = rows_of(arguments, "refined")
    results = align_words(
        rows_of(arguments, "recordings"),
        rows_of(arguments, "utterances"),
        rows_of(arguments, "transcripts"),
        refined,
        arguments.root,
        Bookshelf(arguments.books_dir, arguments.book_meta, arguments.language),
        options.from_arguments(arguments, arguments.options),
        arguments.jobs,
    )
    ids = [row["utterance_id"] for row in refined]
    return run_stage(arguments, "words", "words", results, ids, "utterance_id")
