"""What units of real speech hold: phones by layer, and the speaker, of pretraining.py's encoders.

    python benchmarks/pretraining_units.py

Codebooks of 100 units are learned on a part of the training speech, of MFCC and of every layer of
every encoder. PNMI is measured with two kinds of phones: those that people marked in 32 sentences
of TIMIT (4 speakers), and pocketsphinx's, held to the transcripts, of the test readers. The best
layer is that of the dev readers. The control beside each is the same units in random order: few
frames share information by chance alone. A linear probe tells the test readers from one another.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from figures import figure, keep, shown, table
from pretraining import ENCODERS, LABELLED, RUN
from real_recordings import real_recordings

from aubert import audio
from aubert.align.words_pocketsphinx import Aligner
from aubert.corpus.clips import clips_of_folder, drawn
from aubert.corpus.labelled import read_labelled
from aubert.encoders.network import NetworkOptions
from aubert.evaluate.metrics import Figure
from aubert.evaluate.probe import ProbeOptions, probe
from aubert.evaluate.unit_quality import pnmi_figure
from aubert.stage import Reject
from aubert.units.codebook import Codebook, learn_codebook
from aubert.units.encoder_features import Encoder, EncoderOptions
from aubert.units.features import Mfcc
from aubert.units.kmeans import KMeansOptions
from aubert.units.quality import QualityTally
from aubert.units.sample import survey

NUM_UNITS = 100
LAYER = 4  # the last, for the probe
CODEBOOK_UTTERANCES = 600
KMEANS = KMeansOptions(sample_frames=60_000)
READINGS = 200  # of the test readers, drawn by hash


class Spoken(NamedTuple):
    """phones: rows with phone, start_s and end_s."""

    path: Path
    speaker: str
    phones: list[dict]


class Row(NamedTuple):
    """Of one kind of phones. chance: PNMI of the same units in random order."""

    encoder: str
    layer: int | None
    pnmi: Figure
    chance: float
    purity: float


def main() -> None:
    began = os.times()
    speech = {
        "dev readers": by_pocketsphinx(LABELLED / "dev"),
        "test readers": by_pocketsphinx(),
        "TIMIT, by hand": by_hand(),
    }
    models = {name: RUN / "hubert" / name for name in ENCODERS}
    models = {name: path for name, path in models.items() if path.exists()}
    units: dict[str, list[Row]] = {kind: [] for kind in speech}
    encoders = {name: Encoder.load(str(path), EncoderOptions(layer=None))
                for name, path in models.items()}  # fmt: skip
    extractors = {"mfcc": (Mfcc(normalise_mean=False), lambda frames: [frames])}
    extractors |= {name: (encoder, encoder.by_layer) for name, encoder in encoders.items()}
    for name, (extractor, apart) in extractors.items():
        books = codebooks_of(extractor, apart)
        for kind, spoken in speech.items():
            units[kind] += rows_of(name, extractor, apart, spoken, books)
    layers: dict[str, list[Row]] = {}
    for row in units["dev readers"]:
        layers.setdefault(row.encoder, []).append(row)
    best = {name: max(own, key=lambda row: row.pnmi.value).layer for name, own in layers.items()}
    clips = clips_of_folder(LABELLED / "test")
    probed = probe("reader", clips, models, ProbeOptions(layer=LAYER), NetworkOptions())
    rows = []
    for name, layer in best.items():
        cells: list = []
        for of_kind in units.values():
            (row,) = (each for each in of_kind if (each.encoder, each.layer) == (name, layer))
            cells += [figure(row.pnmi.value, row.pnmi.ci95), figure(row.chance)]
        key = "untrained.baseline" if name == "mfcc" else name
        readers = probed.get(f"probe.reader.{key}")
        cells.append(figure(readers.value, readers.ci95) if readers else "")
        rows.append([name, *learned(models.get(name)), "" if layer is None else layer, *cells])
    columns = ["units of", "steps", "masked accuracy, K = 100", "masked nll", "layer"]
    columns += [text for kind in units for text in (f"PNMI, {kind} (95%)", "random order")]
    chance = shown(figure(probed["probe.reader.untrained.chance"].value))
    columns.append(f"reader, linear probe of layer {LAYER} (chance {chance})")
    ended, command = os.times(), "python benchmarks/pretraining_units.py"
    seconds = sum(ended[:4]) - sum(began[:4])
    keep("pretraining-units", columns, rows, command=command, seconds=seconds)
    by_layer = [
        [name, *(figure(row.pnmi.value) for row in own)]
        for name, own in layers.items() if len(own) > 1
    ]  # fmt: skip
    most = max(map(len, by_layer))
    by_layer = [[*row, *[""] * (most - len(row))] for row in by_layer]
    columns = ["PNMI, dev readers", *map("layer {}".format, range(most - 1))]
    keep("pretraining-layers", columns, by_layer, command=command, seconds=seconds)
    print(table("pretraining-units"), table("pretraining-layers"), sep="\n")


def learned(model: Path | None) -> list:
    """Steps, accuracy and loss on masked frames at the end of a training, where there was one."""
    path = model and model / "train.jsonl"
    if not path or not path.exists():
        return [0, "", ""]
    last = json.loads(path.read_text().splitlines()[-1])
    (name,) = {key.split(".")[0] for key in last if "_k100." in key}
    return [last["step"], figure(last[f"{name}.masked_accuracy"]),
            figure(last[f"{name}.masked_nll"], digits=2)]  # fmt: skip


def by_hand() -> list[Spoken]:
    folder = real_recordings("more", "timit_sample")
    found = []
    for line in (folder / "refs.jsonl").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        found.append(Spoken(folder / one["audio"], one["speaker"], _rows(one["phones"])))
    return found


def by_pocketsphinx(folder: Path = LABELLED / "test") -> list[Spoken]:
    """Utterances whose words have no path through the audio are left out."""
    labelled = {each.utterance_id: each for each in read_labelled([folder])}
    aligner, found = Aligner(), []
    for name in drawn(labelled, READINGS):
        one = labelled[name]
        words = aligner.align(audio.decode(one.path), one.text.split(), with_phones=True)
        if words is not None:
            phones = [phone for word in words if word is not None for phone in word.phones]
            found.append(Spoken(one.path, one.speaker, _rows(phones)))
    print(f"pocketsphinx: phones of {len(found)} of {READINGS} utterances")
    return found


def _rows(phones) -> list[dict]:
    return [{"phone": phone, "start_s": start, "end_s": end} for phone, start, end in phones]


def codebooks_of(extractor, by_layer: Callable) -> list[Codebook]:
    """One for each layer. by_layer: takes the features of all layers apart."""
    return [
        learn_codebook(partial(_whole, own), NUM_UNITS, extractor.kind, KMEANS)
        for own in map(np.ascontiguousarray, by_layer(training_frames(extractor)))
    ]


def rows_of(
    name: str,
    extractor,
    by_layer: Callable,
    spoken: list[Spoken],
    books: list[Codebook] | None = None,
) -> list[Row]:
    """A row for each layer; the codebooks are learned where they are not given."""
    books = books or codebooks_of(extractor, by_layer)
    rate_hz, random = extractor.kind.rate_hz, np.random.default_rng(0)
    tallies = [(QualityTally(NUM_UNITS, rate_hz), QualityTally(NUM_UNITS, rate_hz)) for _ in books]
    by_path = {str(one.path): one for one in spoken}
    for path, frames in frames_of(extractor, {path: path for path in by_path}):
        _, speaker, phones = by_path[path]
        for (true, mixed), book, own in zip(tallies, books, by_layer(frames), strict=True):
            units = book.label(np.ascontiguousarray(own))
            true.add(speaker, units, phones)
            mixed.add(speaker, random.permutation(units), phones)
    layers = [None] if len(books) == 1 else range(len(books))
    return [
        Row(name, layer, pnmi_figure(true), mixed.quality().pnmi, true.quality().phone_purity)
        for layer, (true, mixed) in zip(layers, tallies, strict=True)
    ]


def training_frames(extractor) -> np.ndarray:
    with open("data/real/train.jsonl") as file:
        cuts = [json.loads(line) for line in file]
    paths = {cut["id"]: cut["recording"]["sources"][0]["source"] for cut in cuts}
    chosen = {name: paths[name] for name in drawn(paths, CODEBOOK_UTTERANCES)}
    return survey(lambda: frames_of(extractor, chosen), KMEANS.sample_frames, KMEANS.seed).frames


def frames_of(extractor, paths: dict[str, str]) -> Iterator[tuple[str, np.ndarray]]:
    sounds = ((name, audio.decode(path, sample_rate_hz=16_000)) for name, path in paths.items())
    return (one for one in extractor.run(sounds) if not isinstance(one, Reject))


def _whole(frames: np.ndarray):
    return iter([("sample", frames)])


if __name__ == "__main__":
    main()
