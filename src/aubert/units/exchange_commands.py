"""`aubert units import`, `export`, `import-km`: codebooks and labels, from others and for them."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert import options
from aubert.encoders.network import NetworkOptions
from aubert.verbs import add_verb


def add_exchange(verbs) -> None:
    bring = add_verb(verbs, "import", "published centroids as a codebook", _import)
    bring.add_argument(
        "centroids", type=Path, help="joblib's file of a scikit-learn k-means, or an .npy; no code"
    )
    bring.add_argument("out", type=Path, help="the codebook: <out>.npy and <out>.json")
    bring.add_argument(
        "--feature",
        choices=("hidden", "mfcc", "mfcc_normalised"),
        required=True,
        help="what they were learned from; mfcc is fairseq's",
    )
    bring.add_argument("--model", help="of hidden: a directory or a Hugging Face id")
    bring.add_argument("--layer", type=int, help="of hidden; 1 is the first transformer layer")
    options.add_arguments(bring, NetworkOptions)

    give = add_verb(verbs, "export", "a codebook as scikit-learn's k-means, for joblib", _export)
    give.add_argument("codebook", type=Path, help="path without suffix")
    give.add_argument("out", type=Path, help="the file that is written: km.bin")

    labels = add_verb(verbs, "import-km", "labels of a .tsv and .km as a label set", _import_km)
    labels.add_argument("out", type=Path, help="the label set: a directory")
    labels.add_argument("km", type=Path, nargs="+", help="the files of all shards, in order")
    labels.add_argument("--tsv", type=Path, required=True, help="the manifest that they are of")
    labels.add_argument("--rate-hz", type=float, required=True, help="labels per second")
    labels.add_argument(
        "--num-clusters", type=int, help="units of the codebook; none: the highest and one"
    )


def _import(arguments: argparse.Namespace) -> str:
    from aubert.units.exchange import import_codebook

    return import_codebook(
        arguments.centroids,
        arguments.out,
        arguments.feature,
        arguments.model,
        arguments.layer,
        options.from_arguments(arguments, NetworkOptions),
    )


def _export(arguments: argparse.Namespace) -> str:
    from aubert.units.exchange import export_codebook

    return export_codebook(arguments.codebook, arguments.out)


def _import_km(arguments: argparse.Namespace) -> str:
    from aubert.units.exchange import import_labels
    from aubert.units.shards import FeatureKind

    kind = FeatureKind(rate_hz=arguments.rate_hz)
    return import_labels(arguments.km, arguments.tsv, arguments.out, kind, arguments.num_clusters)
