"""TextGrids for Praat, and CTM: words with times, of whole recordings and of utterances.

TextGrid's long text format, as the Praat manual has it ("TextGrid file formats").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, TextIO

from aubert.export.corpus import Corpus, Utterance
from aubert.export.ctm import ctm
from aubert.export.names import file_name
from aubert.files import complete_directory


class Interval(NamedTuple):
    start_s: float
    end_s: float
    text: str


def export_textgrid(corpus: Corpus, out: Path) -> str:
    """<out>/recordings/<recording_id>.TextGrid with the tiers words, spoken and utterances, in
    the recording's time; <out>/utterances/<utterance_id>.TextGrid with words and spoken, in the
    utterance's, as its audio export has it; and a CTM of each kind, with words as spoken."""
    num_recordings = num_utterances = 0
    with (
        complete_directory(out) as part,
        _ctm(part, "recordings") as of_recordings,
        _ctm(part, "utterances") as of_utterances,
    ):
        chapters = groupby(corpus.aligned(), key=lambda u: u.recording["recording_id"])
        for recording_id, group in chapters:
            utterances = list(group)
            _write(part / "recordings" / recording_id, *_recording_tiers(utterances))
            num_recordings += 1
            for utterance in utterances:
                tiers = _utterance_tiers(utterance)
                _write(part / "utterances" / utterance.utterance_id, *tiers)
                of_recordings.write(ctm(utterance, in_recording=True))
                of_utterances.write(ctm(utterance, in_recording=False))
                num_utterances += 1
    return f"textgrid: {num_recordings} recordings, {num_utterances} utterances in {out}"


def textgrid(duration_s: float, tiers: dict[str, Sequence[Interval]]) -> str:
    """The text of a TextGrid; what lies between a tier's intervals is filled with empty ones."""
    head = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    head += ["xmin = 0 ", f"xmax = {duration_s:.6f} ", "tiers? <exists> ", f"size = {len(tiers)} "]
    lines = [*head, "item []: "]
    for number, (name, intervals) in enumerate(tiers.items(), 1):
        filled = _filled(intervals, duration_s)
        lines += [f"    item [{number}]:", '        class = "IntervalTier" ']
        lines += [f"        name = {_quoted(name)} ", "        xmin = 0 "]
        lines += [f"        xmax = {duration_s:.6f} "]
        lines += [f"        intervals: size = {len(filled)} "]
        for place, interval in enumerate(filled, 1):
            lines += [
                f"        intervals [{place}]:",
                f"            xmin = {interval.start_s:.6f} ",
            ]
            lines += [f"            xmax = {interval.end_s:.6f} "]
            lines += [f"            text = {_quoted(interval.text)} "]
    return "\n".join(lines) + "\n"


def _filled(intervals: Iterable[Interval], duration_s: float) -> list[Interval]:
    filled: list[Interval] = []
    now = 0.0
    for interval in intervals:
        start_s, end_s = max(interval.start_s, now), min(interval.end_s, duration_s)
        if end_s <= start_s:
            continue
        if start_s > now:
            filled.append(Interval(now, start_s, ""))
        filled.append(Interval(start_s, end_s, interval.text))
        now = end_s
    if now < duration_s:
        filled.append(Interval(now, duration_s, ""))
    return filled


def _quoted(text: str) -> str:
    return '"' + " ".join(text.split()).replace('"', '""') + '"'


def _recording_tiers(utterances: list[Utterance]) -> tuple[float, dict[str, list[Interval]]]:
    recording = utterances[0].recording
    words = [word for utterance in utterances for word in utterance.words]
    names = [
        Interval(u.slices_s[0][0], u.slices_s[-1][1], u.utterance_id.split("/")[-1])
        for u in utterances
    ]
    times = [(word.recording_start_s, word.recording_end_s) for word in words]
    tiers = {
        "words": [Interval(*at, word.word) for at, word in zip(times, words, strict=True)],
        "spoken": [Interval(*at, word.spoken) for at, word in zip(times, words, strict=True)],
        "utterances": names,
    }
    return recording["num_samples"] / recording["sample_rate_hz"], tiers


def _utterance_tiers(utterance: Utterance) -> tuple[float, dict[str, list[Interval]]]:
    tiers = {
        name: [
            Interval(word.start_s, word.end_s, getattr(word, column)) for word in utterance.words
        ]
        for name, column in (("words", "word"), ("spoken", "spoken"))
    }
    return utterance.duration_s, tiers


def _write(path: Path, duration_s: float, tiers: dict[str, list[Interval]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not with_suffix: an id may hold a dot.
    path.with_name(file_name(path.name, ".TextGrid")).write_text(
        textgrid(duration_s, tiers), encoding="utf-8"
    )


def _ctm(folder: Path, name: str) -> TextIO:
    return (folder / f"{name}.ctm").open("w", encoding="utf-8")
