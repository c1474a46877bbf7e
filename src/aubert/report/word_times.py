"""Times of words: confidence, exactness, and a few utterances to listen to."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from aubert import audio
from aubert.evaluate.reference import read_reference
from aubert.report.blocks import Player, Section, Spoken, Word
from aubert.report.charts import histogram
from aubert.report.numbers import short
from aubert.report.run import Run
from aubert.report.sound import data_uri, peaks

_PLAYED = 5
_LISTENING_S = (4.0, 12.0)  # long enough to hear something, short enough for the page
_BETWEEN = 12  # characters of punctuation and spaces between two words that follow each other
_ERRORS_MS = np.arange(-100, 101, 5.0)
_CONFIDENCES = np.linspace(0, 1, 51)


def section(run: Run) -> Section:
    blocks = [_confidences(run)]
    if run.reference is not None:
        blocks.append(_errors(run))
    blocks.append(Player(_utterances(run)))
    return Section(
        "words",
        "Words and their times",
        "Utterances to listen to, from the least to the most sure of its words. A click on a "
        "word plays it; paler words are less sure.",
        blocks,
    )


def _confidences(run: Run):
    counts = sum(
        np.histogram(found, _CONFIDENCES)[0] for found in run.column("words", "confidence")
    )
    return histogram(
        "Confidence of words",
        f"Histogram of the confidence of {counts.sum():,} words, from 0 to 1.",
        _CONFIDENCES,
        counts,
        x="confidence",
        y="words",
    )


def _errors(run: Run):
    """Signed errors of word starts: a bias is a heap beside zero."""
    truth = read_reference(run.reference).words
    starts = {
        recording_id: (
            np.array([word["char_start"] for word in words if word["label"] == "READ"], np.int64),
            np.array([word["start_s"] * 1000 for word in words if word["label"] == "READ"]),
        )
        for recording_id, words in truth.items()
    }
    counts, num_far = np.zeros(len(_ERRORS_MS) - 1, np.int64), 0
    for shard in run.shards:
        found = run.read("words", shard, ["utterance_id", "char_start", "recording_start_ms"])
        recordings = np.array([one.rsplit("_", 1)[0] for one in found["utterance_id"].to_pylist()])
        chars, times = found["char_start"].to_numpy(), found["recording_start_ms"].to_numpy()
        for recording_id in np.unique(recordings):
            if recording_id not in starts:
                continue
            own = recordings == recording_id
            errors = _nearest_errors(*starts[recording_id], chars[own], times[own])
            counts += np.histogram(errors, _ERRORS_MS)[0]
            num_far += int((np.abs(errors) > -_ERRORS_MS[0]).sum())
    return histogram(
        "Error of word starts",
        f"Histogram of {counts.sum():,} signed errors in milliseconds; {num_far:,} more are "
        f"beyond {_ERRORS_MS[-1]:.0f} ms.",
        _ERRORS_MS,
        counts,
        x=f"ms after the true start ({num_far:,} of {counts.sum() + num_far:,} are further off)",
        y="words",
        mark_at=0.0,
    )


def _nearest_errors(
    true_chars: np.ndarray, true_ms: np.ndarray, chars: np.ndarray, times_ms: np.ndarray
) -> np.ndarray:
    """Of each word whose place in the book was read. A word that was read twice has two true
    times: the nearer counts."""
    errors = []
    for char, time_ms in zip(chars, times_ms, strict=True):
        here = true_ms[true_chars == char]
        if len(here):
            off = time_ms - here
            errors.append(off[np.abs(off).argmin()])
    return np.array(errors)


def _utterances(run: Run) -> list[Spoken]:
    chosen = _chosen(run)
    utterances = run.rows_of("utterances", chosen)
    words, places = run.rows_of("words", chosen), run.rows_of("refined", chosen)
    recordings = run.rows_of("recordings", [utterances[one][0]["recording_id"] for one in chosen])
    played = []
    for one, mean in chosen.items():
        (utterance,), (place,) = utterances[one], places[one]
        (recording,) = recordings[utterance["recording_id"]]
        slices = [(piece["start_sample"], piece["end_sample"]) for piece in utterance["slices"]]
        try:
            samples = audio.decode(run.root / recording["path"], slices)
        except audio.AudioError:  # it went away since the run
            continue
        played.append(
            Spoken(
                name=one,
                note=f"mean confidence {short(mean)}, speaker {recording['speaker']}",
                audio=data_uri(samples, audio.SAMPLE_RATE_HZ),
                seconds=len(samples) / audio.SAMPLE_RATE_HZ,
                peaks=peaks(samples),
                words=_words(words[one], place, run.text(place["book_id"])),
            )
        )
    return played


def _words(rows: list[dict], place: dict, book: str) -> list[Word]:
    words = []
    for row, later in zip(rows, [*rows[1:], None], strict=True):
        after = book[row["char_end"] : later["char_start"] if later else place["char_end"]]
        if len(after) > _BETWEEN:
            after = " […] "  # what the reader skipped
        words.append(Word(row["word"], after, row["start_ms"], row["end_ms"], row["confidence"]))
    return words


def _chosen(run: Run) -> dict[str, float]:
    """utterance_id -> mean confidence, at even ranks of it, from the least up."""
    ranked, order = [], [("confidence_mean", "ascending"), ("utterance_id", "ascending")]
    for shard in run.shards:
        words = run.read("words", shard, ["utterance_id", "confidence"])
        means = words.group_by("utterance_id").aggregate([("confidence", "mean")])
        _, utterances = run.seconds(shard)
        joined = means.join(utterances, "utterance_id")
        low, high = _LISTENING_S
        fits = pa.compute.and_(
            pa.compute.greater_equal(joined["seconds"], low),
            pa.compute.less_equal(joined["seconds"], high),
        )
        some = joined.filter(fits) if pa.compute.any(fits).as_py() else joined
        ranked.append(_even_ranks(some.sort_by(order)))
    picked = _even_ranks(pa.concat_tables(ranked).sort_by(order))
    names, means = picked["utterance_id"].to_pylist(), picked["confidence_mean"].to_pylist()
    return dict(zip(names, means, strict=True))


def _even_ranks(rows: pa.Table) -> pa.Table:
    places = np.unique(np.linspace(0, max(len(rows) - 1, 0), _PLAYED).round().astype(int))
    return rows.take(places[: len(rows)])
