"""Word edges of the pocketsphinx aligner, true words given, beside a trivial control.

The control spreads the words evenly, by letters, over the time from the first to the last word.
The edges of TIMIT's sentences were set by people. Those of the miniature corpus are exact; its
recordings are cut at pauses. Those of the LibriVox clips are an aligner's, most likely this one's:
they show agreement, not exactness.

    make demo    # for the miniature corpus
    python benchmarks/words.py
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from figures import figure, keep, table
from real_recordings import ROOT, real_recordings

from aubert import audio, tables
from aubert.align.words_pocketsphinx import Aligner
from aubert.evaluate.metrics import quantile, share

REAL = {"TIMIT, by hand": ("more", "timit_sample"), "LibriVox, by an aligner": ("words",)}
MINI = ROOT / "data" / "mini"
PAUSE_S, MARGIN_S, LONGEST_S = 0.2, 0.1, 25.0
COLUMNS = ("edges", "method", "median, ms (95% interval)", "within 20 ms", "within 50 ms", "n")


class Spoken(NamedTuple):
    """An utterance: float32 at 16 kHz, its words, and their true (start_s, end_s)."""

    speaker: str
    samples: np.ndarray
    words: list[str]
    edges_s: np.ndarray


def main() -> None:
    began, rows, aligner = time.process_time(), [], Aligner()
    sets = {name: list(by_people(parts)) for name, parts in REAL.items()}
    if not (MINI / "reference" / "words.parquet").exists():
        raise SystemExit(f"{MINI} holds no miniature corpus: run `make demo` first")
    sets["miniature corpus, exact"] = list(of_mini())
    for name, utterances in sets.items():
        errors_s, control_s = [], []
        for each in utterances:
            found = aligner.align(each.samples, each.words)
            if found is None:
                raise ValueError(f"no path through the audio: {' '.join(each.words)[:200]}")
            errors_s.append(np.array([word[:2] for word in found]) - each.edges_s)
            control_s.append(spread(each.words, *each.edges_s[[0, -1], [0, 1]]) - each.edges_s)
        rows += rows_of(name, "pocketsphinx", utterances, errors_s)
        rows += rows_of(name, "spread by letters", utterances, control_s)
    seconds = time.process_time() - began
    keep("words", COLUMNS, rows, command="python benchmarks/words.py", seconds=seconds)
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


def by_people(parts: Sequence[str]) -> Iterator[Spoken]:
    folder = real_recordings(*parts)
    for line in (folder / "refs.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        words, edges = [word for word, *_ in row["words"]], [times for _, *times in row["words"]]
        speaker = row.get("speaker", row["audio"])
        yield Spoken(speaker, audio.decode(folder / row["audio"]), words, np.array(edges))


def of_mini() -> Iterator[Spoken]:
    """All that is said between two pauses, in and out of the book."""
    rows = tables.rows(MINI / "reference" / "words.parquet", "reference_words")
    said = (row for row in rows if row["start_s"] is not None)
    for recording_id, words in groupby(said, key=lambda row: row["recording_id"]):
        samples = audio.decode(MINI / "librilight" / f"{recording_id}.flac")
        for part in stretches(list(words)):
            at_s = max(0.0, part[0]["start_s"] - MARGIN_S)
            end_s = part[-1]["end_s"] + MARGIN_S
            own = samples[round(at_s * 16_000) : round(end_s * 16_000)]
            single = [row for row in part if " " not in row["spoken"]]
            if len(single) < len(part):  # a number's words have one time together
                continue
            edges = np.array([(row["start_s"] - at_s, row["end_s"] - at_s) for row in single])
            yield Spoken(recording_id.split("/")[1], own, [row["spoken"] for row in single], edges)


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
