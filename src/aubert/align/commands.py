"""`aubert align`: from transcripts to places in the book."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert import options
from aubert.corpus.books import Bookshelf
from aubert.verbs import (
    add_group,
    add_inputs,
    add_language,
    add_outputs,
    add_shelf,
    add_verb,
    rows_of,
    run_stage,
)


def add_align(groups) -> None:
    from aubert.align.match import MatchOptions
    from aubert.align.refine import RefineOptions

    verbs = add_group(groups, "align", "from transcripts to places in the book")

    sketch = add_verb(verbs, "sketch", "sketch every book, to find one by content", _sketch)
    add_outputs(sketch, "books")
    add_shelf(sketch)

    match = add_verb(verbs, "match", "place each utterance in its book", _match)
    add_inputs(match, "recordings", "utterances", "transcripts", "books")
    add_outputs(match, "matches")
    add_shelf(match)
    options.add_arguments(match, MatchOptions)

    refine = add_verb(verbs, "refine", "exact boundaries; what was read, skipped, added", _refine)
    add_inputs(refine, "matches", "transcripts")
    add_outputs(refine, "refined")
    add_shelf(refine)
    options.add_arguments(refine, RefineOptions)

    book = add_verb(verbs, "book", "place the utterances of an AuBERT book json", _book)
    book.add_argument("input", type=Path, help="{book_name, utterances, raw}")
    book.add_argument("output", type=Path, help="the same with start_idx, end_idx, similarity")
    add_language(book)


def _sketch(arguments: argparse.Namespace) -> str:
    from aubert.align.find_book import sketch_books

    shelf = Bookshelf(arguments.books_dir, arguments.book_meta, arguments.language)
    return run_stage(arguments, "books", "books", sketch_books(shelf), list(shelf), "book_id")


def _match(arguments: argparse.Namespace) -> str:
    from aubert.align.find_book import StoredSketches
    from aubert.align.match import MatchOptions, match

    transcripts = rows_of(arguments, "transcripts")
    results = match(
        rows_of(arguments, "recordings"),
        transcripts,
        rows_of(arguments, "utterances"),
        Bookshelf(arguments.books_dir, arguments.book_meta, arguments.language),
        StoredSketches(arguments.books),
        options.from_arguments(arguments, MatchOptions),
    )
    ids = [row["utterance_id"] for row in transcripts]
    return run_stage(arguments, "match", "matches", results, ids, "utterance_id")


def _refine(arguments: argparse.Namespace) -> str:
    from aubert.align.refine import RefineOptions, refine

    matches = rows_of(arguments, "matches")
    results = refine(
        matches,
        rows_of(arguments, "transcripts"),
        Bookshelf(arguments.books_dir, arguments.book_meta, arguments.language),
        options.from_arguments(arguments, RefineOptions),
    )
    ids = [row["utterance_id"] for row in matches]
    return run_stage(arguments, "refine", "refined", results, ids, "utterance_id")


def _book(arguments: argparse.Namespace) -> str:
    from aubert.align.book_json import align_file

    return align_file(arguments.input, arguments.output, arguments.language)
