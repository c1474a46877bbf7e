"""Where words begin and end, from the spikes of a CTC alignment and the loudness.

A CTC model emits a letter once it has seen enough of it: starts come late and ends
early, by an amount that hardly varies within a model (Zeyer et al., "Why does CTC
result in peaky behavior?", 2021, on the spikes). So edges inside running speech are
the spikes plus the model's constant offset (`Calibration`), and edges at pauses are
where the loudness falls and rises.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aubert.files import write_json

HOP_S = 0.005
LOUDNESS_WINDOW_S = 0.02
SILENCE_FRACTION = 0.12  # of the way, in dB, from the quiet to the loud parts around
AROUND_S = 0.6  # readers fade through a sentence: its last words are loud beside each other
MIN_RANGE_DB = 10.0  # below it nothing in the utterance counts as silence
MAX_RANGE_DB = 50.0  # digital silence is not the measure of a quiet room
MIN_PAUSE_S = 0.07  # closures of plosives are mostly shorter, pauses at commas longer
MAX_PAUSE_IN_WORD_S = 0.3
MAX_SHIFT_S = 0.25  # from the calibrated edge to that of a pause
MIN_WORD_S = 0.02


class Spikes(NamedTuple):
    """Where the letters of one word were emitted: per letter (start_s, end_s), in order."""

    letters: tuple[tuple[float, float], ...]

    @property
    def start_s(self) -> float:
        return self.letters[0][0]

    @property
    def end_s(self) -> float:
        return self.letters[-1][1]


@dataclass(frozen=True)
class Calibration:
    """What to add to a model's spikes to get edges, and from how many words it was found.

    Kept as a json file with these four keys.
    """

    start_offset_ms: float = 0.0
    end_offset_ms: float = 0.0
    num_starts: int = 0
    num_ends: int = 0

    def save(self, path: str | Path) -> None:
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: str | Path) -> Calibration:
        """Raises ValueError when the file is not a calibration."""
        try:
            return cls(**json.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, json.JSONDecodeError, TypeError) as error:
            raise ValueError(
                f"calibration: {path} is not a calibration of word edges ({error}); "
                f"run the calibration of this model again"
            ) from None


class Loudness:
    """The silent stretches of one utterance."""

    def __init__(self, samples: np.ndarray, sample_rate_hz: int):
        """samples: mono float [num_samples]."""
        self.duration_s = len(samples) / sample_rate_hz
        level_db = _level_db(samples, sample_rate_hz)
        quiet, loud = np.percentile(level_db, [5, 95]) if len(level_db) else (0.0, 0.0)
        quiet = max(quiet, loud - MAX_RANGE_DB)
        # Inside a long pause nothing around is loud.
        around = np.clip(_loud_around(level_db), (quiet + loud) / 2, loud)
        silent = level_db < quiet + SILENCE_FRACTION * (around - quiet)
        silent &= bool(loud - quiet >= MIN_RANGE_DB)
        edges = np.flatnonzero(np.diff(np.pad(silent.astype(np.int8), 1)))
        # Hop i stands for the time around (i + .5) hops.
        self._runs = [(start * HOP_S, end * HOP_S) for start, end in edges.reshape(-1, 2).tolist()]

    def pauses(self, start_s: float, end_s: float, min_s: float = MIN_PAUSE_S) -> list[tuple]:
        """The silences that touch [start_s, end_s] and are at least `min_s` long, as
        (start_s, end_s) of the whole silence; any length at the utterance's own ends."""
        return [
            (start, end)
            for start, end in self._runs
            if start < end_s
            and end > start_s
            and (end - start >= min_s or start == 0 or end >= self.duration_s - HOP_S)
        ]


