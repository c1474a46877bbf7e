"""The `aubert` command: `aubert <group> <verb>`. It parses, calls and prints.

Every command of a stage reads and writes the tables of one shard; its options come from
the stage's dataclass. What a command has to say in one line goes to stdout, everything
else to stderr.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from aubert import __version__, options, stage, tables
from aubert.corpus.books import Bookshelf
from aubert.units.commands import add_kmeans


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
    return parser


# --- corpus: from files to utterances


def _add_corpus(groups) -> None:
    verbs = _group(groups, "corpus", "from audio files to utterances")

    mini = _verb(verbs, "mini", "synthesise the miniature corpus", _mini)
    mini.add_argument("root", type=Path, help="directory that it is written to")
    mini.add_argument("--seed", type=int, default=0)
    mini.add_argument(
        "--jobs", type=int, default=1, help="processes; the bytes do not depend on it"
    )

    index = _verb(verbs, "index", "list a shard's recordings, from headers and jsons", _index)
    _add_outputs(index, "recordings")
    _add_root(index)
    index.add_argument("--subsets", nargs="+", required=True, help="directories below the root")
    index.add_argument("--shard", type=int, default=0)
    index.add_argument("--num-shards", type=int, default=1)

    from aubert.corpus.cut import CutOptions

    cut = _verb(verbs, "cut", "cut recordings into utterances by voice activity", _cut)
    _add_inputs(cut, "recordings")
    _add_outputs(cut, "utterances")
    _add_root(cut)
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

    verbs = _group(groups, "transcribe", "from utterances to transcripts")
    for backend, kind in (("pocketsphinx", PocketsphinxOptions), ("ctc", CtcOptions)):
        verb = _verb(verbs, backend, f"transcribe a shard with {backend}", _transcribe)
        verb.set_defaults(backend=backend, options=kind)
        _add_inputs(verb, "recordings", "utterances")
        _add_outputs(verb, "transcripts")
        _add_root(verb)
        _add_shelf(verb)
        _add_jobs(verb)
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

    verbs = _group(groups, "align", "from transcripts to places in the book")

    sketch = _verb(verbs, "sketch", "sketch every book, to find one by content", _sketch)
    _add_outputs(sketch, "books")
    _add_shelf(sketch)

    match = _verb(verbs, "match", "place each utterance in its book", _match)
    _add_inputs(match, "recordings", "utterances", "transcripts", "books")
    _add_outputs(match, "matches")
    _add_shelf(match)
    options.add_arguments(match, MatchOptions)

    refine = _verb(verbs, "refine", "exact boundaries; what was read, skipped, added", _refine)
    _add_inputs(refine, "matches", "transcripts")
    _add_outputs(refine, "refined")
    _add_shelf(refine)
    options.add_arguments(refine, RefineOptions)

    book = _verb(verbs, "book", "place the utterances of an AuBERT book json", _book)
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

    verbs = _group(groups, "words", "when each word of the book was said")
    backends = (("pocketsphinx", WordsPocketsphinxOptions), ("ctc", WordsCtcOptions))
    for backend, kind in backends:
        verb = _verb(verbs, backend, f"align words with {backend}", _words)
        verb.set_defaults(backend=backend, options=kind)
        _add_inputs(verb, "recordings", "utterances", "transcripts", "refined")
        _add_outputs(verb, "words")
        _add_root(verb)
        _add_shelf(verb)
        _add_jobs(verb)
        options.add_arguments(verb, kind)

    calibrate = _verb(verbs, "calibrate", "how late a CTC checkpoint's spikes are", _calibrate)
    calibrate.add_argument("results", type=Path, help="<results_dir>/<name>")
    calibrate.add_argument("out", type=Path, help="the json of edge offsets")
    _add_root(calibrate)
    _add_shelf(calibrate)
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
    verbs = _group(groups, "evaluate", "the figures of a run")

    dataset = _verb(verbs, "dataset", "figures of the word-aligned corpus", _dataset)
    dataset.add_argument("results", type=Path, help="<results_dir>/<name>")
    dataset.add_argument("out", type=Path, help="the json of figures")
    dataset.add_argument("--reference", type=Path, help="what was really said, if anyone knows")
    _add_shelf(dataset)

    show = _verb(verbs, "show", "print the figures of a run as a table", _show)
    show.add_argument("metrics", type=Path, help="<results_dir>/<name>/metrics.json")


def _dataset(arguments: argparse.Namespace) -> str:
    from aubert.evaluate.dataset import evaluate_dataset
    from aubert.evaluate.metrics import write_metrics

    figures = evaluate_dataset(arguments.results, _shelf(arguments), arguments.reference)
    write_metrics(arguments.out, figures)
    return f"metrics: {len(figures)} figures in {arguments.out}"


def _show(arguments: argparse.Namespace) -> str:
    from aubert.evaluate.metrics import metrics_table, read_metrics

    return metrics_table(read_metrics(arguments.metrics))


# --- what the commands share


def _group(groups, name: str, text: str):
    return groups.add_parser(name, help=text, description=text).add_subparsers(
        required=True, metavar="VERB"
    )


def _verb(verbs, name: str, text: str, run: Callable) -> argparse.ArgumentParser:
    parser = verbs.add_parser(
        name,
        help=text,
        description=text,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def _add_inputs(parser: argparse.ArgumentParser, *names: str) -> None:
    for name in names:
        parser.add_argument(name, type=Path, help=f"the shard's table {name}")


def _add_outputs(parser: argparse.ArgumentParser, table: str) -> None:
    parser.add_argument("out", type=Path, help=f"the table {table} that is written")
    parser.add_argument("--rejects", type=Path, required=True, help="what goes no further, and why")
    parser.add_argument(
        "--max-reject-fraction", type=float, default=1.0, help="fail when faults pass this"
    )


def _add_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", type=Path, required=True, help="the corpus's directory")


def _add_shelf(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--books-dir", type=Path, required=True, help="the texts of the books")
    parser.add_argument("--book-meta", type=Path, help="{book id: {url, name}} as json")


def _add_jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--jobs", type=int, default=1, help="processes; results do not depend on it"
    )


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
