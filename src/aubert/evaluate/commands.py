"""`aubert evaluate`: figures of a run."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert.corpus.books import Bookshelf
from aubert.corpus.held_out import add_held_out, held_out_of
from aubert.evaluate.abx_command import add_abx
from aubert.evaluate.probe_command import add_probe_of_run
from aubert.evaluate.units_commands import add_unit_quality
from aubert.verbs import add_group, add_shelf, add_verb


def add_evaluate(groups) -> None:
    verbs = add_group(groups, "evaluate", "the figures of a run")
    add_probe_of_run(verbs)
    add_unit_quality(verbs)
    add_abx(verbs)

    shard = add_verb(verbs, "shard", "what the figures are made of, of one shard", _shard)
    shard.add_argument("results", type=Path, help="<results_dir>/<name>")
    shard.add_argument("shard", help="its name, as of its tables")
    shard.add_argument("out", type=Path, help="the json that `evaluate dataset` reads")
    shard.add_argument(
        "--reference",
        type=Path,
        help="folder of true words and times; none: figures that need it are left out",
    )
    add_shelf(shard)
    add_held_out(shard)

    dataset = add_verb(verbs, "dataset", "figures of the word-aligned corpus", _dataset)
    dataset.add_argument("results", type=Path, help="<results_dir>/<name>")
    dataset.add_argument("out", type=Path, help="the json of figures")
    dataset.add_argument(
        "--shards", type=Path, nargs="+", required=True, help="what `evaluate shard` wrote of each"
    )
    dataset.add_argument(
        "--figures", type=Path, nargs="*", default=[], help="of other stages; they are added"
    )
    dataset.add_argument(
        "--stages", nargs="*", default=[], help="more of them, whose rejects are counted"
    )

    show = add_verb(verbs, "show", "print the figures of a run as a table", _show)
    show.add_argument("metrics", type=Path, help="<results_dir>/<name>/metrics.json")
    show.add_argument("--all", action="store_true", help="also figures that explain others")


def _shard(arguments: argparse.Namespace) -> str:
    import json

    from aubert.evaluate.dataset import measure_shard
    from aubert.files import write_bytes

    shelf = Bookshelf(arguments.books_dir, arguments.book_meta, arguments.language)
    held_out = held_out_of(arguments)
    where = (arguments.results, arguments.shard)
    found = measure_shard(*where, shelf, arguments.reference, held_out)
    write_bytes(arguments.out, json.dumps(found).encode())
    return f"figures: {found['sums']['words.rows']} words of shard {arguments.shard}"


def _dataset(arguments: argparse.Namespace) -> str:
    import json

    from aubert.evaluate.dataset import merge_shards
    from aubert.evaluate.metrics import read_metrics, write_metrics

    shards = (json.loads(path.read_text(encoding="utf-8")) for path in arguments.shards)
    figures = merge_shards(shards, arguments.results, arguments.stages)
    for path in arguments.figures:
        figures |= read_metrics(path)
    write_metrics(arguments.out, figures)
    return f"metrics: {len(figures)} figures in {arguments.out}"


def _show(arguments: argparse.Namespace) -> str:
    from aubert.evaluate.metrics import metrics_table, read_metrics

    return metrics_table(read_metrics(arguments.metrics), arguments.all)
