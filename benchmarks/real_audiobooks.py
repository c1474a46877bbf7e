"""Two LibriVox readings through the whole dataset flow, with nothing downloaded.

Prints word error rate, placement and word times against the references of
../shared/real/audiobooks, beside the same run with pocketsphinx's own language model
instead of the book's, and with webrtcvad instead of silero (of the sonnets alone, as the printing
book's json holds its voice activity).

    python benchmarks/real_audiobooks.py
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from figures import cpu_of_children, figure, keep, table
from real_recordings import ROOT, real_recordings

from aubert import tables
from aubert.align.timeline import Timeline
from aubert.evaluate.wer import word_errors
from aubert.text.normalise import spoken_words

PRINTING, SONNETS = "lj001_64kb", "sonnets_001-003_64kb"
SLACK_CHARS = 60


def main() -> None:
    runs = {
        "book's language model": {},
        "pocketsphinx's own": {"transcribe": {"pocketsphinx": {"book_biased": False}}},
        "webrtcvad": {"cut": {"detector": "webrtcvad"}},
    }
    columns = []
    for overlay in runs.values():
        with tempfile.TemporaryDirectory() as directory:
            columns.append(figures(run_preset(Path(directory), overlay)))
    rows = [
        [key, *(figure(column[key][0]) for column in columns), columns[0][key][1]]
        for key in columns[0]
    ]
    command, seconds = "python benchmarks/real_audiobooks.py", cpu_of_children()
    keep("real-audiobooks", ("", *runs, "n"), rows, command=command, seconds=seconds)
    print(table("real-audiobooks"))


def run_preset(directory: Path, overlay: dict) -> Path:
    """Runs the preset with `overlay` below `directory`; returns the folder of results."""
    audiobooks = real_recordings("audiobooks")
    corpus = {
        "root": f"{audiobooks}/librilight",
        "books_dir": f"{audiobooks}/books",
        "book_meta": f"{audiobooks}/book_meta.json",
    }
    path = directory / "overlay.json"
    path.write_text(json.dumps({"corpus": corpus, **overlay}))
    preset = ROOT / "workflow/presets/real-audiobooks.yaml"
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(directory), "--cores", "2", "--workflow-profile", "none"]
    command += ["--show-failed-logs", "--configfile", str(preset), str(path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(done.stdout[-4000:])
    return directory / "results/real-audiobooks"


def figures(results: Path) -> dict[str, tuple[float, int]]:
    """figure -> (value, number of samples)"""
    reference = json.loads((real_recordings("audiobooks") / "reference.json").read_text())
    found: dict[str, tuple[float, int]] = {}
    for name, chapter in (("printing book", PRINTING), ("sonnets", SONNETS)):
        spoken = spoken_words(" ".join(piece["text"] for piece in reference[chapter]))
        recognised = [
            w for row in of_chapter(results, "transcripts", chapter) for w in row["text"].split()
        ]
        found[f"{name}: word error rate"] = (
            word_errors(spoken, recognised) / len(spoken),
            len(spoken),
        )
        words = of_chapter(results, "words", chapter)
        found[f"{name}: words timed per spoken word"] = (len(words) / len(spoken), len(spoken))
    found.update(printing_figures(results, reference[PRINTING]))
    return found


def printing_figures(results: Path, pieces: list[dict]) -> dict[str, tuple[float, int]]:
    """Of the printing book, whose pieces have exact times and character offsets."""
    utterances = {row["utterance_id"]: row for row in of_chapter(results, "utterances", PRINTING)}
    spans = of_chapter(results, "refined", PRINTING)
    true_spans = [true_span(utterances[span["utterance_id"]], pieces) for span in spans]
    inside = sum(
        start - SLACK_CHARS <= span["char_start"] and span["char_end"] <= end + SLACK_CHARS
        for span, (start, end) in zip(spans, true_spans, strict=True)
    )
    words = of_chapter(results, "words", PRINTING)
    in_time = covered = 0
    hit = set()
    for word in words:
        timeline = Timeline(utterances[word["utterance_id"]]["slices"], 16_000)
        middle_s = timeline.recording_ms((word["start_ms"] + word["end_ms"]) / 2) / 1000
        for number, piece in enumerate(pieces):
            if piece["char_start"] <= word["char_start"] < piece["char_end"]:
                in_time += piece["start"] - 0.1 <= middle_s <= piece["end"] + 0.1
                covered += 1
                hit.add(number)
    return {
        "printing book: utterances inside +-60 chars": (inside / len(utterances), len(utterances)),
        "printing book: pieces that words fall into": (len(hit) / len(pieces), len(pieces)),
        "printing book: words inside their piece's time": (in_time / len(words), len(words)),
    }


def true_span(utterance: dict, pieces: list[dict]) -> tuple[int, int]:
    """The characters of the pieces whose middle the utterance holds."""
    held = []
    for piece in pieces:
        middle = (piece["start"] + piece["end"]) / 2 * 16_000
        for part in utterance["slices"]:
            if part["start_sample"] <= middle < part["end_sample"]:
                held.append(piece)
    return held[0]["char_start"], held[-1]["char_end"]


def of_chapter(results: Path, table: str, chapter: str) -> list[dict]:
    """The rows of a recording's utterances, in order."""
    rows = tables.all_rows(results, table)
    return [row for row in rows if f"/{chapter}_" in row["utterance_id"]]


if __name__ == "__main__":
    main()
