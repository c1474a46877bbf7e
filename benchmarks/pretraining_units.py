"""What units of real speech hold: phones by layer, and the speaker, of pretraining.py's encoders.

    python benchmarks/pretraining_units.py

Codebooks of 100 units are learned on a part of the training speech, of MFCC and of every layer of
every encoder. PNMI is measured with two kinds of phones: those that people marked in 32 sentences
of TIMIT (4 speakers), and pocketsphinx's, held to the transcripts, of the test readers. The control
beside each is the same units in random order: few frames share information by chance alone. A
linear probe tells the test readers from one another.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pretraining import ENCODERS, FIGURES, LABELLED, RUN
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
from aubert.units.codebook import learn_codebook
from aubert.units.encoder_features import Encoder, EncoderOptions
from aubert.units.features import Mfcc
from aubert.units.kmeans import KMeansOptions
from aubert.units.quality import QualityTally
from aubert.units.sample import survey

NUM_UNITS = 100
LAYER = 4  # of 6, for the probe
CODEBOOK_UTTERANCES = 600
KMEANS = KMeansOptions(sample_frames=60_000)
READINGS = 200  # of the test readers, drawn by hash
KINDS = ("by hand", "pocketsphinx")


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
    speech = {"by hand": by_hand(), "pocketsphinx": by_pocketsphinx()}
    models = {name: RUN / "hubert" / name for name in ENCODERS}
    models = {name: path for name, path in models.items() if path.exists()}
    kept: dict = {}
    for kind, spoken in speech.items():
        rows = rows_of("mfcc", Mfcc(normalise_mean=False), lambda frames: [frames], spoken)
        for name, path in models.items():
            encoder = Encoder.load(str(path), EncoderOptions(layer=None))
            rows += rows_of(name, encoder, encoder.by_layer, spoken)
        for row in rows:
            print(f"{kind:14}{row.encoder:12}{row.layer!s:>5}  {_shown(row.pnmi)}  chance "
                  f"{row.chance:.3f}  purity {row.purity:.3f}  n {row.pnmi.n}")  # fmt: skip
        kept[kind] = [row._asdict() | {"pnmi": asdict(row.pnmi)} for row in rows]
    clips = clips_of_folder(LABELLED / "test")
    probed = probe("reader", clips, models, ProbeOptions(layer=LAYER), NetworkOptions())
    for key, own in probed.items():
        print(f"{key:32}{_shown(own)}  n {own.n}")
    kept["probe"] = {key: asdict(own) for key, own in probed.items()}
    FIGURES.mkdir(parents=True, exist_ok=True)
    (FIGURES / "units.json").write_text(json.dumps(kept, indent=1) + "\n")


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


def rows_of(name: str, extractor, by_layer: Callable, spoken: list[Spoken]) -> list[Row]:
    """A row for each layer. by_layer: takes the features of all layers apart."""
    books = []
    for own in map(np.ascontiguousarray, by_layer(training_frames(extractor))):
        books.append(learn_codebook(partial(_whole, own), NUM_UNITS, extractor.kind, KMEANS))
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


def _shown(figure: Figure) -> str:
    low, high = figure.ci95 or (float("nan"),) * 2
    return f"{figure.value:.3f} ({low:.3f}-{high:.3f})"


if __name__ == "__main__":
    main()
