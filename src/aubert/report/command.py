"""`aubert report`: a page of a run."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from aubert.corpus.books import Bookshelf
from aubert.verbs import add_root, add_shelf, add_verb


def add_report(groups) -> None:
    text = "a page of a run: what came out, what was lost, words to listen to"
    verb = add_verb(groups, "report", text, _report)
    verb.add_argument("results", type=Path, help="<results_dir>/<name>")
    verb.add_argument("out", type=Path, help="the page: one .html that needs nothing else")
    verb.add_argument("--caption", type=Path, required=True, help="the text under the title")
    add_root(verb)
    add_shelf(verb)
    verb.add_argument(
        "--reference", type=Path, help="folder of true words and times, if there is one"
    )
    verb.add_argument("--config", type=json.loads, required=True, help="the run's, as json")


def _report(arguments: argparse.Namespace) -> str:
    from aubert.report.page import write_page
    from aubert.report.run import Run

    run = Run(
        results=arguments.results,
        root=arguments.root,
        shelf=Bookshelf(arguments.books_dir, arguments.book_meta, arguments.language),
        config=arguments.config,
        reference=arguments.reference,
    )
    return write_page(run, arguments.caption.read_text(encoding="utf-8"), arguments.out)
