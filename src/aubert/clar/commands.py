"""`aubert clar`: encoders of clips, from views, and what they are worth."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from aubert import options
from aubert.clar.options import (
    MIN_CLIP_SECONDS,
    ClarOptions,
    ClarTrainOptions,
    ReadOptions,
    ViewOptions,
)
from aubert.clar.splits import SplitOptions, Training
from aubert.corpus.clip_options import ClipOptions
from aubert.corpus.held_out import add_held_out, held_out_of
from aubert.learn.options import add_restart
from aubert.learn.torchrun import add_processes, start_processes
from aubert.verbs import add_group, add_verb, summed_up


def add_clar(groups) -> None:
    verbs = add_group(groups, "clar", "encoders of labelled clips, from views of them")

    train = add_verb(verbs, "train", "train an encoder on the training part of a fold", _train)
    train.add_argument("out", type=Path, help="the model directory that is written")
    train.add_argument("--init", type=Path, help="an encoder's directory, with --encoder hubert")
    _add_clips(train)
    add_processes(train)
    add_restart(train)
    for kind in (Training, SplitOptions, ClarOptions, ViewOptions, ClarTrainOptions):
        options.add_arguments(train, kind)

    evaluate = add_verb(
        verbs, "evaluate", "accuracies on the groups (speakers) that were left out", _evaluate
    )
    evaluate.add_argument("out", type=Path, help="the json of figures")
    evaluate.add_argument("models", type=Path, nargs="+", help="what `clar train` wrote")
    evaluate.add_argument(
        "--budgets", type=float, nargs="+", default=[1, 10, 100], help="percent of the labels"
    )
    _add_clips(evaluate)
    options.add_arguments(evaluate, SplitOptions)
    options.add_arguments(evaluate, ReadOptions)

    embed = add_verb(verbs, "embed", "vectors of audio files by a trained encoder", _embed)
    embed.add_argument(
        "audio", type=Path, nargs="+", help="audio files, and folders that hold some at any depth"
    )
    embed.add_argument("--model", type=Path, required=True, help="what `clar train` wrote")
    embed.add_argument(
        "-o", "--out", type=Path, required=True, help="where embeddings.npy and names.txt go"
    )
    embed.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def _add_clips(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", type=Path, help="<results_dir>/<name>, for a corpus's clips")
    parser.add_argument("--root", type=Path, help="the corpus's directory; needed with --results")
    parser.add_argument(
        "--reference", type=Path, help="folder of true words and times, for source reference"
    )
    parser.add_argument("--path", type=Path, help="of the folder or the table, for these sources")
    add_held_out(parser)
    options.add_arguments(parser, ClipOptions)


def _clips(arguments: argparse.Namespace):
    """The clips that can be used; what is left out is printed."""
    from aubert.corpus.clip_options import read_clips
    from aubert.corpus.clips import are_grouped, usable

    paths = (arguments.path, arguments.results, arguments.root, arguments.reference)
    wanted = options.from_arguments(arguments, ClipOptions)
    clips = read_clips(wanted, *paths, held_out=held_out_of(arguments))
    kept, left_out = usable(clips, MIN_CLIP_SECONDS)
    for each in left_out:
        print(f"left out {each.id}: {each.reason}: {each.detail}", file=sys.stderr)
    if not are_grouped(kept):
        print(
            "clips: which are of one speaker is not known, so a test speaker may be in training: "
            "accuracies are not speaker-independent; give --group-column or --group-pattern",
            file=sys.stderr,
        )
    return kept


def _train(arguments: argparse.Namespace) -> str:
    start_processes(arguments)
    from aubert.clar.task import train_arm

    return train_arm(
        arguments.out,
        _clips(arguments),
        options.from_arguments(arguments, Training),
        options.from_arguments(arguments, SplitOptions),
        options.from_arguments(arguments, ClarOptions),
        options.from_arguments(arguments, ViewOptions),
        options.from_arguments(arguments, ClarTrainOptions),
        arguments.init,
        restart=arguments.restart,
    )


def _evaluate(arguments: argparse.Namespace) -> str:
    from aubert.clar.evaluation import evaluate_clar, table
    from aubert.evaluate.metrics import write_metrics

    figures = evaluate_clar(
        arguments.models,
        _clips(arguments),
        arguments.budgets,
        options.from_arguments(arguments, SplitOptions),
        options.from_arguments(arguments, ReadOptions),
    )
    write_metrics(arguments.out, figures)
    return table(figures)


def _embed(arguments: argparse.Namespace) -> str:
    import numpy as np
    import torch

    from aubert.clar.embed import embed_files
    from aubert.clar.network import ClarModel
    from aubert.corpus.audio_files import find_audio
    from aubert.files import complete, write_bytes
    from aubert.stage import Reject

    found, model = find_audio(arguments.audio), ClarModel.load(arguments.model)
    device = arguments.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    rows = list(embed_files(model, found.paths, device))
    failures = [row for row in rows if isinstance(row, Reject)]
    done = [row for row in rows if not isinstance(row, Reject)]
    if done:
        with complete(arguments.out / "embeddings.npy") as part, part.open("wb") as file:
            np.save(file, np.stack([vector for _, vector in done]))
        names = "".join(f"{name}\n" for name, _ in done)
        write_bytes(arguments.out / "names.txt", names.encode())
    summary = f"embed: {len(done)} files in {arguments.out}, {len(failures)} failed{found.note}"
    return summed_up(summary, failures)
