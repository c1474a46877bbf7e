"""Word edges of the pocketsphinx aligner on real clips, beside a trivial control.

The control spreads the words evenly, by letters, over the time from the first to the last
word. An aligner made the references ("silver"), most likely this one: the figures show
agreement, not exactness. Exact references are the miniature corpus's.

    python benchmarks/words.py
"""

from __future__ import annotations

import json

import numpy as np
from real_recordings import real_recordings

from aubert import audio
from aubert.align.words_pocketsphinx import Aligner


def main() -> None:
    folder = real_recordings("words")
    aligner = Aligner()
    errors: dict[str, list[np.ndarray]] = {"pocketsphinx": [], "spread by letters": []}
    for line in (folder / "refs.jsonl").read_text(encoding="utf-8").splitlines():
        reference = json.loads(line)
        words = [word for word, _, _ in reference["words"]]
        true_s = np.array([times for _, *times in reference["words"]])
        found = aligner.align(audio.decode(folder / reference["audio"]), words)
        if found is None:
            raise ValueError(f"{reference['audio']}: no path says its words")
        found_s = np.array([(word.start_s, word.end_s) for word in found])
        errors["pocketsphinx"].append(found_s - true_s)
        control_s = spread(words, true_s[0, 0], true_s[-1, 1])
        errors["spread by letters"].append(control_s - true_s)
    print(f"{'':18} {'edge':6} {'median':>8} {'90%':>8} {'<50 ms':>7} {'n':>5}")
    for name, parts in errors.items():
        for edge, column in zip(("start", "end"), np.concatenate(parts).T, strict=True):
            ms = 1000 * np.abs(column)
            print(
                f"{name:18} {edge:6} {np.median(ms):5.0f} ms {np.quantile(ms, 0.9):5.0f} ms "
                f"{100 * np.mean(ms < 50):6.1f}% {len(ms):5}"
            )


def spread(words: list[str], start_s: float, end_s: float) -> np.ndarray:
    """(start_s, end_s) [num_words, 2], each word as long as its share of the letters."""
    shares = np.cumsum([0, *map(len, words)]) / sum(map(len, words))
    edges_s = start_s + (end_s - start_s) * shares
    return np.stack([edges_s[:-1], edges_s[1:]], axis=1)


if __name__ == "__main__":
    main()
