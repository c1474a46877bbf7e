"""Lhotse manifests: recordings, supervisions and cuts, with alignments of words.

The fields are those of lhotse's Recording, SupervisionSegment, MonoCut and MixedCut. No
audio is copied: a cut points into the recordings as they are stored.
"""

from __future__ import annotations

import gzip
import json
from bisect import bisect_right
from contextlib import ExitStack
from pathlib import Path
from typing import IO, NamedTuple

import soundfile

from aubert.export.corpus import Corpus, Utterance, Word
from aubert.files import complete_directory
from aubert.text.languages.codes import english_name


class _Slice(NamedTuple):
    """One stretch of a recording, and the words that were spoken in it."""

    start_s: float
    duration_s: float
    words: list[Word]


def export_lhotse(corpus: Corpus, out: Path) -> str:
    """<out>/{recordings,supervisions,cuts}.jsonl.gz.

    A cut is an utterance: a MonoCut, or a MixedCut of the slices that are played one after
    another. A supervision is what was read in one slice: its text as the book writes it,
    `custom.spoken` as it is spoken. Its times, and those of its words, are the recording's in
    supervisions.jsonl.gz and the cut's in cuts.jsonl.gz.
    """
    num_cuts = 0
    with complete_directory(out) as part, ExitStack() as stack:
        recordings, supervisions, cuts = (
            stack.enter_context(gzip.open(part / f"{name}.jsonl.gz", "wt", encoding="utf-8"))
            for name in ("recordings", "supervisions", "cuts")
        )
        described: dict = {}
        for utterance in corpus.aligned():
            if described.get("id") != utterance.recording["recording_id"]:
                described = _recording(corpus, utterance)
                _write(recordings, described)
            book = corpus.book(utterance.book_id)
            slices = _slices(utterance)
            for number, piece in enumerate(slices):
                for supervision in _supervision(utterance, slices, number, book, piece.start_s):
                    _write(supervisions, supervision)
            _write(cuts, _cut(utterance, slices, book, described))
            num_cuts += 1
    return f"lhotse: {num_cuts} cuts in {out}"


def _write(file: IO[str], entry: dict) -> None:
    file.write(json.dumps(entry, ensure_ascii=False) + "\n")


def _recording(corpus: Corpus, utterance: Utterance) -> dict:
    recording, path = utterance.recording, corpus.audio(utterance)
    channels = list(range(soundfile.info(str(path)).channels))
    return {
        "id": recording["recording_id"],
        "sources": [{"type": "file", "channels": channels, "source": str(path)}],
        "sampling_rate": recording["sample_rate_hz"],
        "num_samples": recording["num_samples"],
        "duration": recording["num_samples"] / recording["sample_rate_hz"],
        "channel_ids": channels,
    }


def _slices(utterance: Utterance) -> list[_Slice]:
    """Each word in the slice in which it begins."""
    starts_s = [start_s for start_s, _ in utterance.slices_s]
    words: list[list[Word]] = [[] for _ in starts_s]
    for word in utterance.words:
        # Words count in milliseconds, slices in samples.
        place = bisect_right(starts_s, word.recording_start_s + 0.0005) - 1
        words[max(place, 0)].append(word)
    return [
        _Slice(start_s, end_s - start_s, spoken)
        for (start_s, end_s), spoken in zip(utterance.slices_s, words, strict=True)
    ]


def _supervision(
    utterance: Utterance, slices: list[_Slice], number: int, book: str, offset_s: float
) -> list[dict]:
    """Of one slice, if something was read in it. offset_s: of the slice, where times count."""
    piece = slices[number]
    if not piece.words:
        return []
    # In the order of the book: a reader may jump.
    in_book = sorted(piece.words, key=lambda word: word.char_start)
    first, last = in_book[0], in_book[-1]
    later = [after.words[0] for after in slices[number + 1 :] if after.words]
    char_start = _with_opening(book, first)
    if later and later[0].char_start > last.char_start:
        char_end = _with_opening(book, later[0])
    else:
        char_end = _run_end(utterance, last)
    shift_s = offset_s - piece.start_s
    return [
        {
            "id": f"{utterance.utterance_id}-{number}",
            "recording_id": utterance.recording["recording_id"],
            "start": offset_s,
            "duration": piece.duration_s,
            "channel": 0,
            "text": utterance.written(book, char_start, char_end),
            "language": english_name(utterance.language),
            "speaker": utterance.speaker,
            "custom": {
                "spoken": " ".join(word.spoken for word in piece.words),
                "book_id": utterance.book_id,
                "char_start": char_start,
                "char_end": char_end,
                "similarity": utterance.refined["similarity"],
                "has_extra": utterance.has_extra,
            },
            "alignment": {"word": [_aligned(word, shift_s) for word in piece.words]},
        }
    ]


def _run_end(utterance: Utterance, word: Word) -> int:
    """Where the run ends in which the word was read."""
    return min(
        run["char_end"]
        for run in utterance.refined["runs"]
        if run["label"] == "READ" and run["char_end"] >= word.char_end
    )


def _with_opening(book: str, word: Word) -> int:
    """Where the word begins, with the quotation marks and brackets that open it."""
    start = word.char_start
    while start and not (book[start - 1].isspace() or book[start - 1].isalnum()):
        start -= 1
    return start


def _aligned(word: Word, shift_s: float) -> list:
    """[symbol, start, duration, score]"""
    start_s = round(max(word.recording_start_s + shift_s, 0.0), 6)
    duration_s = round(word.recording_end_s - word.recording_start_s, 6)
    return [word.word, start_s, duration_s, word.confidence]


def _cut(utterance: Utterance, slices: list[_Slice], book: str, recording: dict) -> dict:
    monos = [
        {
            "id": utterance.utterance_id if len(slices) == 1 else f"{utterance.utterance_id}-{n}",
            "start": piece.start_s,
            "duration": piece.duration_s,
            "channel": 0,
            "supervisions": _supervision(utterance, slices, n, book, 0.0),
            "recording": recording,
            "type": "MonoCut",
        }
        for n, piece in enumerate(slices)
    ]
    if len(monos) == 1:
        return monos[0]
    tracks, offset_s = [], 0.0
    for mono in monos:
        tracks.append({"cut": mono, "type": "MonoCut", "offset": offset_s})
        offset_s += mono["duration"]
    return {"id": utterance.utterance_id, "tracks": tracks, "type": "MixedCut"}
