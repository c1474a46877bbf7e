"""`aubert evaluate abx`: how well layers tell one phone from another."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert import options
from aubert.corpus.held_out import add_held_out, held_out_of
from aubert.encoders.network import NetworkOptions
from aubert.evaluate.units_commands import add_reference
from aubert.verbs import add_root, add_verb


def add_abx(verbs) -> None:
    from aubert.evaluate.abx_corpus import AbxOptions

    abx = add_verb(verbs, "abx", "how well each layer tells phones apart (ABX)", _abx)
    abx.add_argument("results", type=Path, help="<results_dir>/<name>")
    abx.add_argument("out", type=Path, help="the json of figures")
    abx.add_argument("--encoder", help="a directory or a Hugging Face id; none: MFCC alone")
    abx.add_argument("--labels", type=Path, help="a directory with a label set of each shard")
    add_reference(abx)
    add_root(abx)
    add_held_out(abx)
    options.add_arguments(abx, AbxOptions)
    options.add_arguments(abx, NetworkOptions)


def _abx(arguments: argparse.Namespace) -> str:
    from aubert.evaluate.abx import MODES
    from aubert.evaluate.abx_corpus import AbxOptions, abx
    from aubert.evaluate.metrics import write_metrics
    from aubert.units.encoder_features import Encoder, EncoderOptions
    from aubert.units.labels import Labels

    how = options.from_arguments(arguments, NetworkOptions)
    network, labels = None, None
    if arguments.encoder is not None:
        network = Encoder.load(arguments.encoder, EncoderOptions(layer=None, **vars(how)))
    if arguments.labels is not None:
        labels = Labels.below("units", arguments.labels)
    figures = abx(
        arguments.results,
        arguments.root,
        arguments.reference,
        options.from_arguments(arguments, AbxOptions),
        encoder=network,
        labels=labels,
        held_out=held_out_of(arguments),
    )
    write_metrics(arguments.out, figures)
    return "abx: " + "; ".join(_summary(figures, mode) for mode in MODES)


def _summary(figures: dict, mode: str) -> str:
    parts = {tuple(key.split(".")): figure for key, figure in figures.items()}
    rates = [f"{key[1]} {one.value:.3f}" for key, one in parts.items() if key[2:] == (mode,)]
    return f"{mode} speakers {', '.join(rates) or 'nothing can be compared'}"
