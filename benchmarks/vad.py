"""Voice activity: silero-vad and webrtcvad, plain and as the cut stage smooths them.

By time: precision, recall and F1 of speech, and the share of what is no speech that is taken for
speech. By words: how many lie outside the found speech wholly, and by more than half. "All speech"
is the trivial control.

Speech is what the references say (../shared/real/vad; AMI's turns run across short pauses) or the
words with pauses below 0.3 s between them (../shared/real/words; of LibriSpeech, pocketsphinx's
alignment of the transcript). Noise and music are made here; recordings of more, without any
speech, may be in a folder of yours.

    python benchmarks/vad.py [--no-speech FOLDER]          # on what nothing was chosen by
    python benchmarks/vad.py choose [--no-speech FOLDER]   # on other speakers and kinds of sound
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from figures import figure, keep
from no_speech import at_level, sound
from real_recordings import real_recordings

from aubert.align.words_pocketsphinx import shared_aligner
from aubert.audio import decode
from aubert.corpus.vad import (
    VadOptions,
    runs,
    silero_probabilities,
    smoothed,
    webrtcvad_decisions,
)

RATE_HZ = 16_000
CELLS_PER_S = 100
FILLED_PAUSE_S = 0.3
# Of noise and music: what options were chosen by, and what is reported.
CHOOSING = ("white", "brown", "tones", "melody")
REPORTED = ("pink", "chords", "drums")
AUDIO = {".flac", ".mp3", ".oga", ".ogg", ".wav"}
# Those that the README shows: the defaults of each detector, and the control.
SHORT = {"silero > 0.2": "silero", "webrtcvad 1": "webrtcvad", "all speech": "all speech"}
PLAIN = {"min_speech_ms": 0, "min_silence_ms": 0, "padding_ms": 0}
Spans = Sequence[tuple[float, float]]


class Scene(NamedTuple):
    """A recording and its references, in seconds. words: none where only speech is known."""

    samples: np.ndarray
    speech: Spans
    words: Spans = ()


class Decisions(NamedTuple):
    """Both detectors' plain output, to be smoothed in many ways."""

    probabilities: np.ndarray
    webrtcvad: list[np.ndarray]  # one for each aggressiveness


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("report", "choose"), default="report")
    parser.add_argument("--no-speech", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    (report if arguments.what == "report" else choose)(arguments.no_speech)


def report(folder: Path | None) -> None:
    began = time.process_time()
    rng = np.random.default_rng(0)
    default = VadOptions()
    detectors = {
        f"silero > {threshold}": VadOptions(detector="silero", threshold=threshold)
        for threshold in (0.1, 0.2, 0.3, 0.5)
    }
    detectors |= {
        f"webrtcvad {level}": VadOptions(detector="webrtcvad", aggressiveness=level)
        for level in range(4)
    }
    detectors |= {
        "silero > 0.5, plain": VadOptions(detector="silero", threshold=0.5, **PLAIN),
        "webrtcvad 1, plain": VadOptions(detector="webrtcvad", aggressiveness=1, **PLAIN),
    }
    print(
        f"smoothed: speech from {default.min_speech_ms} ms, silence from {default.min_silence_ms} "
        f"ms, {default.padding_ms} ms of padding"
    )
    speakers = list(librispeech_speakers())[1::2]
    spoken = [joined(readings, rng) for readings in map(librispeech, speakers)]
    sets = {
        "AMI meetings": list(vad_scenes("ami")),
        "music, noise, speech": list(vad_scenes("musanmix")),
        "LibriVox, endpoints": list(vad_scenes("librivox")),
        "LibriVox, words": list(word_scenes()),
        "LibriSpeech": spoken,
        "LibriSpeech, 30 dB lower": [
            Scene((scene.samples * 10**-1.5).astype(np.float32), *scene[1:]) for scene in spoken
        ],
        **{
            f"LibriSpeech in {kind}, 10 dB": [over(scene, kind, 10, rng) for scene in spoken]
            for kind in REPORTED
        },
        **{f"no speech: {kind}": list(no_speech([kind], rng)) for kind in REPORTED},
    }
    if folder:
        sets[f"no speech: {folder.name}"] = list(silent_recordings(folder))
    rows = []
    for name, scenes in sets.items():
        print()
        rows.append(row_of(name, scenes, table(name, scenes, detectors)))
    columns = ["set", "seconds", "words", *(
        f"{what}, {detector}" for detector in SHORT.values()
        for what in ("precision", "recall", "F1", "no speech taken for speech", "words lost")
    )]  # fmt: skip
    command = "python benchmarks/vad.py" + (" --no-speech FOLDER" if folder else "")
    keep("vad", columns[:-1], rows, command=command, seconds=time.process_time() - began)


def row_of(name: str, scenes: Sequence[Scene], measured: dict[str, list[float | None]]) -> list:
    seconds = sum(len(scene.samples) for scene in scenes) / RATE_HZ
    num_words = sum(len(scene.words) for scene in scenes)
    row: list = [name, round(seconds), num_words or ""]
    for detector in SHORT:
        *shares, lost = measured[detector]
        row += ["" if share is None else figure(share) for share in shares]
        row.append("" if lost is None else round(lost))
    return row[:-1]  # all speech loses no word


def choose(folder: Path | None) -> None:
    """The tables that the detector, its threshold and the smoothing were chosen by: words lost
    against noise and music taken for speech."""
    rng = np.random.default_rng(1)
    speakers = list(librispeech_speakers())[::2]
    clean = [joined(readings, rng) for readings in [*map(librispeech, speakers), timit()]]
    noisy = [
        over(scene, kind, snr_db, rng)
        for scene in clean
        for kind, snr_db in (("white", 10), ("brown", 15), ("brown", 5), ("melody", 10))
    ]
    low = [Scene((scene.samples * 10**-1.5).astype(np.float32), *scene[1:]) for scene in clean]
    detectors = {
        f"silero {threshold} {speech_ms} {padding_ms}": VadOptions(
            detector="silero", threshold=threshold, min_speech_ms=speech_ms, padding_ms=padding_ms
        )
        for threshold, speech_ms, padding_ms in itertools.product(
            (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5), (90, 190, 250), (90, 120)
        )
    }
    detectors |= {
        f"webrtcvad {level} 90 90": VadOptions(
            detector="webrtcvad", aggressiveness=level, min_speech_ms=90, padding_ms=90
        )
        for level in range(4)
    }
    for name, scenes in (("clean", clean), ("in noise and music", noisy), ("30 dB lower", low)):
        table(f"read speech, {name}", scenes, detectors)
        print()
    table("noise and music", list(no_speech(CHOOSING, rng)), detectors)
    if folder:
        print()
        table(f"no speech: {folder.name}", list(silent_recordings(folder)), detectors)


# --- the recordings


def entries(folder: Path) -> Iterator[tuple[Path, dict]]:
    for line in (folder / "refs.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        yield folder / entry["audio"], entry


def vad_scenes(name: str) -> Iterator[Scene]:
    for path, entry in entries(real_recordings("vad")):
        if entry["id"].startswith(name):
            speech = [(start, end) for start, end, label in entry["segments"] if label == "speech"]
            yield Scene(decode(path), speech)


def word_scenes() -> Iterator[Scene]:
    for path, entry in entries(real_recordings("words")):
        words = [(start, end) for _, start, end in entry["words"]]
        yield Scene(decode(path), words, words)


def timit() -> list[tuple[np.ndarray, Spans]]:
    return [
        (decode(path), [(start, end) for _, start, end in entry["words"]])
        for path, entry in entries(real_recordings("more", "timit_sample"))
    ]


def librispeech_speakers() -> list[Path]:
    folder = real_recordings("more", "librispeech")
    return sorted(path for path in folder.iterdir() if path.name.isdigit())


def librispeech(speaker: Path, number: int = 8) -> list[tuple[np.ndarray, Spans]]:
    """Samples and words' times of some of a speaker's utterances."""
    texts = {}
    for path in sorted(speaker.glob("*/*.trans.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            name, _, text = line.partition(" ")
            texts[path.parent / f"{name}.ogg"] = text.lower().split()
    found = []
    for path in sorted(texts)[:: max(1, len(texts) // number)][:number]:
        samples = decode(path)
        words = shared_aligner().align(samples, texts[path])
        if words is not None:
            found.append((samples, [(word.start_s, word.end_s) for word in words]))
    return found


def joined(readings: Iterable[tuple[np.ndarray, Spans]], rng: np.random.Generator) -> Scene:
    """The readings with pauses of 1.5 s, and a quiet room's noise under all."""
    pause = np.zeros(RATE_HZ * 3 // 2)
    parts, words, at_s = [pause], [], len(pause) / RATE_HZ
    for samples, spans in readings:
        parts += [samples, pause]
        words += [(at_s + start, at_s + end) for start, end in spans]
        at_s += (len(samples) + len(pause)) / RATE_HZ
    whole = np.concatenate(parts)
    whole += at_level(sound("white", len(whole), rng), -65)
    return Scene(whole.astype(np.float32), words, words)


def over(scene: Scene, kind: str, snr_db: float, rng: np.random.Generator) -> Scene:
    """The scene with noise or music, that lies `snr_db` below it."""
    level_db = 10 * np.log10(np.mean(scene.samples.astype(np.float64) ** 2)) - snr_db
    samples = scene.samples + at_level(sound(kind, len(scene.samples), rng), level_db)
    samples /= max(1.0, np.abs(samples).max())
    return Scene(samples.astype(np.float32), *scene[1:])


def no_speech(kinds: Iterable[str], rng: np.random.Generator) -> Iterator[Scene]:
    for kind, level_db in itertools.product(kinds, (-50, -25)):
        yield Scene(at_level(sound(kind, 60 * RATE_HZ, rng), level_db).astype(np.float32), [])


def silent_recordings(folder: Path) -> Iterator[Scene]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in AUDIO:
            yield Scene(decode(path), [])


# --- the figures


def table(
    name: str, scenes: Sequence[Scene], detectors: dict[str, VadOptions]
) -> dict[str, list[float | None]]:
    """Prints it. Detector -> precision, recall, F1, share of what is no speech, words lost."""
    decisions = [decided(scene.samples) for scene in scenes]
    seconds = sum(len(scene.samples) for scene in scenes) / RATE_HZ
    num_words = sum(len(scene.words) for scene in scenes)
    words = f", {num_words} words" if num_words else ""
    print(f"{name} ({seconds:.0f} s{words})")
    print(f"{'':24}{'precision':>10}{'recall':>8}{'F1':>8}{'non-speech':>12}{'lost':>6}{'half':>6}")
    controls: dict[str, Callable[[Scene, Decisions], Spans]] = {
        detector: lambda scene, found, options=options: intervals(scene, found, options)
        for detector, options in detectors.items()
    }
    controls["all speech"] = lambda scene, found: [(0.0, len(scene.samples) / RATE_HZ)]
    shown: dict[str, list[float | None]] = {}
    for detector, find in controls.items():
        measured = [
            cells_of(scene, find(scene, found))
            for scene, found in zip(scenes, decisions, strict=True)
        ]
        hits, taken, speech, wrong, silence, lost, half = np.sum(measured, axis=0)
        rates: list[float | None] = [None, None, None]
        if speech:
            rates = [hits / max(taken, 1), hits / speech, 2 * hits / (taken + speech)]
        wrongly = wrong / max(silence, 1)
        shown[detector] = [*rates, wrongly, lost if num_words else None]
        precision, recall, f1 = (f"{rate:.3f}" if rate is not None else "" for rate in rates)
        line = f"{detector:24}{precision:>10}{recall:>8}{f1:>8}{wrongly:>12.4f}"
        print(line + (f"{lost:>6.0f}{half:>6.0f}" if num_words else ""))
    return shown


def decided(samples: np.ndarray) -> Decisions:
    levels = [webrtcvad_decisions([samples], level) for level in range(4)]
    return Decisions(silero_probabilities([samples]), levels)


def intervals(scene: Scene, found: Decisions, options: VadOptions) -> Spans:
    if options.detector == "silero":
        flags = found.probabilities > options.threshold
    else:
        flags = found.webrtcvad[options.aggressiveness]
    return smoothed(flags, len(scene.samples) / RATE_HZ, options)


def cells_of(scene: Scene, found: Spans) -> tuple[float, ...]:
    """Cells that are rightly taken, taken, speech, wrongly taken, no speech; words lost wholly, and
    by more than half."""
    num_cells = len(scene.samples) * CELLS_PER_S // RATE_HZ
    cells, truth = on_grid(found, num_cells), on_grid(scene.speech, num_cells)
    if scene.words:
        for start, end in runs(~truth):
            if start > 0 and end < num_cells and end - start < FILLED_PAUSE_S * CELLS_PER_S:
                truth[start:end] = True
    kept = [
        cells[round(start * CELLS_PER_S) : max(round(end * CELLS_PER_S), 1)].mean()
        for start, end in scene.words
        if round(start * CELLS_PER_S) < min(round(end * CELLS_PER_S), num_cells)
    ]
    return (
        (cells & truth).sum(),
        cells.sum(),
        truth.sum(),
        (cells & ~truth).sum(),
        (~truth).sum(),
        sum(share == 0 for share in kept),
        sum(share < 0.5 for share in kept),
    )


def on_grid(spans: Spans, num_cells: int) -> np.ndarray:
    cells = np.zeros(num_cells, bool)
    for start_s, end_s in spans:
        cells[round(start_s * CELLS_PER_S) : round(end_s * CELLS_PER_S)] = True
    return cells


if __name__ == "__main__":
    main()
