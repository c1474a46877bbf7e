"""Readings made audible: a voice, a room with its noise, and what sounds when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import soxr

from aubert.audio import SAMPLE_RATE_HZ
from aubert.mini.prosody import manners
from aubert.mini.reading import Line, SpokenWord
from aubert.text.espeak import SAMPLE_RATE_HZ as ESPEAK_RATE_HZ
from aubert.text.espeak import Espeak, Interval, Speech, Voice

# espeak's own pauses at commas shrink with its rate to 80 ms; readers breathe there.
_COMMA_S = 0.04  # that is added to them
_FADE_S = 0.005  # espeak's last phone may end on a step


class TimedWord(NamedTuple):
    """A word of the reading and when it sounds."""

    word: SpokenWord
    start_s: float
    end_s: float


class TimedPhone(NamedTuple):
    """One of espeak's phones and when it sounds."""

    phone: str
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class Room:
    """How a recording was made.

    level_db: root mean square of the speech below full scale
    snr_db: speech over noise
    noise: white hiss, pink rumble, or mains hum with some hiss
    lead_s: silence before the first word
    tail_s: silence after the last line's own pause
    """

    level_db: float
    snr_db: float
    noise: Literal["white", "pink", "hum"]
    lead_s: float
    tail_s: float


@dataclass(frozen=True)
class Performance:
    """samples: int16 [num_samples] at 16 kHz. Times are exact to a sample of espeak's output."""

    samples: np.ndarray
    words: list[TimedWord]
    phones: list[TimedPhone]


def perform(
    engine: Espeak, lines: Sequence[Line], voice: Voice, room: Room, random: np.random.Generator
) -> Performance:
    """Speaks the lines one after another, then adds the room's noise at its level."""
    chunks = [_silence(room.lead_s)]
    words: list[TimedWord] = []
    phones: list[TimedPhone] = []
    at = len(chunks[0])
    for line in lines:
        spoken, marks, owners = _flatten(line)
        how = manners(line.words)
        voices = [manner.of(voice) for manner in how]
        speech = engine.say(spoken, marks, [voices[owner] for owner in owners])
        speech = _with_pauses(speech, marks)
        spans = _spans(owners, [(word.start, word.end) for word in speech.words])
        words += [
            TimedWord(word, (at + start) / ESPEAK_RATE_HZ, (at + end) / ESPEAK_RATE_HZ)
            for word, (start, end) in zip(line.words, spans, strict=True)
        ]
        phones += [
            TimedPhone(phone, (at + start) / ESPEAK_RATE_HZ, (at + end) / ESPEAK_RATE_HZ)
            for phone, start, end in speech.phones
        ]
        gains = _gains(speech, [how[owner].level_db for owner in owners])
        chunks += [_faded(speech.samples) * gains, _silence(line.pause_s)]
        at += len(chunks[-2]) + len(chunks[-1])
    chunks.append(_silence(room.tail_s))
    clean = soxr.resample(np.concatenate(chunks), ESPEAK_RATE_HZ, SAMPLE_RATE_HZ)
    return Performance(_record(clean, words, room, random), words, phones)


def _flatten(line: Line) -> tuple[list[str], list[str], list[int]]:
    """Spoken words, the mark after each, and which word of the line each belongs to."""
    spoken: list[str] = []
    marks: list[str] = []
    owners: list[int] = []
    for index, word in enumerate(line.words):
        spoken += word.spoken
        marks += [""] * (len(word.spoken) - 1) + [word.mark]
        owners += [index] * len(word.spoken)
    return spoken, marks, owners


def _spans(owners: list[int], intervals: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """One interval for each owner, from its first word's start to its last word's end."""
    spans: dict[int, tuple[int, int]] = {}
    for owner, (start, end) in zip(owners, intervals, strict=True):
        spans[owner] = (spans.get(owner, (start, end))[0], end)
    return [spans[owner] for owner in sorted(spans)]


def _with_pauses(speech: Speech, marks: Sequence[str]) -> Speech:
    """The speech with more silence in the middle of each pause at a comma."""
    pairs = zip(speech.words, speech.words[1:], marks, strict=False)
    places = [(word.end + after.start) // 2 for word, after, mark in pairs if mark == ","]
    length = round(_COMMA_S * ESPEAK_RATE_HZ)

    def moved(interval: Interval) -> Interval:
        shift = length * sum(place <= interval.start for place in places)
        return Interval(interval.label, interval.start + shift, interval.end + shift)

    silence = np.zeros(length, speech.samples.dtype)
    parts = np.split(speech.samples, places)
    joined = [part for one in parts for part in (one, silence)][:-1]
    words, phones = ([moved(each) for each in all] for all in (speech.words, speech.phones))
    return Speech(np.concatenate(joined), words, phones)


def _gains(speech: Speech, levels_db: Sequence[float]) -> np.ndarray:
    """float32 [num_samples]: each word's level in its middle, on a line between two words."""
    middles = [(word.start + word.end) / 2 for word in speech.words]
    line_db = np.interp(np.arange(len(speech.samples)), middles, levels_db)
    return (10 ** (line_db / 20)).astype(np.float32)


def _silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * ESPEAK_RATE_HZ), np.float32)


def _faded(samples: np.ndarray) -> np.ndarray:
    speech = samples.astype(np.float32) / 32768
    length = min(len(speech), round(_FADE_S * ESPEAK_RATE_HZ))
    speech[len(speech) - length :] *= np.linspace(1, 0, length, dtype=np.float32)
    return speech


def _record(
    clean: np.ndarray, words: Sequence[TimedWord], room: Room, random: np.random.Generator
) -> np.ndarray:
    speaking = np.zeros(len(clean), bool)
    for word in words:
        speaking[round(word.start_s * SAMPLE_RATE_HZ) : round(word.end_s * SAMPLE_RATE_HZ)] = True
    speech_rms = float(np.sqrt(np.mean(np.square(clean[speaking], dtype=np.float64))))
    noise = _noise(len(clean), room.noise, random) * (speech_rms * 10 ** (-room.snr_db / 20))
    mixed = (clean + noise) * (10 ** (room.level_db / 20) / speech_rms)
    loudest = float(np.abs(mixed).max())
    if loudest > 0.98:
        mixed *= 0.98 / loudest
    return np.round(mixed * 32767).astype(np.int16)


def _noise(num_samples: int, kind: str, random: np.random.Generator) -> np.ndarray:
    """Noise of root mean square 1."""
    white = random.standard_normal(num_samples)
    if kind == "white":
        return white
    if kind == "pink":
        spectrum = np.fft.rfft(white)
        spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), len(spectrum) / 400))
        pink = np.fft.irfft(spectrum, num_samples)
        return pink / np.sqrt(np.mean(pink**2))
    seconds = np.arange(num_samples) / SAMPLE_RATE_HZ
    hum = sum(np.sin(2 * np.pi * 50 * harmonic * seconds) / harmonic for harmonic in (1, 2, 3, 5))
    mixed = hum / np.sqrt(np.mean(hum**2)) + 0.3 * white
    return mixed / np.sqrt(np.mean(mixed**2))
