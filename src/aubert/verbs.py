"""What the groups of commands share: how verbs and their usual arguments are added, and how a
stage's command reads its tables and runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from aubert import stage, tables


def add_group(groups, name: str, text: str):
    """The verbs of a new group."""
    group = groups.add_parser(name, help=text, description=text)
    verbs = group.add_subparsers(required=True, metavar="VERB")
    group.set_defaults(verbs=verbs)  # for the map of all groups
    return verbs


def add_verb(verbs, name: str, text: str, run: Callable) -> argparse.ArgumentParser:
    parser = verbs.add_parser(
        name,
        help=text,
        description=text,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.set_defaults(run=run)
    # Behind the verb too, where one who runs a command again would add it.
    parser.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )
    return parser


def add_inputs(parser: argparse.ArgumentParser, *names: str) -> None:
    for name in names:
        parser.add_argument(name, type=Path, help=f"the shard's table {name}")


def add_outputs(parser: argparse.ArgumentParser, table: str) -> None:
    parser.add_argument("out", type=Path, help=f"the table {table} that is written")
    add_rejects(parser)


def add_rejects(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rejects", type=Path, required=True, help="what goes no further, and why")
    parser.add_argument(
        "--max-reject-fraction", type=float, default=1.0, help="fail when faults pass this"
    )


def add_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", type=Path, required=True, help="the corpus's directory")


def add_shelf(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--books-dir", type=Path, required=True, help="the texts of the books")
    parser.add_argument("--book-meta", type=Path, help="{book id: {url, name}} as json")
    add_language(parser)


def add_language(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--language", default="en", help="BCP 47, of what does not say its own language"
    )


def add_jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--jobs", type=int, default=1, help="processes; results do not depend on it"
    )


def named_path(text: str) -> tuple[str, Path]:
    """The type of an argument NAME=PATH."""
    name, separator, path = text.partition("=")
    if not (name and separator and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PATH")
    return name, Path(path)


def rows_of(arguments: argparse.Namespace, table: str) -> list[dict]:
    """The rows of one of `add_inputs`' tables."""
    return list(tables.rows(getattr(arguments, table), table))


def summed_up(summary: str, failures: Sequence[stage.Reject]) -> str:
    """The summary line of a command over files. Prints it and raises ValueError, which names the
    files, where some failed: the others are done."""
    if not failures:
        return summary
    if summary:
        print(summary)
    lines = [f"{one.id}: {one.reason}: {one.detail}" for one in failures]
    raise ValueError("\n  ".join(["these files are left out:", *lines]))


def run_stage(
    arguments: argparse.Namespace,
    name: str,
    table: str,
    results: Iterable[dict | stage.Reject],
    ids: list[str],
    id_column: str,
) -> str:
    """`stage.run` with the files of `add_outputs`."""
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
