"""`aubert aubert`: AuBERT's stages; `aubert score` and `aubert embed` for a trained model."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert import options
from aubert.corpus.books import Bookshelf
from aubert.corpus.held_out import add_held_out, held_out_of
from aubert.crossmodal.options import (
    AubertEvaluateOptions,
    AubertOptions,
    AubertTrainOptions,
    SmallBertOptions,
)
from aubert.crossmodal.pairs_command import add_pairs
from aubert.learn.options import add_restart
from aubert.learn.torchrun import add_processes, start_processes
from aubert.verbs import add_group, add_root, add_shelf, add_verb


def add_aubert(groups) -> None:
    verbs = add_group(groups, "aubert", "text and audio encoders of words in their contexts")

    add_pairs(verbs)

    text = add_verb(verbs, "text", "write a small BERT with the books' vocabulary", _text)
    text.add_argument("out", type=Path, help="the model directory that is written")
    add_shelf(text)
    add_held_out(text)
    options.add_arguments(text, SmallBertOptions)

    train = add_verb(verbs, "train", "contrast the pairs of text and audio", _train)
    train.add_argument("results", type=Path, help="<results_dir>/<name>")
    train.add_argument("out", type=Path, help="the model directory that is written")
    _add_encoders(train)
    add_root(train)
    add_shelf(train)
    add_processes(train)
    add_restart(train)
    options.add_arguments(train, AubertOptions)
    options.add_arguments(train, AubertTrainOptions)

    evaluate = add_verb(verbs, "evaluate", "what is retrieved of held-out pairs", _evaluate)
    evaluate.add_argument("results", type=Path, help="<results_dir>/<name>")
    evaluate.add_argument("model", type=Path, help="a trained model's directory")
    evaluate.add_argument("out", type=Path, help="the json of figures")
    evaluate.add_argument("pictures", type=Path, help="the json of what `draw` draws")
    evaluate.add_argument("--key", default="aubert", help="what the figures' keys begin with")
    _add_encoders(evaluate)
    add_root(evaluate)
    add_shelf(evaluate)
    options.add_arguments(evaluate, AubertEvaluateOptions)

    draw = add_verb(verbs, "draw", "pictures of a token's similarities and utterances", _draw)
    draw.add_argument("pictures", type=Path, help="the json that `evaluate` wrote")
    for name in ("similarity", "map"):
        draw.add_argument(
            f"--{name}", type=Path, nargs="+", required=True, help="files; the suffix is the kind"
        )


def _add_encoders(verb: argparse.ArgumentParser) -> None:
    for name in ("text", "audio"):
        verb.add_argument(
            f"--{name}",
            required=True,
            help="the encoder, untrained: a directory or a Hugging Face id",
        )


def _text(arguments: argparse.Namespace) -> str:
    from aubert.crossmodal.small_bert import save_small_bert

    shelf = Bookshelf(arguments.books_dir, arguments.book_meta, arguments.language)
    held_out = held_out_of(arguments)
    texts = [shelf.text(book_id) for book_id in shelf if not held_out.has_book(book_id)]
    bert = options.from_arguments(arguments, SmallBertOptions)
    tokenizer = save_small_bert(arguments.out, texts, bert)
    return f"aubert: a BERT of {len(tokenizer)} tokens from {len(texts)} books in {arguments.out}"


def _train(arguments: argparse.Namespace) -> str:
    start_processes(arguments)
    from aubert.crossmodal.task import train_aubert

    return train_aubert(
        arguments.out,
        arguments.results,
        arguments.root,
        Bookshelf(arguments.books_dir, arguments.book_meta, arguments.language),
        (arguments.text, arguments.audio),
        options.from_arguments(arguments, AubertOptions),
        options.from_arguments(arguments, AubertTrainOptions),
        restart=arguments.restart,
    )


def _evaluate(arguments: argparse.Namespace) -> str:
    from aubert.crossmodal.evaluation_stage import evaluate_aubert
    from aubert.evaluate.metrics import write_metrics
    from aubert.files import write_json

    figures, pictures = evaluate_aubert(
        arguments.results,
        arguments.model,
        (arguments.text, arguments.audio),
        arguments.root,
        Bookshelf(arguments.books_dir, arguments.book_meta, arguments.language),
        arguments.key,
        options.from_arguments(arguments, AubertEvaluateOptions),
    )
    write_json(arguments.pictures, pictures)
    write_metrics(arguments.out, figures)
    found = [
        f"{name} {figures[f'{arguments.key}.{name}'].value:.3f}"
        for name in ("retrieval_top1", "same_token_top1")
        if figures.get(f"{arguments.key}.{name}")
    ]
    return f"aubert: {', '.join(found) or 'nothing is held out'}"


def _draw(arguments: argparse.Namespace) -> str:
    import json

    from aubert.crossmodal.draw import draw_map, draw_similarity

    pictures = json.loads(arguments.pictures.read_text(encoding="utf-8"))
    draw_similarity(pictures["similarity"], arguments.similarity)
    draw_map(pictures["map"], arguments.map)
    return f"aubert: {len(arguments.similarity) + len(arguments.map)} pictures"
