"""`aubert score` and `aubert embed`: a trained AuBERT for people who want nothing else."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert.verbs import add_verb


def add_score(groups) -> None:
    verb = add_verb(groups, "score", "how well a text and audio agree", _score)
    verb.add_argument("text", help='the span in brackets: "she [said] nothing"; without, all of it')
    verb.add_argument("audio", type=Path, nargs="+", help="files that hold the span, nothing more")
    _add_model(verb)


def add_embed(groups) -> None:
    verb = add_verb(groups, "embed", "vectors of texts and of audio", _embed)
    verb.add_argument("audio", type=Path, nargs="*", help="files that hold a span, nothing more")
    verb.add_argument(
        "--text", action="append", default=[], help="as for score; may be given repeatedly"
    )
    verb.add_argument(
        "-o", "--out", type=Path, required=True, help="where text.npy and audio.npy go"
    )
    _add_model(verb)


def _add_model(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--model", type=Path, required=True, help="a trained model's directory")
    verb.add_argument(
        "--reference", type=Path, help="other speech of the same recording, if the model wants some"
    )


def _score(arguments: argparse.Namespace) -> str:
    from aubert.crossmodal.network import AubertModel
    from aubert.crossmodal.use import score

    model = AubertModel.load(arguments.model)
    (scores,) = score(model, [arguments.text], arguments.audio, arguments.reference)
    return "\n".join(
        f"{value:.4f}\t{path}" for value, path in zip(scores, arguments.audio, strict=True)
    )


def _embed(arguments: argparse.Namespace) -> str:
    import numpy as np

    from aubert.crossmodal.network import AubertModel
    from aubert.crossmodal.use import embed_audio, embed_texts
    from aubert.files import complete

    if not (arguments.text or arguments.audio):
        raise ValueError("there is nothing to embed: give audio files, or --text")
    model = AubertModel.load(arguments.model)
    found = {}
    if arguments.text:
        found["text"] = embed_texts(model, arguments.text)
    if arguments.audio:
        found["audio"] = embed_audio(model, arguments.audio, arguments.reference)
    for name, vectors in found.items():
        with complete(arguments.out / f"{name}.npy") as part, part.open("wb") as file:
            np.save(file, vectors)
    return "embed: " + ", ".join(f"{len(rows)} of {name}" for name, rows in found.items())
