"""Word edges of the pocketsphinx aligner, true words given, beside a trivial control.

The control spreads the words evenly, by letters, over the time from the first to the last word.
The edges of TIMIT's sentences were set by people. Those of the miniature corpus are exact; its
recordings are cut at pauses. Those of the LibriVox clips are an aligner's, most likely this one's:
they show agreement, not exactness.

    make demo    # for the miniature corpus
    python benchmarks/words.py [--ctc results/real/ctc/hubert]

With a CTC network: TIMIT's edges by it, too, with offsets that are calibrated on the readers of
data/real/labelled/dev (benchmarks/real_speech.py), and the means of both aligners' edges where they
are within AGREED_MS, pocketsphinx's elsewhere.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
from figures import figure, keep, table
from real_recordings import ROOT, real_recordings

from aubert import audio, tables
from aubert.align.words_ctc import WordsCtcOptions, calibrate_ctc, words_ctc
from aubert.align.words_pocketsphinx import Aligner
from aubert.corpus.labelled import read_labelled
from aubert.evaluate.metrics import quantile, share

REAL = {"TIMIT, by hand": ("more", "timit_sample"), "LibriVox, by an aligner": ("words",)}
MINI = ROOT / "data" / "mini"
CALIBRATED_ON = ROOT / "data" / "real" / "labelled" / "dev"
AGREED_MS = 40  # not chosen on anything
PAUSE_S, MARGIN_S, LONGEST_S = 0.2, 0.1, 25.0
COLUMNS = ("edges", "method", "median, ms (95% interval)", "within 20 ms", "within 50 ms", "n")


class Spoken(NamedTuple):
    """An utterance: its file or name, float32 at 16 kHz, its words, their true (start_s, end_s)."""

    name: str
    speaker: str
    samples: np.ndarray
    words: list[str]
    edges_s: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ctc", type=Path, help="a CTC network's directory")
    ctc = parser.parse_args().ctc
    began, rows, aligner = time.process_time(), [], Aligner()
    sets = {name: list(by_people(parts)) for name, parts in REAL.items()}
    if not (MINI / "reference" / "words.parquet").exists():
        raise SystemExit(f"{MINI} holds no miniature corpus: run `make demo` first")
    sets["miniature corpus, exact"] = list(of_mini())
    for name, utterances in sets.items():
        errors_s, control_s, found_s = [], [], []
        for each in utterances:
            found = aligner.align(each.samples, each.words)
            if found is None:
                raise ValueError(f"no path through the audio: {' '.join(each.words)[:200]}")
            found_s.append(np.array([word[:2] for word in found]))
            errors_s.append(found_s[-1] - each.edges_s)
            control_s.append(spread(each.words, *each.edges_s[[0, -1], [0, 1]]) - each.edges_s)
        rows += rows_of(name, "pocketsphinx", utterances, errors_s)
        rows += rows_of(name, "spread by letters", utterances, control_s)
        if ctc and name.startswith("TIMIT"):
            for method, edges_s in by_ctc(utterances, found_s, ctc).items():
                errors_s = [
                    own - each.edges_s for own, each in zip(edges_s, utterances, strict=True)
                ]
                rows += rows_of(name, method, utterances, errors_s)
    seconds = time.process_time() - began
    command = "python benchmarks/words.py" + (f" --ctc {ctc}" if ctc else "")
    keep("words", COLUMNS, rows, command=command, seconds=seconds)
    print(table("words"))


def rows_of(
    name: str, method: str, utterances: Sequence[Spoken], errors_s: list[np.ndarray]
) -> list[list]:
    """Of starts, ends, and with an aligner of the starts of first words."""
    numbers = np.repeat(np.arange(len(utterances)), [len(own) for own in errors_s])
    first = np.concatenate([np.arange(len(own)) == 0 for own in errors_s])
    starts, ends = 1000 * np.abs(np.concatenate(errors_s)).T
    groups = {"starts": (starts, first | True), "ends": (ends, first | True)}
    if method == "pocketsphinx":
        groups["first starts"] = (starts, first)
    rows = []
    for edge, (errors_ms, kept) in groups.items():
        own = numbers[kept].tolist()
        clusters = {"speakers": [utterances[number].speaker for number in own], "utterances": own}
        errors = errors_ms[kept].round(3).tolist()
        median = quantile(errors, 0.5, clusters)
        cells = [figure(median.value, median.ci95, digits=1)]
        for limit_ms in (20, 50):
            near = share([error <= limit_ms for error in errors], clusters)
            cells.append(figure(near.value, near.ci95))
        rows.append([f"{name}, {edge}", method, *cells, len(errors)])
    return rows


def by_ctc(
    utterances: Sequence[Spoken], others_s: Sequence[np.ndarray], model: Path
) -> dict[str, list[np.ndarray]]:
    """Method -> (start_s, end_s) [num_words, 2] of each utterance. others_s: pocketsphinx's."""
    options = WordsCtcOptions(model=str(model), device="cpu")
    readings = read_labelled([CALIBRATED_ON])
    dev = [
        Spoken(str(each.path), each.speaker, each.decode(), each.text.split(), np.empty((0, 2)))
        for each in readings
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calibration.json"
        calibrate_ctc(*rows_for_ctc(dev), options).save(path)
        options = replace(options, calibration=str(path))
        rows = list(words_ctc(*rows_for_ctc(utterances), options))
    found = {
        int(name): np.array([(row["start_ms"], row["end_ms"]) for row in own]) / 1000
        for name, own in groupby(rows, key=lambda row: row["utterance_id"])
    }
    ctc_s = [found[number] for number in range(len(utterances))]
    both_s = [
        np.where(np.abs(own - other) <= AGREED_MS / 1000, (own + other) / 2, other)
        for own, other in zip(ctc_s, others_s, strict=True)
    ]
    return {"CTC network": ctc_s, "both": both_s}


def rows_for_ctc(utterances: Sequence[Spoken]) -> tuple:
    """recordings, utterances, transcripts, refined, the audio's root and the books, as words_ctc
    takes them: every utterance is a recording and a book of its own."""
    recordings, pieces, transcripts, refined, texts = [], [], [], [], {}
    for number, each in enumerate(utterances):
        name, text = str(number), " ".join(each.words)
        span = {"start_sample": 0, "end_sample": len(each.samples)}
        run = {"label": "READ", "char_start": 0, "char_end": len(text), "text_start": 0,
               "text_end": len(text)}  # fmt: skip
        recordings.append({"recording_id": name, "path": each.name, "speaker": each.speaker,
                           "sample_rate_hz": audio.SAMPLE_RATE_HZ})  # fmt: skip
        pieces.append({"utterance_id": name, "recording_id": name, "slices": [span],
                       "num_samples": len(each.samples)})  # fmt: skip
        transcripts.append({"utterance_id": name, "text": text})
        refined.append({"utterance_id": name, "book_id": name, "language": "en", "runs": [run]})
        texts[name] = text
    return recordings, pieces, transcripts, refined, Path("/"), SimpleNamespace(text=texts.get)


def by_people(parts: Sequence[str]) -> Iterator[Spoken]:
    folder = real_recordings(*parts)
    for line in (folder / "refs.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        words, edges = [word for word, *_ in row["words"]], [times for _, *times in row["words"]]
        speaker = row.get("speaker", row["audio"])
        path = folder / row["audio"]
        yield Spoken(str(path.resolve()), speaker, audio.decode(path), words, np.array(edges))


def of_mini() -> Iterator[Spoken]:
    """All that is spoken between two pauses, in and out of the book."""
    rows = tables.rows(MINI / "reference" / "words.parquet", "reference_words")
    spoken = (row for row in rows if row["start_s"] is not None)
    for recording_id, rows_of_it in groupby(spoken, key=lambda row: row["recording_id"]):
        samples = audio.decode(MINI / "librilight" / f"{recording_id}.flac")
        for part in stretches(list(rows_of_it)):
            at_s = max(0.0, part[0]["start_s"] - MARGIN_S)
            end_s = part[-1]["end_s"] + MARGIN_S
            own = samples[round(at_s * 16_000) : round(end_s * 16_000)]
            single = [row for row in part if " " not in row["spoken"]]
            if len(single) < len(part):  # a number's words have one time together
                continue
            edges = np.array([(row["start_s"] - at_s, row["end_s"] - at_s) for row in single])
            words = [row["spoken"] for row in single]
            yield Spoken(recording_id, recording_id.split("/")[1], own, words, edges)


def stretches(words: Sequence[dict]) -> Iterator[list[dict]]:
    held: list[dict] = []
    for word in words:
        apart = held and word["start_s"] - held[-1]["end_s"] > PAUSE_S
        if apart or (held and word["end_s"] - held[0]["start_s"] > LONGEST_S):
            yield held
            held = []
        held.append(word)
    if held:
        yield held


def spread(words: Sequence[str], start_s: float, end_s: float) -> np.ndarray:
    """(start_s, end_s) [num_words, 2], each word as long as its share of the letters."""
    shares = np.cumsum([0, *map(len, words)]) / sum(map(len, words))
    edges_s = start_s + (end_s - start_s) * shares
    return np.stack([edges_s[:-1], edges_s[1:]], axis=1)


if __name__ == "__main__":
    main()
