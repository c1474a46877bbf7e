"""`aubert units`: codebooks and labels of a corpus, and how good they are."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from aubert import options
from aubert.transcribe.network import NetworkOptions
from aubert.units.features import FeatureOptions
from aubert.units.kmeans import KMeansOptions
from aubert.verbs import add_group, add_inputs, add_rejects, add_root, add_verb


# Options of two stages that share the flag --device.
@dataclass(frozen=True, kw_only=True)
class _LearnOptions(KMeansOptions, FeatureOptions):
    """See there."""


@dataclass(frozen=True, kw_only=True)
class _BestLayerOptions(KMeansOptions, NetworkOptions):
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

    quality = add_verb(verbs, "quality", "measure labels against reference phones", _quality)
    quality.add_argument("results", type=Path, help="<results_dir>/<name>")
    quality.add_argument("out", type=Path, help="the json of figures")
    quality.add_argument(
        "--labels", type=Path, required=True, help="a directory with a label set of each shard"
    )
    _add_reference(quality)
    quality.add_argument("--key", default="units", help="what the figures' keys begin with")
    quality.add_argument(
        "--baseline", type=Path, help="figures of other units, whose pnmi stands beside this one"
    )

    best = add_verb(verbs, "best-layer", "which layer's units tell most of the phones", _best_layer)
    best.add_argument("results", type=Path, help="<results_dir>/<name>")
    best.add_argument("out", type=Path, help="the json: the layer, and what each layer has")
    best.add_argument("--encoder", required=True, help="a directory or a Hugging Face id")
    best.add_argument("--num-clusters", type=int, required=True, help="units of the codebooks")
    _add_reference(best)
    add_root(best)
    options.add_arguments(best, _BestLayerOptions)


def _add_reference(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reference",
        type=Path,
        help="the directory that holds phones.parquet; none: the run's own table phones",
    )


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


def _quality(arguments: argparse.Namespace) -> str:
    from aubert.evaluate.metrics import write_metrics
    from aubert.evaluate.units import measure
    from aubert.units.labels import Labels

    figures = measure(
        arguments.results,
        Labels.below(arguments.key, arguments.labels),
        arguments.reference,
        key=arguments.key,
        baseline=arguments.baseline,
    )
    write_metrics(arguments.out, figures)
    pnmi = figures[f"{arguments.key}.pnmi"]
    return f"quality: {arguments.key}.pnmi {pnmi.value:.3f} of {pnmi.n} frames"


def _best_layer(arguments: argparse.Namespace) -> str:
    from aubert.evaluate.units import best_layer
    from aubert.files import write_json
    from aubert.units.encoder_features import Encoder, EncoderOptions

    how = options.from_arguments(arguments, NetworkOptions)
    found = best_layer(
        arguments.results,
        arguments.root,
        Encoder.load(arguments.encoder, EncoderOptions(layer=None, **vars(how))),
        arguments.reference,
        arguments.num_clusters,
        options.from_arguments(arguments, KMeansOptions),
    )
    write_json(arguments.out, found)
    layers = ", ".join(f"{layer}: {pnmi:.3f}" for layer, pnmi in found["pnmi"].items())
    return f"best-layer: {found['layer']} (pnmi {layers})"
