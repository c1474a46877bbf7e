"""`aubert hubert`: untrained encoders, and encoders that learned to predict units."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert import options
from aubert.hubert.options import HubertOptions
from aubert.learn.options import TrainOptions
from aubert.learn.torchrun import add_processes, start_processes
from aubert.verbs import add_group, add_root, add_verb, named_path


def add_hubert(groups) -> None:
    verbs = add_group(groups, "hubert", "encoders that predict hidden units")

    init = add_verb(verbs, "init", "write an encoder of untrained weights", _init)
    init.add_argument("out", type=Path, help="the model directory that is written")
    init.add_argument("--seed", type=int, default=0, help="of the weights")
    options.add_arguments(init, HubertOptions)

    train = add_verb(verbs, "train", "train an encoder to predict label sets", _train)
    train.add_argument("results", type=Path, help="<results_dir>/<name>")
    train.add_argument("out", type=Path, help="the model directory that is written")
    train.add_argument(
        "--labels",
        type=named_path,
        action="append",
        required=True,
        metavar="NAME=DIR",
        help="a label set: a directory with a label set of each shard; may be given repeatedly",
    )
    add_root(train)
    add_processes(train)
    options.add_arguments(train, HubertOptions)
    options.add_arguments(train, TrainOptions)

    bring = add_verb(verbs, "import", "torchaudio's or fairseq's weights as a model", _import)
    bring.add_argument("weights", type=Path, help="a state dict as .safetensors; no pickles")
    bring.add_argument("out", type=Path, help="the model directory that is written")
    bring.add_argument(
        "--num-heads", type=int, help="of attention; none: as published models of this width"
    )


def _init(arguments: argparse.Namespace) -> str:
    from aubert.hubert.task import init_hubert

    model = options.from_arguments(arguments, HubertOptions)
    return init_hubert(arguments.out, model, arguments.seed)


def _train(arguments: argparse.Namespace) -> str:
    start_processes(arguments)
    from aubert.hubert.task import train_hubert
    from aubert.units.labels import Labels

    return train_hubert(
        arguments.out,
        arguments.results,
        arguments.root,
        [Labels.below(name, directory) for name, directory in arguments.labels],
        options.from_arguments(arguments, HubertOptions),
        options.from_arguments(arguments, TrainOptions),
    )


def _import(arguments: argparse.Namespace) -> str:
    from aubert.hubert.convert import import_weights

    return import_weights(arguments.weights, arguments.out, arguments.num_heads)
