"""`aubert score` and `aubert embed`: a trained AuBERT for people who want nothing else."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert.stage import Reject
from aubert.verbs import add_verb, summed_up


def add_score(groups) -> None:
    verb = add_verb(groups, "score", "how well a text and audio agree", _score)
    verb.add_argument("text", help='the span in brackets: "she [said] nothing"; without, all of it')
    verb.add_argument("audio", type=Path, nargs="+", help="files that hold the span")
    _add_model(verb)


def add_embed(groups) -> None:
    verb = add_verb(groups, "embed", "vectors of texts and of audio", _embed)
    verb.add_argument("audio", type=Path, nargs="*", help="files that hold a span")
    verb.add_argument(
        "--text", action="append", default=[], help="as for score; may be given repeatedly"
    )
    verb.add_argument(
        "-o",
        "--out",
        type=Path,
        required=True,
        help="where text.npy, audio.npy and audio.txt go; the last has the files of the rows",
    )
    _add_model(verb)


def _add_model(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--model", type=Path, required=True, help="a trained model's directory")
    verb.add_argument(
        "--reference", type=Path, help="other speech of the same recording, if the model wants some"
    )
    verb.add_argument(
        "--span", type=float, nargs=2, action="append", default=[], metavar=("START", "END"),
        help="where the span lies in a file, in seconds, once for each file; without: all of it",
    )  # fmt: skip
    verb.add_argument(
        "--batch-seconds", type=float, default=120.0, help="audio of a batch, padding included"
    )
    verb.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def _how(arguments: argparse.Namespace) -> dict:
    import torch

    device = arguments.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return {"batch_seconds": arguments.batch_seconds, "device": device}


def _names(arguments: argparse.Namespace) -> list[str]:
    """Of each row its file and, where it is a part of it, where that begins and ends, in s."""
    spans = arguments.span or [()] * len(arguments.audio)
    return [
        "\t".join([str(path), *map(str, span)])
        for path, span in zip(arguments.audio, spans, strict=True)
    ]


def _score(arguments: argparse.Namespace) -> str:
    from aubert.crossmodal.network import AubertModel
    from aubert.crossmodal.use import score

    model, files = AubertModel.load(arguments.model), arguments.audio
    where = (arguments.reference, arguments.span)
    found = score(model, [arguments.text], files, *where, **_how(arguments))
    failures = [one for one in found if isinstance(one, Reject)]
    lines = [
        f"{one[0]:.4f}\t{name}"
        for one, name in zip(found, _names(arguments), strict=True)
        if not isinstance(one, Reject)
    ]
    return summed_up("\n".join(lines), failures)


def _embed(arguments: argparse.Namespace) -> str:
    import numpy as np

    from aubert.crossmodal.network import AubertModel
    from aubert.crossmodal.use import embed_audio, embed_texts
    from aubert.files import complete, write_bytes

    if not (arguments.text or arguments.audio):
        raise ValueError("there is nothing to embed: give audio files, or --text")
    model = AubertModel.load(arguments.model)
    found, failures = {}, []
    if arguments.text:
        found["text"] = embed_texts(model, arguments.text)
    if arguments.audio or arguments.span:
        where = (arguments.reference, arguments.span)
        rows = embed_audio(model, arguments.audio, *where, **_how(arguments))
        failures = [row for row in rows if isinstance(row, Reject)]
        done = [
            (name, row)
            for name, row in zip(_names(arguments), rows, strict=True)
            if not isinstance(row, Reject)
        ]
        if done:
            found["audio"] = np.stack([row for _, row in done])
            names = "".join(f"{name}\n" for name, _ in done)
            write_bytes(arguments.out / "audio.txt", names.encode())
    for name, vectors in found.items():
        with complete(arguments.out / f"{name}.npy") as part, part.open("wb") as file:
            np.save(file, vectors)
    summary = "embed: " + ", ".join(f"{len(rows)} of {name}" for name, rows in found.items())
    return summed_up(summary, failures)
