"""`aubert download NAME`: what a run on Libri-Light needs, from its publishers."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert import options
from aubert.download.artefacts import ARTEFACTS
from aubert.download.remote import RemoteOptions
from aubert.verbs import add_group, add_verb


def add_download(groups) -> None:
    verbs = add_group(groups, "download", "data from its publishers; goes on where it was stopped")
    for name, artefact in ARTEFACTS.items():
        verb = add_verb(verbs, name, artefact.about, _download)
        verb.set_defaults(name=name)
        verb.add_argument("--out", type=Path, default=Path("data"), help="where it goes")
        verb.add_argument(
            "--base-url", help=f"a mirror's, instead of {artefact.url.rsplit('/', 1)[0]}"
        )
        options.add_arguments(verb, RemoteOptions)
    _add_books(verbs)


def _add_books(verbs) -> None:
    verb = add_verb(
        verbs, "books", "the texts that recordings were read from, where they are free", _books
    )
    verb.add_argument("--out", type=Path, default=Path("data"), help="books/ and book_meta.json")
    source = verb.add_mutually_exclusive_group(required=True)
    source.add_argument("--root", type=Path, help="recordings, whose jsons name the texts")
    source.add_argument("--book-meta", type=Path, help="{book id: {url, name}}, as AuBERT's")
    verb.add_argument("--subsets", nargs="+", default=["small"], help="directories below the root")
    verb.add_argument("--folder", type=Path, help="texts that you have, <book id>.txt")
    verb.add_argument("--base-url", help="of a mirror that serves <file name> of every text")
    options.add_arguments(verb, RemoteOptions)


def _download(arguments: argparse.Namespace) -> str:
    from aubert.download.fetch import download

    return download(
        ARTEFACTS[arguments.name],
        arguments.out,
        arguments.base_url,
        options.from_arguments(arguments, RemoteOptions),
    )


def _books(arguments: argparse.Namespace) -> str:
    from aubert.download.book_texts import fetch_books, named_by_meta, named_by_recordings

    if arguments.root:
        books = named_by_recordings(arguments.root, arguments.subsets)
    else:
        books = named_by_meta(arguments.book_meta)
    return fetch_books(
        books,
        arguments.out,
        arguments.folder,
        arguments.base_url,
        options.from_arguments(arguments, RemoteOptions),
    )
