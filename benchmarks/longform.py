"""Two chapters of a LibriSpeech reader through the whole flow, with the whole novel as text.

The utterances of Northanger Abbey, joined in order, 25 minutes with known gaps: the times and the
places of all pieces are exact. Transcribed and aligned by pocketsphinx (preset own-audiobooks). The
control spreads the words of each chapter evenly, by letters, over its time.

    python benchmarks/longform.py
"""

from __future__ import annotations

import csv
import tempfile
from collections import defaultdict
from pathlib import Path

from figures import cpu_of_children, figure, keep, table
from real_recordings import real_recordings
from unread import run_preset

from aubert import tables
from aubert.align.timeline import Timeline
from aubert.evaluate.metrics import proportion
from aubert.text.normalise import tokenize

SLACK_S = 0.1
MIN_GAP = 3  # words of the book that are missing between two pieces


def main() -> None:
    source = real_recordings("more", "librispeech_longform")
    with tempfile.TemporaryDirectory() as directory:
        make_corpus(source, Path(directory) / "in")
        results = run_preset(Path(directory))
        report(results, source)


def make_corpus(source: Path, folder: Path) -> None:
    book = folder / "19" / "Northanger Abbey"
    book.mkdir(parents=True)
    for number, path in enumerate(sorted(source.glob("*.ogg")), start=1):
        (book / f"{number:02}.ogg").symlink_to(path)
    (book / "book.txt").symlink_to(source / "books" / "pg121.txt")


def report(results: Path, source: Path) -> None:
    text = (source / "books" / "pg121.txt").read_bytes().decode("utf-8")
    with (source / "pieces.tsv").open(encoding="utf-8", newline="") as file:
        pieces = list(csv.DictReader(file, delimiter="\t"))
    chapters = defaultdict(list)
    for piece in pieces:
        chapters[piece["file"]].append(piece)
    timed = words_of(results)
    placed, in_time, control, kept, at_gaps, in_gaps = ([] for _ in range(6))
    for number, name in enumerate(sorted(chapters), start=1):
        own = [piece for piece in chapters[name] if int(piece["char_start"]) >= 0]
        times = timed[f"{number:02}"]
        tokens = [
            token for token in tokenize(text) if token.char_start >= int(own[0]["char_start"])
        ]
        tokens = [token for token in tokens if token.char_end <= int(own[-1]["char_end"])]
        read = []
        for before, piece in zip([None, *own], own, strict=False):
            start, end = int(piece["char_start"]), int(piece["char_end"])
            inside = [token for token in tokens if start <= token.char_start < end]
            found = [times[token.char_start] for token in inside if token.char_start in times]
            low, high = float(piece["start_s"]) - SLACK_S, float(piece["end_s"]) + SLACK_S
            is_near = [low <= middle_s <= high for middle_s in found]
            placed.append(sum(is_near) > len(inside) / 2)
            in_time += is_near
            kept += [token.char_start in times for token in inside]
            read += [(token, piece) for token in inside]
            if before and int(piece["book_words_skipped_before"] or 0) >= MIN_GAP:
                at_gaps += [token.char_start in times for token in inside[:5]]
                between = [t for t in tokens if int(before["char_end"]) <= t.char_start < start]
                in_gaps += [token.char_start in times for token in between]
        control += evenly(read)
    rows = (
        ("pieces placed", placed),
        ("words within the time of their piece", in_time),
        ("control: words spread evenly over the chapter", control),
        ("words of pieces with a time", kept),
        ("of the five words behind each gap", at_gaps),
        ("words in gaps, which were not read, with a time", in_gaps),
    )
    cells = []
    for what, hits in rows:
        share = proportion(sum(hits), len(hits))
        cells.append([what, figure(share.value, share.ci95), len(hits)])
    command, seconds = "python benchmarks/longform.py", cpu_of_children()
    keep("longform", ("", "share (95% interval)", "n"), cells, command=command, seconds=seconds)
    print(table("longform"))


def words_of(results: Path) -> dict[str, dict[int, float]]:
    """chapter -> first character of a word -> its middle in the recording, in s."""
    utterances = {row["utterance_id"]: row for row in tables.all_rows(results, "utterances")}
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for row in tables.all_rows(results, "words"):
        utterance = utterances[row["utterance_id"]]
        timeline = Timeline(utterance["slices"], 16_000)
        chapter = utterance["recording_id"].rsplit("/", 1)[1]
        middle_ms = timeline.recording_ms((row["start_ms"] + row["end_ms"]) / 2)
        found[chapter][row["char_start"]] = middle_ms / 1000
    return found


def evenly(read: list[tuple]) -> list[bool]:
    """Whether words that are as long as their share of the letters lie in their piece."""
    start_s, end_s = float(read[0][1]["start_s"]), float(read[-1][1]["end_s"])
    letters = [token.char_end - token.char_start for token, _ in read]
    pace, place, hits = (end_s - start_s) / sum(letters), start_s, []
    for (_, piece), size in zip(read, letters, strict=True):
        middle = place + pace * size / 2
        place += pace * size
        hits.append(float(piece["start_s"]) - SLACK_S <= middle <= float(piece["end_s"]) + SLACK_S)
    return hits


if __name__ == "__main__":
    main()
