"""`aubert separation`: from voices to a network that takes mixtures apart; `aubert separate`."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert import options
from aubert.corpus.held_out import add_held_out, held_out_of
from aubert.learn.options import add_restart
from aubert.learn.torchrun import add_processes, start_processes
from aubert.separation.options import (
    DeepClusteringOptions,
    ListOptions,
    SeparateOptions,
    SeparationTrainOptions,
)
from aubert.verbs import add_group, add_verb, named_path


def add_separation(groups) -> None:
    verbs = add_group(groups, "separation", "from voices to a network that takes mixtures apart")

    mix = add_verb(verbs, "mix", "the list of mixtures that figures are measured on", _mix)
    mix.add_argument("out", type=Path, help="the json that is written; no audio is")
    mix.add_argument("--audio", type=Path, help="a folder for mixtures and sources, as audio too")
    _add_voices(mix)
    options.add_arguments(mix, ListOptions)

    train = add_verb(verbs, "train", "deep clustering, on mixtures made as it goes", _train)
    train.add_argument("out", type=Path, help="the model directory that is written")
    _add_list(train, "what is tested on; nothing of it is learned from")
    _add_voices(train)
    add_processes(train)
    add_restart(train)
    options.add_arguments(train, DeepClusteringOptions)
    options.add_arguments(train, SeparationTrainOptions)

    evaluate = add_verb(verbs, "evaluate", "SI-SDR improvement, beside random and ideal", _evaluate)
    evaluate.add_argument("out", type=Path, help="the json of figures")
    evaluate.add_argument("--model", type=Path, required=True, help="the model directory")
    _add_list(evaluate, "the mixtures that are taken apart")
    options.add_arguments(evaluate, SeparateOptions)


def add_separate(groups) -> None:
    verb = add_verb(groups, "separate", "a mixture of voices in, each voice out", _separate)
    verb.add_argument("mixture", type=Path, help="an audio file")
    verb.add_argument("out", type=Path, help="where <file name>_1.wav and so on go")
    verb.add_argument("--model", type=Path, required=True, help="the model directory")
    options.add_arguments(verb, SeparateOptions)


def _add_voices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", type=Path, help="<results_dir>/<name>, for its utterances")
    parser.add_argument("--root", type=Path, help="the corpus's directory; needed with --results")
    parser.add_argument(
        "--folder",
        type=named_path,
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="a sub-folder of audio for each speaker; may be given repeatedly",
    )
    add_held_out(parser)


def _add_list(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--mixtures", type=Path, required=True, help=f"the list: {text}")


def _clips(arguments: argparse.Namespace) -> list:
    from aubert.separation.voices import find_clips

    if (arguments.results is None) != (arguments.root is None):
        raise ValueError("give --results and --root, the corpus's directory, together")
    held_out = held_out_of(arguments)
    return find_clips(arguments.results, arguments.root, dict(arguments.folder), held_out)


def _mix(arguments: argparse.Namespace) -> str:
    from aubert.separation.mixtures import draw_list, write_audio

    drawn = draw_list(_clips(arguments), options.from_arguments(arguments, ListOptions))
    if arguments.audio is not None:
        write_audio(drawn.mixtures, arguments.audio)
    drawn.save(arguments.out)
    return (
        f"mix: {len(drawn.mixtures)} mixtures; kept from training: "
        f"{len(drawn.unseen_speakers)} speakers, and {len(drawn.held_out_clips)} clips of others"
    )


def _train(arguments: argparse.Namespace) -> str:
    start_processes(arguments)
    from aubert.separation.mixtures import MixtureList
    from aubert.separation.task import train_separation

    return train_separation(
        arguments.out,
        _clips(arguments),
        MixtureList.load(arguments.mixtures),
        options.from_arguments(arguments, DeepClusteringOptions),
        options.from_arguments(arguments, SeparationTrainOptions),
        restart=arguments.restart,
    )


def _evaluate(arguments: argparse.Namespace) -> str:
    from aubert.evaluate.metrics import write_metrics
    from aubert.separation.evaluation import figures, outcomes
    from aubert.separation.mixtures import MixtureList

    mixtures = MixtureList.load(arguments.mixtures).mixtures
    found = outcomes(mixtures, arguments.model, options.from_arguments(arguments, SeparateOptions))
    measured = {f"separation.{name}": figure for name, figure in figures(found).items()}
    write_metrics(arguments.out, measured)
    return "separation: " + ", ".join(
        f"{name.removeprefix('separation.')} {figure.value:.2f}"
        for name, figure in measured.items()
        if figure and name.count(".") == 1
    )


def _separate(arguments: argparse.Namespace) -> str:
    from aubert.separation.separate import separate_file

    return separate_file(
        arguments.mixture,
        arguments.out,
        arguments.model,
        options.from_arguments(arguments, SeparateOptions),
    )
