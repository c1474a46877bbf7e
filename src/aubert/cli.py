"""The `aubert` command: `aubert <group> <verb>`. It parses, calls and prints.

Every command of a stage reads and writes the tables of one shard; its options come from
the stage's dataclass. What a command has to say in one line goes to stdout, everything
else to stderr.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from aubert import __version__, options, stage, tables
from aubert.corpus.books import Bookshelf
from aubert.evaluate.probe_command import add_probe
from aubert.separation.commands import add_separate, add_separation
from aubert.training.ctc_commands import add_ctc
from aubert.training.hubert_commands import add_hubert
from aubert.units.commands import add_kmeans
from aubert.units.encode_command import add_encode
from aubert.units.stage_commands import add_units
from aubert.verbs import (
    add_group,
    add_inputs,
    add_jobs,
    add_outputs,
    add_root,
    add_shelf,
    add_verb,
)


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns the exit status (0 done, 1 a fault of the input)."""
    arguments = _parser().parse_args(argv)
    try:
        print(arguments.run(arguments))
    except (ValueError, OSError) as error:
        if arguments.debug:
            raise
        print(f"aubert: error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aubert", description="From audiobooks to speech representations."
    )
    parser.add_argument("--version", action="version", version=f"aubert {__version__}")
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")
    groups = parser.add_subparsers(required=True, metavar="GROUP")
    _add_corpus(groups)
    _add_transcribe(groups)
    _add_align(groups)
    _add_words(groups)
    _add_evaluate(groups)
    add_kmeans(groups)
    add_units(groups)
    add_hubert(groups)
    add_ctc(groups)
    add_encode(groups)
    add_separation(groups)
    add_separate(groups)
    return parser


# --- corpus: from files to utterances


def _add_corpus(groups) -> None:
    verbs = add_group(groups, "corpus", "from audio files to utterances")

    mini = add_verb(verbs, "mini", "synthesise the miniature corpus", _mini)
    mini.add_argument("root", type=Path, help="directory that it is written to")
    mini.add_argument("--seed", type=int, default=0)
    mini.add_argument(
        "--jobs", type=int, default=1, help="processes; the bytes do not depend on it"
    )

    index = add_verb(verbs, "index", "list a shard's recordings, from headers and jsons", _index)
    add_outputs(index, "recordings")
    add_root(index)
    index.add_argument("--subsets", nargs="+", required=True, help="directories below the root")
    index.add_argument("--shard", type=int, default=0)
    index.add_argument("--num-shards", type=int, default=1)

    from aubert.corpus.cut import CutOptions

    cut = add_verb(verbs, "cut", "cut recordings into utterances by voice activity", _cut)
    add_inputs(cut, "recordings")
    add_outputs(cut, "utterances")
    add_root(cut)
    options.add_arguments(cut, CutOptions)


def _mini(arguments: argparse.Namespace) -> str:
    from aubert.corpus.mini import make_mini

    made = make_mini(arguments.root, seed=arguments.seed, jobs=arguments.jobs)
    return f"mini: {made['num_recordings']} recordings, {made['hours'] * 60:.1f} minutes"


def _index(arguments: argparse.Namespace) -> str:
    from aubert.corpus.index import index, recording_ids
    from aubert.corpus.shards import scan_shard

    files = scan_shard(arguments.root, arguments.subsets, arguments.shard, arguments.num_shards)
    results = index(arguments.root, files)
    return _run(arguments, "index", "recordings", results, recording_ids(files), "recording_id")


def _cut(arguments: argparse.Namespace) -> str:
    from aubert.corpus.cut import CutOptions, cut

    recordings = _rows(arguments, "recordings")
    results = cut(recordings, arguments.root, options.from_arguments(arguments, CutOptions))
    ids = [row["recording_id"] for row in recordings]
    return _run(arguments, "cut", "utterances", results, ids, "recording_id")


# --- transcribe: from utterances to transcripts


def _add_transcribe(groups) -> None:
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

    utterances = _rows(arguments, "utterances")
    results = transcribe(
        _rows(arguments, "recordings"),
        utterances,
        arguments.root,
        _shelf(arguments),
        options.from_arguments(arguments, arguments.options),
        arguments.jobs,
    )
    ids = [row["utterance_id"] for row in utterances]
    return _run(arguments, "transcribe", "transcripts", results, ids, "utterance_id")


# --- align: from transcripts to places in the book


def _add_align(groups) -> None:
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


def _sketch(arguments: argparse.Namespace) -> str:
    from aubert.align.find_book import sketch_books

    shelf = _shelf(arguments)
    return _run(arguments, "books", "books", sketch_books(shelf), list(shelf), "book_id")


def _match(arguments: argparse.Namespace) -> str:
    from aubert.align.match import MatchOptions, match

    transcripts = _rows(arguments, "transcripts")
    sketches = {row["book_id"]: row["sketch"] for row in _rows(arguments, "books")}
    results = match(
        _rows(arguments, "recordings"),
        transcripts,
        _rows(arguments, "utterances"),
        _shelf(arguments),
        sketches,
        options.from_arguments(arguments, MatchOptions),
    )
    ids = [row["utterance_id"] for row in transcripts]
    return _run(arguments, "match", "matches", results, ids, "utterance_id")


