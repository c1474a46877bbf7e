"""Real speech as the trainings of benchmarks and of `make models` take it.

    python benchmarks/real_speech.py data/real

Reads ../shared/real/more; copies no audio. Writes

    train.jsonl       every utterance of the training speakers as lhotse's cuts, without labels
                      (corpus.source: manifest): 12 readers of LibriSpeech, both of ARCTIC, the
                      learners of speechocean762
    labelled/<part>   links in LibriSpeech's layout: 1min, 10min and 60min of the 12 readers, each
                      part of the next; dev (3 readers, for choices) and test (5, for reports)
    digits            a link to spoken digits, whose manifest.tsv names label and speaker

Nothing of a dev or test reader is in train.jsonl. LibriSpeech's readers are dealt out by sex, in
order of a hash.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections import defaultdict
from pathlib import Path

import soundfile
from real_recordings import real_recordings

BUDGETS = {"1min": 60.0, "10min": 600.0, "60min": 3600.0}
UNLABELLED = ("arctic", "speechocean762")
# Of each sex: the first are for tests, then dev, then training.
TEST = {"F": 3, "M": 2}
DEV = {"F": 1, "M": 2}


def main() -> None:
    out = Path(sys.argv[1])
    more = real_recordings("more").resolve()
    readers = split_readers(more / "librispeech" / "SPEAKERS.tsv")
    spoken = {part: utterances(more / "librispeech", names) for part, names in readers.items()}
    write_manifest(out / "train.jsonl", more, [path for path, _ in spoken["train"]])
    for name, seconds in BUDGETS.items():
        link(out / "labelled" / name, of_budget(spoken["train"], seconds))
    for part in ("dev", "test"):
        link(out / "labelled" / part, spoken[part])
    if not (out / "digits").exists():
        (out / "digits").symlink_to(real_recordings("fsdd").resolve())
    for part, names in readers.items():
        print(f"{part}: LibriSpeech's readers {' '.join(names)}, {hours(spoken[part]):.2f} h")
    with (out / "train.jsonl").open() as file:
        seconds = [json.loads(line)["duration"] for line in file]
    print(f"train.jsonl: {len(seconds)} utterances, {sum(seconds) / 3600:.2f} h")


def by_hash(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=8).digest()


def split_readers(speakers: Path) -> dict[str, list[str]]:
    """{train, dev, test: speakers}."""
    parts: dict[str, list[str]] = {"train": [], "dev": [], "test": []}
    with speakers.open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for sex in ("F", "M"):
        names = sorted((row["speaker"] for row in rows if row["sex"] == sex), key=by_hash)
        ends = TEST[sex], TEST[sex] + DEV[sex]
        parts["test"] += names[: ends[0]]
        parts["dev"] += names[ends[0] : ends[1]]
        parts["train"] += names[ends[1] :]
    return {part: sorted(names) for part, names in parts.items()}


def utterances(librispeech: Path, speakers: list[str]) -> list[tuple[Path, str]]:
    """(audio, transcript)."""
    found = []
    for speaker in speakers:
        for transcripts in sorted((librispeech / speaker).glob("*/*.trans.txt")):
            for line in transcripts.read_text().splitlines():
                name, text = line.split(" ", 1)
                found.append((transcripts.with_name(f"{name}.ogg"), text))
    return found


def seconds_of(path: Path) -> float:
    info = soundfile.info(path)
    return info.frames / info.samplerate


def hours(spoken: list[tuple[Path, str]]) -> float:
    return sum(seconds_of(path) for path, _ in spoken) / 3600


def of_budget(spoken: list[tuple[Path, str]], seconds: float) -> list[tuple[Path, str]]:
    """Utterances in turns of the readers, in order of a hash, until `seconds` are full."""
    by_reader = defaultdict(list)
    for path, text in sorted(spoken, key=lambda one: by_hash(one[0].name)):
        by_reader[path.parts[-3]].append((path, text))
    turns = [
        queue[turn]
        for turn in range(max(map(len, by_reader.values())))
        for _, queue in sorted(by_reader.items())
        if turn < len(queue)
    ]
    chosen, total = [], 0.0
    for path, text in turns:
        length = seconds_of(path)
        if total + length <= seconds:
            chosen.append((path, text))
            total += length
    return chosen


def write_manifest(out: Path, more: Path, of_librispeech: list[Path]) -> None:
    """lhotse's cuts: each file is one interval of speech, so none is cut at its pauses."""
    files = [(path, path.parts[-3]) for path in of_librispeech]
    for folder in UNLABELLED:
        with (more / folder / "manifest.tsv").open() as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                files.append((more / folder / row["file"], f"{folder}-{row['speaker']}"))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(json.dumps(_cut(path, who)) + "\n" for path, who in sorted(files)))


def _cut(path: Path, speaker: str) -> dict:
    info = soundfile.info(path)
    duration_s = info.frames / info.samplerate
    source = {"type": "file", "channels": [0], "source": str(path)}
    recording = {"id": path.stem, "sources": [source], "sampling_rate": info.samplerate,
                 "num_samples": info.frames, "duration": duration_s}  # fmt: skip
    supervision = {"id": path.stem, "recording_id": path.stem, "start": 0.0,
                   "duration": duration_s, "speaker": speaker}  # fmt: skip
    return {"id": path.stem, "type": "MonoCut", "start": 0.0, "duration": duration_s, "channel": 0,
            "recording": recording, "supervisions": [supervision]}  # fmt: skip


def link(folder: Path, spoken: list[tuple[Path, str]]) -> None:
    """LibriSpeech's layout: <reader>/<chapter>/<utterance>.ogg and .trans.txt."""
    texts = defaultdict(list)
    for path, text in spoken:
        reader, chapter, name = path.parts[-3:]
        place = folder / reader / chapter / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(path)
        texts[place.parent / f"{reader}-{chapter}.trans.txt"].append(f"{path.stem} {text}")
    for path, lines in texts.items():
        path.write_text("\n".join(sorted(lines)) + "\n")


if __name__ == "__main__":
    main()
