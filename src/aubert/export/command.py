"""`aubert export KIND RESULTS OUT`: the word-aligned corpus for other tools."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from aubert import options
from aubert.verbs import add_group, add_jobs, add_root, add_shelf, add_verb, named_path

KINDS = {
    "lhotse": "recordings, supervisions and cuts with alignments, for lhotse",
    "huggingface": "Parquet with audio and a card, for datasets.load_dataset",
    "fairseq": "audio, manifests, units and transcripts, for fairseq",
    "kaldi": "a Kaldi data directory",
    "textgrid": "TextGrids for Praat, and CTM",
    "epub": "read-aloud books: EPUB 3, the reader's own where the text is one",
    "aubert": "AuBERT's json of each book",
    "audio": "the utterances as FLAC files in AuBERT's layout",
}
_WRITES_AUDIO = ("fairseq", "audio", "epub")
_HAS_SPLITS = ("fairseq", "huggingface")


def add_export(groups) -> None:
    from aubert.corpus.held_out import add_held_out
    from aubert.export.epub import EpubOptions
    from aubert.export.fairseq import FairseqOptions

    verbs = add_group(groups, "export", "the word-aligned corpus in the formats of other tools")
    for kind, text in KINDS.items():
        verb = add_verb(verbs, kind, text, _export)
        verb.set_defaults(kind=kind)
        verb.add_argument("results", type=Path, help="<results_dir>/<name>")
        verb.add_argument("out", type=Path, help="the folder that is written; replaced if there")
        add_root(verb)
        add_shelf(verb)
        if kind in _WRITES_AUDIO:
            add_jobs(verb)
        if kind in _HAS_SPLITS:
            add_held_out(verb)
        if kind == "epub":
            options.add_arguments(verb, EpubOptions)
        if kind == "fairseq":
            options.add_arguments(verb, FairseqOptions)
            verb.add_argument(
                "--labels",
                type=named_path,
                nargs="*",
                default=[],
                metavar="NAME=DIR",
                help="label sets, such as km=<results>/units/iter1-layer2/k100/labels",
            )


def _export(arguments: argparse.Namespace) -> str:
    from aubert.corpus.books import Bookshelf
    from aubert.corpus.held_out import held_out_of
    from aubert.export.corpus import Corpus

    shelf = Bookshelf(arguments.books_dir, arguments.book_meta, arguments.language)
    corpus = Corpus(arguments.results, arguments.root, shelf)
    kind, out = arguments.kind, arguments.out
    module = import_module(f"aubert.export.{kind}")
    if kind == "fairseq":
        how = options.from_arguments(arguments, module.FairseqOptions)
        labels, held_out = dict(arguments.labels), held_out_of(arguments)
        return module.export_fairseq(corpus, out, how, labels, arguments.jobs, held_out)
    if kind == "huggingface":
        return module.export_huggingface(corpus, out, held_out_of(arguments))
    if kind == "epub":
        how = options.from_arguments(arguments, module.EpubOptions)
        return module.export_epub(corpus, out, how, arguments.jobs)
    if kind == "audio":
        return module.export_audio(corpus, out, arguments.jobs)
    return getattr(module, f"export_{kind}")(corpus, out)
