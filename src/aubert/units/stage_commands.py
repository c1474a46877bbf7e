"""`aubert units`: codebooks and labels of a corpus."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from aubert import options
from aubert.corpus.held_out import add_held_out, held_out_of
from aubert.encoders.network import NetworkOptions
from aubert.options import options_class
from aubert.units.exchange_commands import add_exchange
from aubert.units.features import FeatureOptions
from aubert.units.kmeans import KMeansOptions
from aubert.units.of_audio_command import add_encode_units
from aubert.units.random_projection import RandomProjectionOptions
from aubert.verbs import add_group, add_inputs, add_rejects, add_root, add_verb


# Both have the flag --device.
@options_class
class _SampleOptions(KMeansOptions, FeatureOptions):
    """See there."""


@options_class
class _PassOptions(KMeansOptions, NetworkOptions):
    """See there."""


def add_units(groups) -> None:
    verbs = add_group(groups, "units", "from utterances to discrete units")

    choose = add_verb(verbs, "choose", "choose the utterances that codebooks need", _choose)
    choose.add_argument("results", type=Path, help="<results_dir>/<name>")
    choose.add_argument("out", type=Path, help="the choice: a json")
    add_held_out(choose)
    options.add_arguments(choose, KMeansOptions)

    dump = add_verb(verbs, "dump", "write a shard's features, as fairseq reads them", _dump)
    add_inputs(dump, "recordings", "utterances")
    dump.add_argument("out", type=Path, help="the directory of all shards' files")
    _add_place(dump)
    dump.add_argument("--dump-dtype", choices=["float32", "float16"], default="float32")
    dump.add_argument("--stage", default="features", help="name of the stage in its rejects")
    dump.add_argument("--max-reject-fraction", type=float, default=1.0)
    add_root(dump)
    options.add_arguments(dump, FeatureOptions)
    options.add_arguments(dump, RandomProjectionOptions)

    sample = add_verb(verbs, "sample", "draw a shard's frames for the codebooks", _sample)
    add_inputs(sample, "recordings", "utterances")
    sample.add_argument("out", type=Path, help="the shard's sample")
    sample.add_argument("--choice", type=Path, required=True, help="json of `units choose`")
    _add_dump(sample)
    add_root(sample)
    add_held_out(sample)
    options.add_arguments(sample, _SampleOptions)

    learn = add_verb(verbs, "learn", "learn a codebook from all shards' samples", _learn)
    learn.add_argument("out", type=Path, help="the codebook: <out>.npy and <out>.json")
    learn.add_argument("samples", type=Path, nargs="+", help="sample of each shard")
    learn.add_argument("--num-clusters", type=int, required=True, help="units of the codebook")
    options.add_arguments(learn, KMeansOptions)

    draw = add_verb(verbs, "draw", "draw a codebook of a random projection at random", _draw)
    draw.add_argument("out", type=Path, help="the codebook: <out>.npy and <out>.json")
    draw.add_argument("--num-clusters", type=int, required=True, help="units of the codebook")
    options.add_arguments(draw, RandomProjectionOptions)

    one_pass = add_verb(verbs, "pass", "sum up a shard's frames by their centroids", _pass)
    add_inputs(one_pass, "recordings", "utterances")
    one_pass.add_argument("out", type=Path, help="the shard's sums")
    _add_codebook(one_pass)
    _add_dump(one_pass)
    add_root(one_pass)
    add_held_out(one_pass)
    options.add_arguments(one_pass, _PassOptions)

    merge = add_verb(verbs, "merge", "move a codebook by the sums of a pass", _merge)
    merge.add_argument("out", type=Path, help="the codebook: <out>.npy and <out>.json")
    merge.add_argument("--codebook", type=Path, required=True, help="that the pass was made with")
    merge.add_argument("--sums", type=Path, nargs="+", required=True, help="sums of each shard")
    merge.add_argument("--samples", type=Path, nargs="+", required=True, help="as learn had them")
    options.add_arguments(merge, KMeansOptions)

    label = add_verb(verbs, "label", "label a shard with a codebook", _label)
    add_inputs(label, "recordings", "utterances")
    label.add_argument("out", type=Path, help="the label set: a directory")
    add_rejects(label)
    _add_codebook(label)
    label.add_argument("--stage", default="units", help="name of the stage in its rejects")
    _add_dump(label)
    add_root(label)
    options.add_arguments(label, NetworkOptions)

    add_encode_units(verbs)
    add_exchange(verbs)


def _add_codebook(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--codebook", type=Path, required=True, help="path without suffix")
    verb.add_argument("--encoder", help="the encoder that the codebook was learned from, if any")


def _add_place(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--shard", type=int, default=0, help="number of the shard, from 0")
    verb.add_argument("--num-shards", type=int, default=1, help="shards of the corpus")


def _add_dump(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--dump", type=Path, help="directory that `units dump` wrote; none: features are computed"
    )
    _add_place(verb)


def _alone(how):
    """The options of a network with each utterance in a batch of its own: products of matrices
    round differently in other batches, and a codebook would depend on the shards."""
    return replace(how, batch_seconds=1e-3)


def _choose(arguments: argparse.Namespace) -> str:
    from aubert.units.choice import choose

    kmeans = options.from_arguments(arguments, KMeansOptions)
    held_out = held_out_of(arguments)
    choice = choose(arguments.results, kmeans, held_out)
    choice.save(arguments.out)
    absent = ", ".join(held_out.absent(arguments.results))
    return (
        f"choose: {choice.num_utterances} of {choice.of_utterances} utterances, "
        f"{choice.hours:.2f} of {choice.of_hours:.2f} hours"
        + (f"; held_out names what no recording has: {absent}" if absent else "")
    )


def _dump(arguments: argparse.Namespace) -> str:
    from aubert.units.dump import Dumped, dump_shard
    from aubert.units.features import Computed, extractor_of

    chosen = _alone(options.from_arguments(arguments, FeatureOptions))
    projection = options.from_arguments(arguments, RandomProjectionOptions)
    extractor = extractor_of(chosen, projection)
    return dump_shard(
        Computed(_shard(arguments), arguments.root, extractor),
        Dumped(arguments.out, arguments.shard, arguments.num_shards),
        arguments.dump_dtype,
        stage=arguments.stage,
        max_reject_fraction=arguments.max_reject_fraction,
    )


def _sample(arguments: argparse.Namespace) -> str:
    from aubert.units.choice import Choice
    from aubert.units.corpus import sample_shard
    from aubert.units.features import extractor_of

    chosen = _alone(options.from_arguments(arguments, FeatureOptions))
    return sample_shard(
        _features(arguments, lambda: extractor_of(chosen)),
        arguments.out,
        chosen.columns,
        Choice.load(arguments.choice),
        options.from_arguments(arguments, KMeansOptions),
        held_out_of(arguments).utterances_of(*_shard(arguments)),
    )


def _learn(arguments: argparse.Namespace) -> str:
    from aubert.units.corpus import learn

    return learn(
        arguments.samples,
        arguments.out,
        arguments.num_clusters,
        options.from_arguments(arguments, KMeansOptions),
    )


def _draw(arguments: argparse.Namespace) -> str:
    from aubert.units.random_projection import drawn_codebook

    projection = options.from_arguments(arguments, RandomProjectionOptions)
    book = drawn_codebook(arguments.num_clusters, projection)
    book.save(arguments.out)
    return f"draw: {book.num_clusters} vectors of {projection.code_dim} dimensions"


def _pass(arguments: argparse.Namespace) -> str:
    from aubert.units.corpus import pass_shard

    book, features = _of_codebook(arguments, _alone)
    return pass_shard(
        features,
        arguments.out,
        book,
        options.from_arguments(arguments, KMeansOptions),
        held_out_of(arguments).utterances_of(*_shard(arguments)),
    )


def _merge(arguments: argparse.Namespace) -> str:
    from aubert.units.codebook import Codebook
    from aubert.units.corpus import merge

    return merge(
        Codebook.load(arguments.codebook),
        arguments.sums,
        arguments.samples,
        arguments.out,
        options.from_arguments(arguments, KMeansOptions),
    )


def _label(arguments: argparse.Namespace) -> str:
    from aubert.units.corpus import label_shard

    book, features = _of_codebook(arguments)
    return label_shard(
        features,
        arguments.utterances,
        arguments.out,
        book,
        stage=arguments.stage,
        rejects=arguments.rejects,
        max_reject_fraction=arguments.max_reject_fraction,
    )


def _of_codebook(arguments: argparse.Namespace, adapted=lambda how: how):
    """The codebook, and the features of the shard that it was learned from. adapted: the options of
    the network."""
    from aubert.units.codebook import Codebook
    from aubert.units.features import extractor_for

    book = Codebook.load(arguments.codebook)
    how = adapted(options.from_arguments(arguments, NetworkOptions))
    return book, _features(arguments, lambda: extractor_for(book, arguments.encoder, how))


def _features(arguments: argparse.Namespace, extractor):
    from aubert.units.dump import Dumped
    from aubert.units.features import Computed

    if arguments.dump is not None:
        return Dumped(arguments.dump, arguments.shard, arguments.num_shards)
    return Computed(_shard(arguments), arguments.root, extractor())


def _shard(arguments: argparse.Namespace):
    from aubert.units.features import ShardTables

    return ShardTables(arguments.recordings, arguments.utterances)
