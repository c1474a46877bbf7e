"""`aubert evaluate probe` and `aubert probe`: what a linear classifier finds in frozen features."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert import options
from aubert.encoders.network import NetworkOptions
from aubert.verbs import add_verb


def add_probe(groups) -> None:
    from aubert.evaluate.probe import ProbeOptions

    verb = add_verb(groups, "probe", "classes read off a model's frozen features", _probe_folder)
    verb.add_argument("folder", type=Path, help="audio in a sub-folder for each class")
    verb.add_argument("--model", required=True, help="a directory or a Hugging Face id")
    verb.add_argument("-o", "--out", type=Path, help="a json of the figures")
    options.add_arguments(verb, ProbeOptions)
    options.add_arguments(verb, NetworkOptions)


def add_probe_of_run(verbs) -> None:
    from aubert.evaluate.probe import ProbeOptions

    probe = add_verb(verbs, "probe", "speakers or classes, read off frozen features", _probe)
    probe.add_argument("out", type=Path, help="the json of figures")
    probe.add_argument(
        "--encoder",
        type=_named,
        action="append",
        required=True,
        metavar="NAME=MODEL",
        help="a directory or a Hugging Face id; may be given repeatedly",
    )
    probe.add_argument("--results", type=Path, help="<results_dir>/<name>, for its speakers")
    probe.add_argument("--root", type=Path, help="the corpus's directory; needed with --results")
    probe.add_argument(
        "--folder",
        type=_named,
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="audio in a sub-folder for each class; may be given repeatedly",
    )
    options.add_arguments(probe, ProbeOptions)
    options.add_arguments(probe, NetworkOptions)


def _named(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not (name and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _probe(arguments: argparse.Namespace) -> str:
    from aubert.corpus.clips import clips_of_folder, clips_of_speakers
    from aubert.evaluate.metrics import write_metrics
    from aubert.evaluate.probe import ProbeOptions, probe

    probed = options.from_arguments(arguments, ProbeOptions)
    clips = {name: clips_of_folder(Path(folder)) for name, folder in arguments.folder}
    if arguments.results is not None:
        if arguments.root is None:
            raise ValueError("give --root, the corpus's directory, with --results")
        where = (arguments.results, arguments.root)
        clips["speaker"] = clips_of_speakers(*where, max_speakers=probed.max_labels)
    if not clips:
        raise ValueError("there is nothing to probe: give --results, or a --folder of classes")
    network = options.from_arguments(arguments, NetworkOptions)
    figures = {}
    for name, own in clips.items():
        is_speaker = arguments.results is not None and name == "speaker"
        figures |= probe(name, own, dict(arguments.encoder), probed, network, is_speaker)
    write_metrics(arguments.out, figures)
    found = [f"{key} {figure.value:.3f}" for key, figure in figures.items() if figure]
    return f"probe: {', '.join(found) or 'fewer than two labels can be tested'}"


def _probe_folder(arguments: argparse.Namespace) -> str:
    from aubert.corpus.clips import are_grouped, clips_of_folder
    from aubert.evaluate.metrics import write_metrics
    from aubert.evaluate.probe import ProbeOptions, probe

    clips = clips_of_folder(arguments.folder)
    figures = probe(
        arguments.folder.name,
        clips,
        {"model": arguments.model},
        options.from_arguments(arguments, ProbeOptions),
        options.from_arguments(arguments, NetworkOptions),
    )
    if not figures:
        raise ValueError(
            f"{arguments.folder} has fewer than two classes of two files that can be encoded"
        )
    if arguments.out is not None:
        write_metrics(arguments.out, figures)
    grouped = "" if are_grouped(clips) else "; one speaker's files may be on both sides of the test"
    found, mfcc, chance = figures.values()
    low, high = found.ci95
    return (
        f"probe: {found.value:.3f} ({low:.3f}-{high:.3f}) of {found.n} files by layer "
        f"{arguments.layer} of {arguments.model}, {mfcc.value:.3f} by MFCC, {chance.value:.3f} by "
        f"the most frequent class{grouped}"
    )
