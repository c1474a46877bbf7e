"""What is printed and not read: marks of notes, verse numbers, names and directions of a play.

Readings of LibriSpeech, joined to chapters; their texts get marks that the readers never saw.
The whole flow runs on them with pocketsphinx (preset own-audiobooks). A token without a word row
counts as called unread; the control takes the SKIPPED runs of `refine` alone. SKIP_COST was
chosen on the first eight speakers; the others are reported.

    python benchmarks/unread.py [dev|test]
"""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import soundfile
from figures import cpu_of_children, figure, keep, shown, table
from real_recordings import ROOT, real_recordings

from aubert import audio, tables
from aubert.evaluate.metrics import proportion
from aubert.text.normalise import tokenize

SPLITS = {"dev": slice(0, 8), "test": slice(8, None)}
SECONDS = 100.0  # of each speaker, about
GAP_S = 0.4
KINDS = ("notes", "verses", "play")
NAMES = ("KEEPER", "MARGARET", "STRANGER", "FIRST SAILOR")
DIRECTIONS = ("[Aside.]", "[Exit.]", "[Enter KEEPER, with a lantern.]", "(_rising_)", "[Sings.]")


def main() -> None:
    split = sys.argv[1] if len(sys.argv) > 1 else "test"
    with tempfile.TemporaryDirectory() as directory:
        marks = make_corpus(Path(directory) / "in", SPLITS[split])
        results = run_preset(Path(directory))
        rows = rows_of(results, marks, Path(directory) / "in")
        seconds = cpu_of_children()
    if split == "test":
        columns = ["texts", "method", "marks", "read words", "precision", "recall",
                   "read words kept"]  # fmt: skip
        keep("unread", columns, rows, command="python benchmarks/unread.py", seconds=seconds)
        print(table("unread"))
    else:
        for row in rows:
            print(" | ".join(map(shown, row)))


def make_corpus(folder: Path, split: slice) -> dict[str, list[tuple[int, int]]]:
    """A folder a speaker; returns where the marks stand in the text of each."""
    source = real_recordings("more", "librispeech")
    speakers = sorted(path for path in source.iterdir() if path.is_dir() and path.name != "books")
    marks = {}
    for speaker, kind in zip(speakers[split], itertools.cycle(KINDS), strict=False):
        out = folder / speaker.name / f"{kind} of {speaker.name}"
        out.mkdir(parents=True)
        sentences, sound = [], []
        seconds = 0.0
        for name, words in utterances(speaker):
            sound += [audio.decode(name), np.zeros(int(GAP_S * audio.SAMPLE_RATE_HZ), np.float32)]
            sentences.append(words)
            seconds += len(sound[-2]) / audio.SAMPLE_RATE_HZ
            if seconds > SECONDS:
                break
        soundfile.write(out / "01.flac", np.concatenate(sound), audio.SAMPLE_RATE_HZ)
        text, marks[speaker.name] = printed(sentences, kind, random.Random(speaker.name))
        (out / "book.txt").write_text(text, encoding="utf-8")
    return marks


def utterances(speaker: Path):
    """(audio file, its words), in order."""
    for path in sorted(speaker.glob("*/*.trans.txt")):
        for line in path.read_text().splitlines():
            name, text = line.split(" ", 1)
            yield path.parent / f"{name}.ogg", text.lower().split()


def printed(
    sentences: list[list[str]], kind: str, chance: random.Random
) -> tuple[str, list[tuple[int, int]]]:
    """The text with marks in it, and where they stand."""
    text, marks = "", []

    def mark(written: str) -> None:
        nonlocal text
        marks.append((len(text), len(text) + len(written)))
        text += written

    for number, words in enumerate(sentences):
        if kind == "verses":
            chapter, verse = number // 9 + 1, number % 9 + 1
            mark(f"{chapter}:{verse}" if chance.random() < 0.5 else f"{verse}")
            text += " "
        if kind == "play":
            mark(f"{chance.choice(NAMES)}.")
            text += " "
            if chance.random() < 0.4:
                mark(chance.choice(DIRECTIONS))
                text += " "
        noted = chance.randrange(len(words)) if kind == "notes" else None
        for at, word in enumerate([words[0].capitalize(), *words[1:]]):
            text += f" {word}" if at else word
            if at == noted:
                mark(chance.choice(("{}", "({})", ".{}")).format(number % 20 + 1))
        text += ".\n\n" if kind != "notes" or number % 3 == 2 else ". "
    return text, marks


def run_preset(directory: Path) -> Path:
    overlay = directory / "overlay.json"
    overlay.write_text(json.dumps({"corpus": {"root": str(directory / "in")}}))
    preset = ROOT / "workflow/presets/own-audiobooks.yaml"
    command = [sys.executable, "-m", "snakemake", "dataset", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(directory), "--cores", "2", "--workflow-profile", "none"]
    command += ["--show-failed-logs", "--configfile", str(preset), str(overlay)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(done.stdout[-4000:])
    return directory / "results/own-audiobooks"


def rows_of(results: Path, marks: dict[str, list[tuple[int, int]]], folder: Path) -> list[list]:
    rows = {table: list(tables.all_rows(results, table)) for table in ("refined", "words")}
    counts: dict[tuple[str, str], Counter] = {}
    for speaker, spans in marks.items():
        (book,) = (folder / speaker).glob("*/book.txt")
        kind = book.parent.name.split()[0]
        text = book.read_text(encoding="utf-8")
        placed = [r for r in rows["refined"] if f"/{speaker}/" in r["utterance_id"]]
        timed = {r["char_start"] for r in rows["words"] if f"/{speaker}/" in r["utterance_id"]}
        read = [r for row in placed for r in row["runs"] if r["label"] == "READ"]
        for token in tokenize(text):
            middle = (token.char_start + token.char_end) // 2
            truth = any(start <= middle < end for start, end in spans)
            called = {
                "aubert": token.char_start not in timed,
                "SKIPPED runs of `refine` alone": not any(
                    run["char_start"] <= middle < run["char_end"] for run in read
                ),
            }
            for name, guess in called.items():
                for group in (kind, "all"):
                    counts.setdefault((name, group), Counter())[truth, guess] += 1
            if truth != called["aubert"]:
                around = text[max(0, token.char_start - 30) : token.char_end + 20]
                print(f"{'kept' if truth else 'lost'} {text[slice(*token[:2])]!r} in {around!r}")
    rows = []
    for (name, group), seen in sorted(counts.items()):
        num_marks = seen[True, True] + seen[True, False]
        num_read = seen[False, False] + seen[False, True]
        rows.append([
            group, name, num_marks, num_read,
            cell(seen[True, True], seen[True, True] + seen[False, True]),
            cell(seen[True, True], num_marks), cell(seen[False, False], num_read, digits=4),
        ])  # fmt: skip
    return rows


def cell(part: int, whole: int, digits: int = 3):
    found = proportion(part, whole)
    return figure(found.value, found.ci95, digits=digits) if found else ""


if __name__ == "__main__":
    main()
