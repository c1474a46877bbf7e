"""Labelled speech that a tiny network learns in seconds: a tone for each letter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile

LETTER_SAMPLES = 1280  # 80 ms: two frames at 25 Hz
RATE_HZ = 16_000


def say(text: str, seed: int = 0) -> np.ndarray:
    """float32; a space is silence, and so is what stands around the text."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(LETTER_SAMPLES) / RATE_HZ
    parts = [np.zeros(LETTER_SAMPLES)]
    for letter in text:
        pitch_hz = 300 * 1.13 ** (ord(letter) - ord("a"))
        tone = np.sin(2 * np.pi * pitch_hz * time_s) * np.hanning(LETTER_SAMPLES)
        parts.append(np.zeros(LETTER_SAMPLES) if letter == " " else tone)
    samples = 0.3 * np.concatenate([*parts, parts[0]])
    return (samples + 0.003 * rng.standard_normal(len(samples))).astype(np.float32)


def texts(num: int, letters: str = "abcd", seed: int = 0) -> list[str]:
    """`num` texts of two to four words; no letter comes twice in a row."""
    rng = np.random.default_rng(seed)

    def word() -> str:
        found = [letters[rng.integers(len(letters))]]
        for _ in range(rng.integers(1, 4)):
            found.append(rng.choice([letter for letter in letters if letter != found[-1]]))
        return "".join(found)

    return [" ".join(word() for _ in range(rng.integers(2, 5))) for _ in range(num)]


def write_labelled(folder: Path, speakers: Mapping[str, list[str]]) -> Path:
    """speakers: what each says, an utterance an entry; in LibriSpeech's layout. Returns folder."""
    for speaker, utterances in speakers.items():
        chapter = folder / speaker / "7"
        chapter.mkdir(parents=True)
        lines = []
        for index, text in enumerate(utterances):
            utterance_id = f"{speaker}-7-{index:04}"
            samples = say(text, seed=int(speaker) * 1000 + index)
            soundfile.write(chapter / f"{utterance_id}.flac", samples, RATE_HZ)
            lines.append(f"{utterance_id} {text.upper()}\n")
        (chapter / f"{speaker}-7.trans.txt").write_text("".join(lines))
    return folder
