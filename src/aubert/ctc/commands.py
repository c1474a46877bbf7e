"""`aubert ctc`: fine-tuning for CTC, and what comes of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from aubert import options
from aubert.corpus.held_out import add_held_out, held_out_of
from aubert.ctc.alphabet import LETTERS
from aubert.ctc.options import CtcTrainOptions
from aubert.learn.options import add_restart
from aubert.learn.torchrun import add_processes, start_processes
from aubert.transcribe.decode import DecodeOptions
from aubert.verbs import add_group, add_language, add_verb, named_path


def add_ctc(groups) -> None:
    verbs = add_group(groups, "ctc", "from a HuBERT to a recogniser of letters")

    train = add_verb(verbs, "train", "fine-tune an encoder on labelled speech", _train)
    train.add_argument("out", type=Path, help="the model directory that is written")
    train.add_argument(
        "--init", required=True, help="the encoder: a model directory or a Hugging Face id"
    )
    train.add_argument(
        "--labelled",
        type=Path,
        nargs="+",
        required=True,
        metavar="DIR",
        help="folders in the layout of LibriSpeech, MLS, Kaldi or lhotse",
    )
    train.add_argument(
        "--vocabulary",
        default=LETTERS,
        metavar="letters|transcripts|FILE",
        help="the letters that are learned: of the language's pack, of the transcripts, or of a "
        "vocab.json or a file with a letter on each line",
    )
    add_language(train)
    add_held_out(train)
    add_processes(train)
    add_restart(train)
    options.add_arguments(train, CtcTrainOptions)

    evaluate = add_verb(verbs, "evaluate", "error rates of a CTC checkpoint", _evaluate)
    evaluate.add_argument("out", type=Path, help="the json of figures")
    evaluate.add_argument("--key", default="ctc", help="what the figures' keys begin with")
    evaluate.add_argument(
        "--folder",
        type=named_path,
        action="append",
        required=True,
        metavar="NAME=DIR",
        help="a labelled folder; the figures of the one called seen have no name in their key",
    )
    evaluate.add_argument(
        "--books-dir", type=Path, help="books for a language model; no effect with --lm-path"
    )
    evaluate.add_argument("--book-meta", type=Path, help="{book id: {url, name}} as json")
    add_language(evaluate)
    add_held_out(evaluate)
    options.add_arguments(evaluate, DecodeOptions)


def _train(arguments: argparse.Namespace) -> str:
    start_processes(arguments)
    from aubert.ctc.task import train_ctc

    summary, left_out = train_ctc(
        arguments.out,
        arguments.init,
        arguments.labelled,
        options.from_arguments(arguments, CtcTrainOptions),
        language=arguments.language,
        vocabulary=arguments.vocabulary,
        held_out=held_out_of(arguments),
        restart=arguments.restart,
    )
    for each in left_out:
        print(f"left out {each.utterance_id}: {each.reason}: {each.detail}", file=sys.stderr)
    return summary


def _evaluate(arguments: argparse.Namespace) -> str:
    from aubert.corpus.books import Bookshelf
    from aubert.ctc.evaluation import evaluate_ctc
    from aubert.evaluate.metrics import write_metrics

    shelf = None
    if arguments.books_dir is not None:
        shelf = Bookshelf(arguments.books_dir, arguments.book_meta, arguments.language)
    decode = options.from_arguments(arguments, DecodeOptions)
    figures = evaluate_ctc(
        dict(arguments.folder), decode, shelf, arguments.language, held_out_of(arguments)
    )
    write_metrics(arguments.out, {f"{arguments.key}.{name}": f for name, f in figures.items()})
    rates = ", ".join(f"{name} {figure.value:.3f}" for name, figure in sorted(figures.items()))
    return f"ctc: {rates}"
