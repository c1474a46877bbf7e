"""`aubert units`: codebooks and labels of a corpus."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert import options
from aubert.encoders.network import NetworkOptions
from aubert.options import options_class
from aubert.units.features import FeatureOptions
from aubert.units.kmeans import KMeansOptions
from aubert.verbs import add_group, add_inputs, add_rejects, add_root, add_verb


# Both have the flag --device.
@options_class
class _LearnOptions(KMeansOptions, FeatureOptions):
    """See there."""


def add_units(groups) -> None:
    verbs = add_group(groups, "units", "from utterances to discrete units")

    learn = add_verb(verbs, "learn", "learn a codebook from all shards", _learn)
    learn.add_argument("results", type=Path, help="<results_dir>/<name>")
    learn.add_argument("out", type=Path, help="the codebook: <out>.npy and <out>.json")
    learn.add_argument("--num-clusters", type=int, required=True, help="units of the codebook")
    add_root(learn)
    options.add_arguments(learn, _LearnOptions)

    label = add_verb(verbs, "label", "label a shard with a codebook", _label)
    add_inputs(label, "recordings", "utterances")
    label.add_argument("out", type=Path, help="the label set: a directory")
    add_rejects(label)
    label.add_argument("--codebook", type=Path, required=True, help="as it was given to learn")
    label.add_argument("--encoder", help="the encoder that the codebook was learned from, if any")
    label.add_argument("--stage", default="units", help="what the table of rejects calls this")
    add_root(label)
    options.add_arguments(label, NetworkOptions)


def _learn(arguments: argparse.Namespace) -> str:
    from aubert.units.corpus import learn
    from aubert.units.features import extractor_of

    chosen = options.from_arguments(arguments, FeatureOptions)
    return learn(
        arguments.results,
        arguments.out,
        arguments.root,
        extractor_of(chosen),
        chosen.columns,
        arguments.num_clusters,
        options.from_arguments(arguments, KMeansOptions),
    )


def _label(arguments: argparse.Namespace) -> str:
    from aubert.units.codebook import Codebook
    from aubert.units.corpus import label_shard
    from aubert.units.features import ShardTables, extractor_for

    book = Codebook.load(arguments.codebook)
    how = options.from_arguments(arguments, NetworkOptions)
    return label_shard(
        ShardTables(arguments.recordings, arguments.utterances),
        arguments.out,
        arguments.root,
        extractor_for(book, arguments.encoder, how),
        book,
        stage=arguments.stage,
        rejects=arguments.rejects,
        max_reject_fraction=arguments.max_reject_fraction,
    )
