"""Voice activity on real recordings: the cut stage's VAD beside webrtcvad's plain output.

Precision and recall of speech, by time, against the reference segments of
../shared/real/vad and the word times of ../shared/real/words. "All speech" is the
trivial control. AMI's reference turns run across short pauses, so every detector that
hears pauses misses some of their time.

    python benchmarks/vad.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from real_recordings import real_recordings

from aubert.audio import decode
from aubert.corpus.vad import FRAME_MS, VadOptions, frame_decisions, voice_activity

GRID_MS = 10


def main() -> None:
    options = VadOptions()
    print(f"{'set':<16}{'detector':<16}{'precision':>10}{'recall':>8}{'s':>8}")
    for name, references in (("vad", vad_references()), ("words", word_references())):
        results: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        for path, segments in references:
            samples = decode(path)
            num_cells = len(samples) * 1000 // 16_000 // GRID_MS
            truth = on_grid(segments, num_cells)
            plain = frame_decisions(samples, options.aggressiveness)
            found = {
                "aubert": on_grid(voice_activity(samples, options), num_cells),
                "webrtcvad plain": np.repeat(plain, FRAME_MS // GRID_MS)[:num_cells],
                "all speech": np.ones(num_cells, bool),
            }
            for detector, cells in found.items():
                padded = np.zeros(num_cells, bool)
                padded[: len(cells)] = cells
                results.setdefault(detector, []).append((padded, truth))
        for detector, pairs in results.items():
            cells, truth = (np.concatenate(side) for side in zip(*pairs, strict=True))
            hits = (cells & truth).sum()
            seconds = len(truth) * GRID_MS / 1000
            print(
                f"{name:<16}{detector:<16}{hits / cells.sum():>10.3f}"
                f"{hits / truth.sum():>8.3f}{seconds:>8.0f}"
            )


def vad_references():
    for path, entry in entries(real_recordings("vad")):
        yield path, [(start, end) for start, end, label in entry["segments"] if label == "speech"]


def word_references():
    for path, entry in entries(real_recordings("words")):
        yield path, [(start, end) for _, start, end in entry["words"]]


def entries(folder: Path):
    for line in (folder / "refs.jsonl").read_text().splitlines():
        entry = json.loads(line)
        yield folder / entry["audio"], entry


def on_grid(intervals, num_cells: int) -> np.ndarray:
    cells = np.zeros(num_cells, bool)
    for start_s, end_s in intervals:
        cells[round(start_s * 1000 / GRID_MS) : round(end_s * 1000 / GRID_MS)] = True
    return cells


if __name__ == "__main__":
    main()