def _refine(arguments: argparse.Namespace) -> str:
    from aubert.align.refine import RefineOptions, refine

    matches = _rows(arguments, "matches")
    results = refine(
        matches,
        _rows(arguments, "transcripts"),
        _shelf(arguments),
        options.from_arguments(arguments, RefineOptions),
    )
    ids = [row["utterance_id"] for row in matches]
    return _run(arguments, "refine", "refined", results, ids, "utterance_id")


def _book(arguments: argparse.Namespace) -> str:
    from aubert.align.book_json import align_file

    return align_file(arguments.input, arguments.output)


# --- words: from places in the book to times


def _add_words(groups) -> None:
    from aubert.align.words_ctc import WordsCtcOptions
    from aubert.align.words_pocketsphinx import WordsPocketsphinxOptions

    verbs = add_group(groups, "words", "when each word of the book was said")
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

    calibrate = add_verb(verbs, "calibrate", "how late a CTC checkpoint's spikes are", _calibrate)
    calibrate.add_argument("results", type=Path, help="<results_dir>/<name>")
    calibrate.add_argument("out", type=Path, help="the json of edge offsets")
    add_root(calibrate)
    add_shelf(calibrate)
    options.add_arguments(calibrate, WordsCtcOptions)


def _calibrate(arguments: argparse.Namespace) -> str:
    from aubert.align.words_ctc import WordsCtcOptions, calibrate_ctc

    calibration = calibrate_ctc(
        *(
            tables.all_rows(arguments.results, table)
            for table in ("recordings", "utterances", "transcripts", "refined")
        ),
        arguments.root,
        _shelf(arguments),
        options.from_arguments(arguments, WordsCtcOptions),
    )
    calibration.save(arguments.out)
    return f"calibrate: {calibration}"


def _words(arguments: argparse.Namespace) -> str:
    if arguments.backend == "ctc":
        from aubert.align.words_ctc import words_ctc as align_words
    else:
        from aubert.align.words_pocketsphinx import words_pocketsphinx as align_words

    refined = _rows(arguments, "refined")
    results = align_words(
        _rows(arguments, "recordings"),
        _rows(arguments, "utterances"),
        _rows(arguments, "transcripts"),
        refined,
        arguments.root,
        _shelf(arguments),
        options.from_arguments(arguments, arguments.options),
        arguments.jobs,
    )
    ids = [row["utterance_id"] for row in refined]
    return _run(arguments, "words", "words", results, ids, "utterance_id")


# --- evaluate: figures


def _add_evaluate(groups) -> None:
    verbs = add_group(groups, "evaluate", "the figures of a run")
    add_probe(verbs)

    dataset = add_verb(verbs, "dataset", "figures of the word-aligned corpus", _dataset)
    dataset.add_argument("results", type=Path, help="<results_dir>/<name>")
    dataset.add_argument("out", type=Path, help="the json of figures")
    dataset.add_argument("--reference", type=Path, help="what was really said, if anyone knows")
    dataset.add_argument(
        "--figures", type=Path, nargs="*", default=[], help="of other stages; they are added"
    )
    add_shelf(dataset)

    show = add_verb(verbs, "show", "print the figures of a run as a table", _show)
    show.add_argument("metrics", type=Path, help="<results_dir>/<name>/metrics.json")
    show.add_argument("--all", action="store_true", help="also figures that explain others")


def _dataset(arguments: argparse.Namespace) -> str:
    from aubert.evaluate.dataset import evaluate_dataset
    from aubert.evaluate.metrics import read_metrics, write_metrics

    figures = evaluate_dataset(arguments.results, _shelf(arguments), arguments.reference)
    for path in arguments.figures:
        figures |= read_metrics(path)
    write_metrics(arguments.out, figures)
    return f"metrics: {len(figures)} figures in {arguments.out}"


def _show(arguments: argparse.Namespace) -> str:
    from aubert.evaluate.metrics import metrics_table, read_metrics

    return metrics_table(read_metrics(arguments.metrics), arguments.all)


# --- what the commands share


def _shelf(arguments: argparse.Namespace) -> Bookshelf:
    return Bookshelf(arguments.books_dir, arguments.book_meta)


def _rows(arguments: argparse.Namespace, table: str) -> list[dict]:
    return list(tables.rows(getattr(arguments, table), table))


def _run(
    arguments: argparse.Namespace,
    name: str,
    table: str,
    results: Iterable[dict | stage.Reject],
    ids: list[str],
    id_column: str,
) -> str:
    return stage.run(
        name,
        table,
        results,
        ids=ids,
        id_column=id_column,
        out=arguments.out,
        rejects=arguments.rejects,
        max_reject_fraction=arguments.max_reject_fraction,
    )