def _level_db(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """RMS level around the middle of every hop [num_hops]."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    hop = HOP_S * sample_rate_hz
    middle = (np.arange(int(len(samples) / hop)) + 0.5) * hop
    half = LOUDNESS_WINDOW_S * sample_rate_hz / 2
    start = np.maximum(middle - half, 0).astype(int)
    end = np.minimum(middle + half, len(samples)).astype(int)
    return 10 * np.log10((energy[end] - energy[start]) / (end - start) + 1e-10)


def _loud_around(level_db: np.ndarray) -> np.ndarray:
    """The 95th percentile of the levels within AROUND_S / 2 of every hop [num_hops]."""
    from scipy.ndimage import percentile_filter  # .3 s, which no start of Snakemake has to wait for

    return percentile_filter(level_db, 95, size=int(AROUND_S / HOP_S) + 1, mode="nearest")


def word_edges(
    words: Sequence[Spikes],
    joined: Sequence[bool],
    loudness: Loudness,
    calibration: Calibration,
) -> list[tuple[float, float]]:
    """(start_s, end_s) per word, in order, without overlap, inside the utterance.

    joined: per pair of neighbours whether nothing stands between them in the script; such
    words share a cut where no pause parts them. A word never covers a pause of
    MAX_PAUSE_IN_WORD_S: it keeps the side with more of its letters.
    """
    words = [_without_pauses(word, loudness) for word in words]
    starts = [
        _start(word, before, loudness, calibration)
        for word, before in zip(words, [None, *words], strict=False)
    ]
    ends = [
        _end(word, after, loudness, calibration)
        for word, after in zip(words, [*words[1:], None], strict=True)
    ]
    for i, together in enumerate(joined):
        gap_s = starts[i + 1] - ends[i]
        parted = loudness.pauses(words[i].end_s, words[i + 1].start_s)
        if gap_s < 0 or (together and not parted and gap_s <= MAX_SHIFT_S):
            ends[i] = starts[i + 1]
    return _in_order(starts, ends, loudness.duration_s)


def _without_pauses(word: Spikes, loudness: Loudness) -> Spikes:
    groups: list[list[tuple[float, float]]] = [[word.letters[0]]]
    for letter in word.letters[1:]:
        if loudness.pauses(groups[-1][-1][1], letter[0], MAX_PAUSE_IN_WORD_S):
            groups.append([])
        groups[-1].append(letter)
    return Spikes(tuple(max(groups, key=len)))


def _start(
    word: Spikes, before: Spikes | None, loudness: Loudness, calibration: Calibration
) -> float:
    offset_s = calibration.start_offset_ms / 1000
    calibrated = word.start_s + offset_s
    pause = _pause_before(word, before, loudness)
    if pause is not None and abs(pause - calibrated) <= MAX_SHIFT_S:
        return pause
    # Not before the last letter of the word ahead begins.
    floor = before.letters[-1][0] + offset_s + MIN_WORD_S if before else 0.0
    return max(calibrated, floor)


def _end(word: Spikes, after: Spikes | None, loudness: Loudness, calibration: Calibration) -> float:
    calibrated = word.end_s + calibration.end_offset_ms / 1000
    pause = _pause_after(word, after, loudness)
    if pause is not None and (pause <= calibrated or pause - calibrated <= MAX_SHIFT_S):
        return pause
    return calibrated


def _pause_before(word: Spikes, before: Spikes | None, loudness: Loudness) -> float | None:
    """Where the silence ends that the word follows."""
    pauses = loudness.pauses(before.end_s if before else 0.0, word.start_s)
    return pauses[-1][1] if pauses and pauses[-1][1] <= word.end_s else None


def _pause_after(word: Spikes, after: Spikes | None, loudness: Loudness) -> float | None:
    """Where the silence begins that follows the word."""
    pauses = loudness.pauses(word.end_s, after.start_s if after else loudness.duration_s)
    return pauses[0][0] if pauses and pauses[0][0] >= word.start_s else None


def _in_order(
    starts: Sequence[float], ends: Sequence[float], duration_s: float
) -> list[tuple[float, float]]:
    edges: list[tuple[float, float]] = []
    last_end = 0.0
    for start, end in zip(starts, ends, strict=True):
        start = min(max(start, last_end), duration_s)
        end = min(max(end, start + MIN_WORD_S), duration_s)
        edges.append((start, end))
        last_end = end
    return edges


def calibrate(
    aligned: Iterable[tuple[Sequence[Spikes], Loudness]],
    references: Iterable[Sequence[tuple[float, float]]] | None = None,
) -> Calibration:
    """The offsets of a model, as medians over utterances of (spikes of the words, loudness).

    references: for each utterance the true (start_s, end_s) of those words. Without them,
    the words at pauses are taken, whose edges can be seen in the loudness.
    """
    starts: list[float] = []
    ends: list[float] = []
    if references is not None:
        for (words, _), truth in zip(aligned, references, strict=True):
            starts += [true[0] - word.start_s for word, true in zip(words, truth, strict=True)]
            ends += [true[1] - word.end_s for word, true in zip(words, truth, strict=True)]
    else:
        for words, loudness in aligned:
            for word, before in zip(words, [None, *words], strict=False):
                pause = _pause_before(word, before, loudness)
                starts += [] if pause is None else [pause - word.start_s]
            for word, after in zip(words, [*words[1:], None], strict=True):
                pause = _pause_after(word, after, loudness)
                ends += [] if pause is None else [pause - word.end_s]
    starts = [shift for shift in starts if abs(shift) <= MAX_SHIFT_S]
    ends = [shift for shift in ends if abs(shift) <= MAX_SHIFT_S]
    return Calibration(_median_ms(starts), _median_ms(ends), len(starts), len(ends))


def _median_ms(shifts_s: Sequence[float]) -> float:
    return round(float(np.median(shifts_s)) * 1000, 1) if shifts_s else 0.0
