"""Takes pauses out of aligned words.

An aligner's model of silence does not fit every room: a pause can be given to the word
beside it, above all to a weak first sound ("the", "where"). No word holds a long quiet
stretch, so words are cut down to their loudest part between such stretches.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aubert.transcribe.pocketsphinx import plain_word

FRAME_S = 0.01
FRAME_SAMPLES = 160  # 10 ms at 16 kHz
# Edges lie behind the beginning of their frame, whose window is 25 ms long: by half a frame, as
# measured on the miniature corpus and on TIMIT.
EDGE_S = FRAME_S / 2
_PAUSE_FRAMES = 5  # of silence; before words in running speech lie closures, which are shorter
_WINDOW_SAMPLES = 400
_MIN_QUIET_FRAMES = 10  # the closure of a stop is hardly longer
_MIN_QUIET_FRAMES_AT_END = 30  # a closure and a weak release may end a word ("lamp")
_MAX_CLICK_FRAMES = 5  # lips that part, seen through a window of 25 ms
_MIN_QUIET_AFTER_CLICK = 5
_MARGIN_FRAMES = 2  # soft edges lie below the threshold
_LEVEL = 0.15
_MAX_RANGE_DB = 45.0  # digital silence is not the measure of a quiet room


def loud_frames(samples: np.ndarray) -> np.ndarray:
    """bool [num_samples // 160]: frames whose level is above the utterance's pauses.

    samples: float32 [num_samples] at 16 kHz. The threshold lies at 15% of the way from
    the quietest 5% to the loudest 5%, in dB, after pre-emphasis (which lifts fricatives
    above hum).
    """
    emphasised = np.append(samples[:1], samples[1:] - 0.97 * samples[:-1]).astype(np.float64)
    energy = np.concatenate([[0.0], np.cumsum(emphasised**2)])
    centres = np.arange(len(samples) // FRAME_SAMPLES) * FRAME_SAMPLES + FRAME_SAMPLES // 2
    first = np.maximum(centres - _WINDOW_SAMPLES // 2, 0)
    last = np.minimum(centres + _WINDOW_SAMPLES // 2, len(samples))
    level_db = 10 * np.log10((energy[last] - energy[first]) / (last - first) + 1e-10)
    if not len(level_db):
        return np.zeros(0, bool)
    quiet_db, loud_db = np.percentile(level_db, (5, 95))
    quiet_db = max(quiet_db, loud_db - _MAX_RANGE_DB)
    return level_db > quiet_db + _LEVEL * (loud_db - quiet_db)


def edges_of(path: Sequence, loud: np.ndarray) -> list[tuple[float, float]]:
    """(start_s, end_s) of the words on a pocketsphinx decoder's path. loud: as of loud_frames"""
    silences = [each for each in path if not plain_word(each.word)]
    long = (each for each in silences if each.end_frame - each.start_frame >= _PAUSE_FRAMES - 1)
    behind_pauses = {0, *(each.end_frame + 1 for each in long)}
    before_silences = {path[-1].end_frame + 1, *(each.start_frame for each in silences)}
    found = []
    for word in (each for each in path if plain_word(each.word)):
        begin, behind = word.start_frame, word.end_frame + 1
        is_last = behind in before_silences
        start, end = trim(begin, behind, loud, begin in behind_pauses, is_last)
        found.append((start * FRAME_S + EDGE_S, end * FRAME_S + (0.0 if is_last else EDGE_S)))
    return found


def trim(
    start: int,
    end: int,
    loud: np.ndarray,
    after_pause: bool = False,
    before_pause: bool = False,
) -> tuple[int, int]:
    """The frames [start, end) of a word, cut down where it holds a pause.

    Stretches of more than 100 ms below the threshold split it, and the part with most loud
    frames counts. Its start becomes the word's when at least 100 ms lie before it, its
    end when at least 300 ms follow, with a margin of 20 ms. A word without a loud frame
    stays as it is.

    after_pause: whether the word follows a pause. Then it starts with its first loud frame, and
    a click is no part of it: up to 50 ms of sound that at least 50 ms of quiet follow.
    before_pause: whether silence follows the word. Then it ends with its last loud frame, where no
    more than 100 ms lie behind it.
    """
    places = start + np.flatnonzero(loud[start:end])
    if not len(places):
        return start, end
    breaks = np.flatnonzero(np.diff(places) > _MIN_QUIET_FRAMES) + 1
    part = max(np.split(places, breaks), key=len)  # the first of equals
    if after_pause:
        part = _without_clicks(part)
    first, last = int(part[0]), int(part[-1]) + 1
    if after_pause:
        start = first
    elif first - start >= _MIN_QUIET_FRAMES:
        start = first - _MARGIN_FRAMES
    if before_pause and end - last <= _MIN_QUIET_FRAMES:
        end = last
    elif end - last >= _MIN_QUIET_FRAMES_AT_END:
        end = last + _MARGIN_FRAMES
    return start, end


def _without_clicks(places: np.ndarray) -> np.ndarray:
    """The loud frames without those of clicks at the beginning."""
    runs = np.split(places, np.flatnonzero(np.diff(places) > _MIN_QUIET_AFTER_CLICK) + 1)
    while len(runs) > 1 and runs[0][-1] - runs[0][0] < _MAX_CLICK_FRAMES:
        del runs[0]
    return np.concatenate(runs)
