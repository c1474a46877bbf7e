"""What the groups of commands share: how verbs and their usual arguments are added."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path


def add_group(groups, name: str, text: str):
    return groups.add_parser(name, help=text, description=text).add_subparsers(
        required=True, metavar="VERB"
    )


def add_verb(verbs, name: str, text: str, run: Callable) -> argparse.ArgumentParser:
    parser = verbs.add_parser(
        name,
        help=text,
        description=text,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.set_defaults(run=run)
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
