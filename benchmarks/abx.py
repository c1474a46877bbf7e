"""ABX of MFCC on real speech, beside its controls, and of encoders' layers.

    python benchmarks/abx.py [NAME=MODEL ...]
    python benchmarks/abx.py demo              # of the networks of a `make demo`

Phones are those that people marked in 32 sentences of TIMIT (4 speakers), compared whatever stands
beside them, and pocketsphinx's, held to the transcripts, of 20 speakers of LibriSpeech test-clean,
compared as triphones. Controls are the same frames in random order within their utterance, random
frames, and as many random frames of each token, so that its length says nothing. Without models the
table is kept.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from figures import cpu_of_children, figure, keep
from pretraining_units import Spoken, by_hand, frames_of
from real_recordings import real_recordings

from aubert import audio
from aubert.align.words_pocketsphinx import Aligner
from aubert.corpus.clips import drawn
from aubert.corpus.labelled import read_labelled
from aubert.evaluate.abx import (
    MODES,
    Token,
    cells,
    error_rate,
    frames_within,
    monophones,
    triphones,
)
from aubert.units.encoder_features import Encoder, EncoderOptions
from aubert.units.features import Mfcc

READINGS = 10  # of each speaker of LibriSpeech, drawn by hash
LENGTH = 10  # frames; nearly every utterance goes on so long after a token's start
COLUMNS = ("phones", "features", "within speakers", "across speakers", "tokens", "triples")

Frames = dict[str, np.ndarray]  # of each utterance [num_frames, dim]


class Features(NamedTuple):
    """length: frames of each token, from its start; None: those within it."""

    name: str
    rate_hz: float
    frames: Frames
    length: int | None = None


class Speech(NamedTuple):
    """tokens_of: triphones or monophones."""

    name: str
    spoken: list[Spoken]
    tokens_of: Callable


def main() -> None:
    if sys.argv[1:] == ["demo"]:
        demo()
        return
    start = time.process_time()
    models = dict(one.split("=", 1) for one in sys.argv[1:])
    rows = []
    for speech in (
        Speech("TIMIT, by hand, any neighbours", by_hand(), monophones),
        Speech("LibriSpeech, by pocketsphinx, triphones", by_pocketsphinx(), triphones),
    ):
        for features in chain(of_mfcc(speech), of_models(speech, models)):
            rows.append(row(speech, features))
            print(*rows[-1], sep="\n  ", flush=True)
    if not models:
        seconds = time.process_time() - start
        keep("abx", COLUMNS, rows, command="python benchmarks/abx.py", seconds=seconds)


def demo() -> None:
    """Layers of the demo's encoders on its own corpus, whose phones are the synthesiser's."""
    rows, mfcc = [], {}
    for name in ("untrained", "iter1", "iter2"):
        with tempfile.TemporaryDirectory() as folder:
            command = f"evaluate abx results/mini {folder}/abx.json --root data/mini/librilight"
            command += f" --encoder results/mini/hubert/{name} --reference data/mini/reference"
            subprocess.run([sys.executable, "-m", "aubert", *command.split()], check=True)
            found = json.loads(Path(folder, "abx.json").read_text())
        mfcc = {mode: found[f"abx.mfcc.{mode}"] for mode in MODES}
        layers = sorted({key.split(".")[1] for key in found if key.startswith("abx.layer")})
        for layer in layers:
            ways = [found[f"abx.{layer}.{mode}"] for mode in MODES]
            leads = [found[f"abx.{layer}.{mode}.over_baseline"] for mode in MODES]
            cells = [figure(one["value"], one["ci95"]) for one in (*ways, *leads)]
            rows.append([f"{name}, layer {int(layer.removeprefix('layer'))}", *cells])
    rows.insert(0, ["MFCC", *(figure(one["value"], one["ci95"]) for one in mfcc.values()), "", ""])
    columns = ("features", *(f"{mode} speakers" for mode in MODES))
    columns += tuple(f"over MFCC, {mode}" for mode in MODES)
    seconds = cpu_of_children()
    keep("abx-demo", columns, rows, command="python benchmarks/abx.py demo", seconds=seconds)


def by_pocketsphinx() -> list[Spoken]:
    """Utterances whose words have no path through the audio are left out."""
    of_speaker: dict[str, dict] = {}
    for one in read_labelled([real_recordings("more", "librispeech")]):
        of_speaker.setdefault(one.speaker, {})[one.utterance_id] = one
    aligner, found = Aligner(), []
    for own in of_speaker.values():
        for name in drawn(own, READINGS):
            path, text = own[name].path, own[name].text
            words = aligner.align(audio.decode(path), text.split(), with_phones=True)
            if words is not None:
                phones = [phone for word in words if word is not None for phone in word.phones]
                rows = [
                    dict(zip(("phone", "start_s", "end_s"), one, strict=True)) for one in phones
                ]
                found.append(Spoken(path, own[name].speaker, rows))
    print(f"pocketsphinx: phones of {len(found)} of {READINGS * len(of_speaker)} utterances")
    return found


def of_mfcc(speech: Speech) -> Iterator[Features]:
    extractor, random = Mfcc(normalise_mean=False), np.random.default_rng(0)
    frames = dict(frames_of(extractor, paths(speech)))
    yield Features("MFCC", extractor.kind.rate_hz, frames)
    mixed = {name: random.permutation(own) for name, own in frames.items()}
    yield Features("MFCC, frames in random order", extractor.kind.rate_hz, mixed)
    noise = {name: random.standard_normal(own.shape) for name, own in frames.items()}
    yield Features("random frames", extractor.kind.rate_hz, noise)
    yield Features("random frames, as many of each token", extractor.kind.rate_hz, noise, LENGTH)


def of_models(speech: Speech, models: dict[str, str]) -> Iterator[Features]:
    for name, model in models.items():
        encoder = Encoder.load(model, EncoderOptions(layer=None))
        found = dict(frames_of(encoder, paths(speech)))
        for place, layer in enumerate(encoder.layers):
            own = {path: encoder.by_layer(frames)[place] for path, frames in found.items()}
            yield Features(f"{name}, layer {layer}", encoder.rate_hz, own)


def paths(speech: Speech) -> dict[str, str]:
    return {str(one.path): str(one.path) for one in speech.spoken}


def row(speech: Speech, features: Features) -> list:
    name, rate_hz, frames, length = features

    def frames_of_token(token: Token) -> np.ndarray:
        own = frames[token.utterance_id]
        within = frames_within(token.start_s, token.end_s, rate_hz, len(own))
        return own[within if length is None else slice(within.start, within.start + length)]

    tokens = [
        token
        for one in speech.spoken
        if str(one.path) in frames
        for token in speech.tokens_of(str(one.path), one.speaker, one.phones)
        if len(frames_of_token(token))
    ]
    found = cells(tokens, frames_of_token)
    rates = [error_rate(found[mode]) for mode in MODES]
    shown = [figure(rate.value, rate.ci95) for rate in rates]
    return [speech.name, name, *shown, len(tokens), sum(rate.n for rate in rates)]


if __name__ == "__main__":
    main()
