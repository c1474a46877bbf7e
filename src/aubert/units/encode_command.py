"""`aubert encode`: representations for people who want nothing else."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert import options
from aubert.encoders.network import NetworkOptions
from aubert.verbs import add_verb, summed_up


def add_encode(groups) -> None:
    verb = add_verb(groups, "encode", "audio in, features of an encoder's layers out", _encode)
    verb.add_argument(
        "audio", type=Path, nargs="+", help="audio files, and folders that hold some at any depth"
    )
    verb.add_argument("--model", required=True, help="a directory or a Hugging Face id")
    verb.add_argument(
        "--layer",
        type=layer,
        required=True,
        metavar="L|all",
        help="1 is the first transformer layer, 0 its input; all gives arrays of [layers + 1, "
        "frames, hidden size], and needs memory for that many of the longest file",
    )
    verb.add_argument(
        "-o", "--out", type=Path, required=True, help="where <file name>.npy and .json go"
    )
    options.add_arguments(verb, NetworkOptions)


def layer(text: str) -> int | None:
    return None if text == "all" else int(text)


def _encode(arguments: argparse.Namespace) -> str:
    from aubert.units.encode import encode
    from aubert.units.encoder_features import Encoder, EncoderOptions

    encoder = Encoder.load(arguments.model, options.from_arguments(arguments, EncoderOptions))
    done = encode(arguments.audio, encoder, arguments.out)
    return summed_up(str(done), done.failures)
