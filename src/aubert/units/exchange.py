"""Codebooks and labels from elsewhere, and ours for others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aubert import audio
from aubert.encoders.network import NetworkOptions
from aubert.units import mfcc
from aubert.units.codebook import Codebook
from aubert.units.encoder_features import Encoder, EncoderOptions
from aubert.units.labels import import_km
from aubert.units.published import read_centroids
from aubert.units.shards import FeatureKind, read_tsv

MFCC_KINDS = ("mfcc", "mfcc_normalised")


def import_codebook(
    centroids: Path,
    out: Path,
    feature: str,
    model: str | None,
    layer: int | None,
    options: NetworkOptions,
) -> str:
    """Writes the codebook `<out>.npy` and `<out>.json` of published centroids (read_centroids).

    feature: what they were learned from: hidden (of `layer` of `model`, a directory or a Hugging
    Face id), or one of MFCC_KINDS. Raises ValueError where the features have another width, and for
    hidden without model and layer."""
    found = read_centroids(centroids)
    if feature == "hidden":
        if model is None or layer is None:
            raise ValueError("hidden features are of an encoder's layer: give --model and --layer")
        encoder = Encoder.load(model, EncoderOptions(**vars(options) | {"layer": layer}))
        kind, width, source = encoder.kind, encoder.num_columns, f"layer {layer} of {model}"
    else:
        kind, width, source = FeatureKind(feature, mfcc.RATE_HZ), mfcc.DIM, feature
    if found.shape[1] != width:
        raise ValueError(
            f"{centroids} has centroids of {found.shape[1]} columns, {source} has {width}; give "
            f"the model that they were learned from"
        )
    book = Codebook(found, kind)
    book.save(out)
    return f"import: {book.num_clusters} clusters of {source} in {out}"


def export_codebook(codebook: Path, out: Path) -> str:
    """Writes scikit-learn's model, which fairseq's and textlesslib's scripts load with joblib."""
    book = Codebook.load(codebook)
    if book.columns is not None:
        raise ValueError(
            f"{codebook} looks at columns {book.columns[0]} to {book.columns[1]} of its features "
            f"only, which scikit-learn's model cannot"
        )
    book.export_joblib(out)
    return f"export: {book.num_clusters} clusters in {out}"


def import_labels(
    kms: Sequence[Path], tsv: Path, out: Path, kind: FeatureKind, num_clusters: int | None
) -> str:
    """Writes the label set `out` of fairseq's `.km` files of all shards in order.

    tsv: the manifest that they are of; its paths become the ids of the utterances. num_clusters:
    None: the highest unit and one. Raises ValueError where they do not fit together."""
    root, names, lengths = read_tsv(tsv)
    utterances = [
        (name, length if length is not None else _num_samples(root / name))
        for name, length in zip(names, lengths, strict=True)
    ]
    found = import_km(out, kms, utterances, kind, num_clusters)
    return f"import: {len(found)} utterances of {len(found.labels)} labels in {out}"


def _num_samples(path: Path) -> int:
    header = audio.probe(path)
    return header.num_samples * audio.SAMPLE_RATE_HZ // header.sample_rate_hz
