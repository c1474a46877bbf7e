"""`aubert kmeans`: the verbs of fairseq's simple_kmeans, with its positional arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from aubert import options
from aubert.encoders.network import NetworkOptions
from aubert.units.kmeans import FAIRSEQ_SETTINGS, KMeansOptions
from aubert.verbs import add_group, add_verb

_ARGUMENTS: dict[str, tuple[type, str]] = {
    "tsv_dir": (Path, "where <split>.tsv is: its root, then <path>\\t<samples>"),
    "split": (str, "name of the split: train"),
    "ckpt_path": (str, "a directory or a Hugging Face id"),
    "layer": (int, "1 is the first transformer layer, 0 its input"),
    "nshard": (int, "how many shards there are"),
    "rank": (int, "which of them, from 0"),
    "feat_dir": (Path, "where <split>_<rank>_<nshard>.npy and .len are"),
    "km_path": (Path, "the codebook: .npy and .json beside fairseq's joblib file"),
    "n_clusters": (int, "units of the codebook"),
    "lab_dir": (Path, "where <split>_<rank>_<nshard>.km and dict.km.txt are"),
}


def add_kmeans(groups) -> None:
    text = "features, codebook and labels in the files of fairseq's simple_kmeans"
    verbs = add_group(groups, "kmeans", text)
    shard = "nshard rank feat_dir"
    mfcc = _verb(verbs, "dump-mfcc", "39-d MFCC of a shard", _dump_mfcc, f"tsv_dir split {shard}")
    mfcc.add_argument(
        "--normalise-mean",
        action="store_true",
        help="take each utterance's mean out; fairseq does not",
    )
    features = _verb(
        verbs,
        "dump-features",
        "features of an encoder's layer of a shard",
        _dump_features,
        f"tsv_dir split ckpt_path layer {shard}",
    )
    options.add_arguments(features, NetworkOptions)
    learn = _verb(
        verbs,
        "learn",
        "learn a codebook from all shards",
        _learn,
        "feat_dir split nshard km_path n_clusters",
    )
    learn.add_argument(
        "--percent",
        type=float,
        default=-1,
        help="share of each shard's utterances, 0 to 1, those that learn_kmeans.py draws; -1: all",
    )
    options.add_arguments(learn, KMeansOptions)
    text = "these, or --method sklearn, fit as it does: all frames in memory, the same centroids"
    theirs = learn.add_argument_group("learn_kmeans.py's options", text)
    for name, default in FAIRSEQ_SETTINGS.items():
        if name != "compute_labels":
            theirs.add_argument(
                f"--{name}", type=type(default), default=argparse.SUPPRESS, help=f"there {default}"
            )
    _verb(
        verbs,
        "dump-label",
        "label a shard with a codebook",
        _dump_label,
        "feat_dir split km_path nshard rank lab_dir",
    )


def _dump_mfcc(arguments: argparse.Namespace) -> str:
    from aubert.units.simple_kmeans import dump_mfcc

    return dump_mfcc(
        arguments.tsv_dir,
        arguments.split,
        arguments.nshard,
        arguments.rank,
        arguments.feat_dir,
        arguments.normalise_mean,
    )


def _dump_features(arguments: argparse.Namespace) -> str:
    from aubert.units.encoder_features import Encoder, EncoderOptions
    from aubert.units.simple_kmeans import dump_features

    encoder_options = options.from_arguments(arguments, EncoderOptions)
    return dump_features(
        arguments.tsv_dir,
        arguments.split,
        Encoder.load(arguments.ckpt_path, encoder_options),
        arguments.nshard,
        arguments.rank,
        arguments.feat_dir,
    )


def _learn(arguments: argparse.Namespace) -> str:
    from aubert.units.simple_kmeans import learn

    return learn(
        arguments.feat_dir,
        arguments.split,
        arguments.nshard,
        arguments.km_path,
        arguments.n_clusters,
        options.from_arguments(arguments, KMeansOptions),
        arguments.percent,
        {name: value for name, value in vars(arguments).items() if name in FAIRSEQ_SETTINGS},
    )


def _dump_label(arguments: argparse.Namespace) -> str:
    from aubert.units.simple_kmeans import dump_label

    return dump_label(
        arguments.feat_dir,
        arguments.split,
        arguments.km_path,
        arguments.nshard,
        arguments.rank,
        arguments.lab_dir,
    )


def _verb(verbs, name: str, text: str, run: Callable, positional: str) -> argparse.ArgumentParser:
    parser = add_verb(verbs, name, text, run)
    for argument in positional.split():
        kind, describes = _ARGUMENTS[argument]
        parser.add_argument(argument, type=kind, help=describes)
    return parser
