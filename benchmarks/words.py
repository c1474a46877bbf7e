"""Word edges of the pocketsphinx aligner on real clips, beside a trivial control.

The control spreads the words evenly, by letters, over the time from the first to the last
word. The edges of TIMIT's sentences were set by people. Those of the LibriVox clips are an
aligner's, most likely this one's: they show agreement, not exactness. Exact references are the
miniature corpus's.

    python benchmarks/words.py
"""

from __future__ import annotations

import json

import numpy as np
from real_recordings import real_recordings

from aubert import audio
from aubert.align.words_pocketsphinx import Aligner

SETS = {"TIMIT, by hand": ("more", "timit_sample"), "LibriVox, by an aligner": ("words",)}


def main() -> None:
    aligner = Aligner()
    print(
        f"{'':24}{'':18} {'edge':12} {'median':>8} {'90%':>8} {'<20 ms':>7} {'<50 ms':>7} {'n':>5}"
    )
    for name, parts in SETS.items():
        folder = real_recordings(*parts)
        errors: dict[str, list[np.ndarray]] = {"pocketsphinx": [], "spread by letters": []}
        for line in (folder / "refs.jsonl").read_text(encoding="utf-8").splitlines():
            reference = json.loads(line)
            words = [word for word, _, _ in reference["words"]]
            true_s = np.array([times for _, *times in reference["words"]])
            found = aligner.align(audio.decode(folder / reference["audio"]), words)
            if found is None:
                raise ValueError(f"{reference['audio']}: its words have no path through the audio")
            found_s = np.array([(word.start_s, word.end_s) for word in found])
            errors["pocketsphinx"].append(found_s - true_s)
            control_s = spread(words, true_s[0, 0], true_s[-1, 1])
            errors["spread by letters"].append(control_s - true_s)
        for method, utterances in errors.items():
            starts, ends = np.concatenate(utterances).T
            report(name, method, "start", starts)
            report(name, method, "end", ends)
            if method == "pocketsphinx":
                report(name, method, "first start", np.array([own[0, 0] for own in utterances]))


def report(name: str, method: str, edge: str, errors_s: np.ndarray) -> None:
    ms = 1000 * np.abs(errors_s)
    print(
        f"{name:24}{method:18} {edge:12} {np.median(ms):5.0f} ms {np.quantile(ms, 0.9):5.0f} ms "
        f"{100 * np.mean(ms < 20.5):6.1f}% {100 * np.mean(ms < 50.5):6.1f}% {len(ms):5}"
    )


def spread(words: list[str], start_s: float, end_s: float) -> np.ndarray:
    """(start_s, end_s) [num_words, 2], each word as long as its share of the letters."""
    shares = np.cumsum([0, *map(len, words)]) / sum(map(len, words))
    edges_s = start_s + (end_s - start_s) * shares
    return np.stack([edges_s[:-1], edges_s[1:]], axis=1)


if __name__ == "__main__":
    main()
