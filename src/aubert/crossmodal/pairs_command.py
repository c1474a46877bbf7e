"""`aubert aubert pairs`: from words to pairs of text and audio."""

from __future__ import annotations

import argparse

from aubert import options
from aubert.corpus.books import Bookshelf
from aubert.corpus.held_out import add_held_out, held_out_of
from aubert.verbs import (
    add_inputs,
    add_outputs,
    add_root,
    add_shelf,
    add_verb,
    rows_of,
    run_stage,
)

INPUTS = ("recordings", "utterances", "refined", "words")


def add_pairs(verbs) -> None:
    from aubert.crossmodal.pairs import PairsOptions

    verb = add_verb(verbs, "pairs", "n-grams in their contexts, and their audio", _pairs)
    add_inputs(verb, *INPUTS)
    add_outputs(verb, "pairs")
    add_root(verb)
    add_shelf(verb)
    add_held_out(verb)
    options.add_arguments(verb, PairsOptions)


def _pairs(arguments: argparse.Namespace) -> str:
    from aubert.crossmodal.pairs import PairsOptions, pairs

    read = {name: rows_of(arguments, name) for name in INPUTS}
    results = pairs(
        *read.values(),
        arguments.root,
        Bookshelf(arguments.books_dir, arguments.book_meta, arguments.language),
        options.from_arguments(arguments, PairsOptions),
        held_out=held_out_of(arguments),
    )
    ids = list(dict.fromkeys(row["utterance_id"] for row in read["words"]))
    return run_stage(arguments, "pairs", "pairs", results, ids, "utterance_id")
