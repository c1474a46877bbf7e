"""`aubert evaluate units | layers`: quality of units, and of each layer's units."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert import options
from aubert.corpus.held_out import add_held_out, held_out_of
from aubert.encoders.network import NetworkOptions
from aubert.options import options_class
from aubert.units.kmeans import KMeansOptions
from aubert.verbs import add_root, add_verb


# Both have the flag --device.
@options_class
class _BestLayerOptions(KMeansOptions, NetworkOptions):
    """See there."""


def add_unit_quality(verbs) -> None:
    quality = add_verb(verbs, "units", "measure labels against reference phones", _quality)
    quality.add_argument("results", type=Path, help="<results_dir>/<name>")
    quality.add_argument("out", type=Path, help="the json of figures")
    quality.add_argument(
        "--labels", type=Path, required=True, help="a directory with a label set of each shard"
    )
    add_reference(quality)
    quality.add_argument("--key", default="units", help="what the figures' keys begin with")
    quality.add_argument(
        "--baseline", type=Path, help="figures of other units, whose pnmi stands beside this one"
    )

    best = add_verb(
        verbs, "layers", "which layer's units share most information with the phones", _best_layer
    )
    best.add_argument("results", type=Path, help="<results_dir>/<name>")
    best.add_argument("out", type=Path, help="the json: the layer, and what each layer has")
    best.add_argument("--encoder", required=True, help="a directory or a Hugging Face id")
    best.add_argument("--num-clusters", type=int, required=True, help="units of the codebooks")
    add_reference(best)
    add_root(best)
    add_held_out(best)
    options.add_arguments(best, _BestLayerOptions)


def add_reference(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reference",
        type=Path,
        help="the directory that holds phones.parquet; none: the run's own table phones",
    )


def _quality(arguments: argparse.Namespace) -> str:
    from aubert.evaluate.metrics import write_metrics
    from aubert.evaluate.unit_quality import measure
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
    from aubert.evaluate.unit_quality import best_layer
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
        held_out_of(arguments),
    )
    write_json(arguments.out, found)
    layers = ", ".join(f"{layer}: {pnmi:.3f}" for layer, pnmi in found["pnmi"].items())
    return f"best-layer: {found['layer']} (pnmi {layers})"
