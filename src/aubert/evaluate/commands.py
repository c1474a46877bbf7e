"""`aubert evaluate`: figures of a run."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert.corpus.books import Bookshelf
from aubert.evaluate.probe_command import add_probe_of_run
from aubert.evaluate.units_commands import add_unit_quality
from aubert.verbs import add_group, add_shelf, add_verb


def add_evaluate(groups) -> None:
    verbs = add_group(groups, "evaluate", "the figures of a run")
    add_probe_of_run(verbs)
    add_unit_quality(verbs)

    dataset = add_verb(verbs, "dataset", "figures of the word-aligned corpus", _dataset)
    dataset.add_argument("results", type=Path, help="<results_dir>/<name>")
    dataset.add_argument("out", type=Path, help="the json of figures")
    dataset.add_argument(
        "--reference",
        type=Path,
        help="folder of true words and times; none: figures that need it are left out",
    )
    dataset.add_argument(
        "--figures", type=Path, nargs="*", default=[], help="of other stages; they are added"
    )
    dataset.add_argument(
        "--stages", nargs="*", default=[], help="more of them, whose rejects are counted"
    )
    add_shelf(dataset)

    show = add_verb(verbs, "show", "print the figures of a run as a table", _show)
    show.add_argument("metrics", type=Path, help="<results_dir>/<name>/metrics.json")
    show.add_argument("--all", action="store_true", help="also figures that explain others")


def _dataset(arguments: argparse.Namespace) -> str:
    from aubert.evaluate.dataset import evaluate_dataset
    from aubert.evaluate.metrics import read_metrics, write_metrics

    figures = evaluate_dataset(
        arguments.results,
        Bookshelf(arguments.books_dir, arguments.book_meta, arguments.language),
        arguments.reference,
        arguments.stages,
    )
    for path in arguments.figures:
        figures |= read_metrics(path)
    write_metrics(arguments.out, figures)
    return f"metrics: {len(figures)} figures in {arguments.out}"


def _show(arguments: argparse.Namespace) -> str:
    from aubert.evaluate.metrics import metrics_table, read_metrics

    return metrics_table(read_metrics(arguments.metrics), arguments.all)
