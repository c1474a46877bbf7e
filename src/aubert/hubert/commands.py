"""`aubert hubert`: untrained encoders, and encoders that learned to predict units."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from aubert import options
from aubert.corpus.held_out import add_held_out, held_out_of
from aubert.hubert.options import HubertOptions, HubertTrainOptions
from aubert.learn.options import add_restart
from aubert.learn.torchrun import add_processes, start_processes
from aubert.verbs import add_group, add_verb, named_path


def add_hubert(groups) -> None:
    verbs = add_group(groups, "hubert", "encoders that predict hidden units")

    init = add_verb(verbs, "init", "write an encoder of untrained weights", _init)
    init.add_argument("out", type=Path, help="the model directory that is written")
    init.add_argument("--seed", type=int, default=0, help="of the weights")
    _add_init_from(init)
    options.add_arguments(init, HubertOptions)

    train = add_verb(verbs, "train", "train an encoder to predict label sets", _train)
    train.add_argument(
        "speech", type=Path, help="<results_dir>/<name>, or fairseq's manifest: train.tsv"
    )
    train.add_argument("out", type=Path, help="the model directory that is written")
    train.add_argument(
        "--labels",
        type=named_path,
        action="append",
        required=True,
        metavar="NAME=PATH",
        help="a label set: a directory with a label set of each shard; beside a manifest also "
        "its .km, or dump-label's folder; may be given repeatedly",
    )
    train.add_argument(
        "--label-rate-hz", type=float, help="labels per second of every .km: fairseq's label_rate"
    )
    train.add_argument(
        "--root", type=Path, help="the corpus's directory; no effect with a manifest"
    )
    _add_init_from(train)
    add_held_out(train)
    add_processes(train)
    add_restart(train)
    options.add_arguments(train, HubertOptions)
    options.add_arguments(train, HubertTrainOptions)

    _add_import(verbs)

    give = add_verb(verbs, "export", "a model as a checkpoint of fairseq or torchaudio", _export)
    give.add_argument("model", help="a model directory or a Hugging Face id")
    give.add_argument("out", type=Path, help="the folder that is written")
    give.add_argument("--to", choices=("fairseq", "torchaudio"), required=True)


def _add_init_from(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--init-from",
        metavar="MODEL",
        help="the encoder whose weights it begins with, a directory or a Hugging Face id of a "
        "HuBERT; its shape holds, its heads are left out; none: initial weights",
    )


def _add_import(verbs) -> None:
    bring = add_verb(
        verbs, "import", "weights of transformers, torchaudio or fairseq as a model", _import
    )
    bring.add_argument("weights", type=Path, help="a .safetensors, .bin or .pt; no code is run")
    bring.add_argument("out", type=Path, help="the model directory that is written")
    unseen = bring.add_argument_group("what weights do not show, where the file does not say it")
    unseen.add_argument(
        "--like", choices=("base", "large", "xlarge"), help="a published HuBERT of this size"
    )
    unseen.add_argument("--num-heads", type=int, help="of attention")
    unseen.add_argument(
        "--pre-norm",
        action=argparse.BooleanOptionalAction,
        help="layer normalisation before attention and feed-forward, as in LARGE",
    )
    unseen.add_argument(
        "--normalise",
        action=argparse.BooleanOptionalAction,
        help="audio of zero mean and unit variance goes in, as in LARGE",
    )
    unseen.add_argument(
        "--strides",
        type=int,
        nargs="+",
        help="of the front end's convolutions; none: the paper's, where its kernels are",
    )
    bring.add_argument(
        "--tokens",
        type=Path,
        help="of a CTC head: fairseq's dict.ltr.txt, or a token a line, the blank first",
    )


def _init(arguments: argparse.Namespace) -> str:
    from aubert.hubert.task import init_hubert

    model = options.from_arguments(arguments, HubertOptions)
    return init_hubert(arguments.out, model, arguments.seed, arguments.init_from)


def _train(arguments: argparse.Namespace) -> str:
    start_processes(arguments)
    from aubert.hubert.task import train_hubert

    # Of every process its own: they may be on several nodes.
    with TemporaryDirectory(prefix="aubert-labels-") as folder:
        utterances, label_sets = _speech(arguments, Path(folder))
        return train_hubert(
            arguments.out,
            utterances,
            label_sets,
            options.from_arguments(arguments, HubertOptions),
            options.from_arguments(arguments, HubertTrainOptions),
            init_from=arguments.init_from,
            restart=arguments.restart,
        )


def _speech(arguments: argparse.Namespace, folder: Path):
    """The utterances, and the label sets, of which those of .km files are written to `folder`."""
    from aubert.hubert.fairseq_data import is_km, labels_of_km
    from aubert.learn.utterances import VirtualUtterances
    from aubert.units.labels import Labels

    kms = [(name, path) for name, path in arguments.labels if is_km(path)]
    own = [Labels.below(*each) for each in arguments.labels if each not in kms]
    if arguments.speech.suffix == ".tsv":
        if held_out_of(arguments):
            raise ValueError(
                "a manifest names no speakers and no books: leave out of it what is held out, and "
                "the flags --held-out-..."
            )
        speech = VirtualUtterances.of_manifest(arguments.speech)
        rate_hz = arguments.label_rate_hz
        if kms:
            own += labels_of_km(kms, arguments.speech.stem, speech, rate_hz, folder)
        return speech, own
    if kms:
        raise ValueError(f"{kms[0][1]} is of a manifest: give that, a .tsv, as the speech")
    if arguments.root is None:
        raise ValueError("give --root: where the recordings of the run are")
    held_out = held_out_of(arguments)
    return VirtualUtterances.of_corpus(arguments.speech, arguments.root, held_out), own


def _import(arguments: argparse.Namespace) -> str:
    from aubert.hubert.import_model import import_weights
    from aubert.hubert.unseen import Unseen

    given = Unseen(
        num_heads=arguments.num_heads,
        pre_norm=arguments.pre_norm,
        normalise=arguments.normalise,
        strides=None if arguments.strides is None else tuple(arguments.strides),
    )
    return import_weights(arguments.weights, arguments.out, given, arguments.like, arguments.tokens)


def _export(arguments: argparse.Namespace) -> str:
    from aubert.hubert.export_model import export_model

    return export_model(arguments.model, arguments.out, arguments.to)
