"""espeak-ng through ctypes: the one place that touches it (GPL, an optional extra).

The library comes with the wheel `espeakng-loader` and needs no root. It keeps its
state in globals that reach from one sentence into the next (flutter, phases, random
numbers), so a `session` loads a fresh copy: what it says depends on nothing before.
"""

from __future__ import annotations

import _ctypes  # ctypes itself has no way to unload a library
import ctypes
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SAMPLE_RATE_HZ = 22_050
WORD_JOINER = "\u2060"  # keeps espeak from reading "in the" or "had been" as one word

_SYNCHRONOUS, _PHONEME_EVENTS, _DONT_EXIT = 2, 0x0001, 0x8000
_UTF8, _END_PAUSE = 0x0001, 0x1000
_RATE, _PITCH, _RANGE = 1, 3, 4
_WORD_EVENT, _PHONE_EVENT = 1, 7
_IPA_WITH_SEPARATOR = 0x02 | ord("_") << 8


class EspeakUnavailable(ImportError, ValueError):
    """The wheel that brings espeak-ng is not installed: the user's to mend, as a ValueError is."""


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    """espeak_EVENT of espeak-ng's speak_lib.h, API revision 12."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True, kw_only=True)
class Voice:
    """How espeak speaks a sentence: espeak's own scales, so that its documentation applies.

    name: a voice file and a variant of it, such as "en-us+f2" or "gmw/en-GB-x-rp+m3"
    rate_wpm: words per minute, nominally, 80 to 450
    pitch: 0 to 100, 50 is the variant's own
    pitch_range: 0 (monotone) to 100, 50 is the variant's own
    """

    name: str
    rate_wpm: int = 165
    pitch: int = 50
    pitch_range: int = 50


class Interval(NamedTuple):
    """A word or a phone and where it sounds, in samples at SAMPLE_RATE_HZ, half-open."""

    label: str
    start: int
    end: int


class Speech(NamedTuple):
    """One sentence: samples int16 [num_samples] without the silence after it."""

    samples: np.ndarray
    words: list[Interval]  # one per word that was passed, in order
    phones: list[Interval]  # espeak's own names, without stress marks; pauses left out


class _Mark(NamedTuple):
    type: int
    position: int  # of the word in the text, counted in characters from 1
    sample: int
    phone: str


_lock = threading.Lock()


@contextmanager
def session(seed: int = 0) -> Iterator[Espeak]:
    """A fresh espeak-ng. One at a time in a process: a second one waits for the first.

    Raises EspeakUnavailable (its message names the command that installs it).
    """
    try:
        import espeakng_loader
    except ImportError:
        raise EspeakUnavailable(
            "espeak-ng is not installed; install it with: pip install 'aubert[espeak]'"
        ) from None
    with _lock:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
        try:
            yield Espeak(library, espeakng_loader.get_data_path(), seed)
        finally:
            library.espeak_Terminate()
            _ctypes.dlclose(library._handle)


class Espeak:
    """Text in, sound or phonemes out. Made by `session`."""

    def __init__(self, library: ctypes.CDLL, data_path: str, seed: int):
        self._library = library
        self._chunks: list[np.ndarray] = []
        self._marks: list[_Mark] = []
        self._callback = _CALLBACK(self._receive)  # kept: the library holds only its address
        options = _PHONEME_EVENTS | _DONT_EXIT
        rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 0, data_path.encode(), options)
        assert rate_hz == SAMPLE_RATE_HZ, rate_hz
        library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        library.espeak_SetSynthCallback(self._callback)
        self._voice: Voice | None = None

    def say(
        self, words: Sequence[str], marks: Sequence[str], voice: Voice | Sequence[Voice]
    ) -> Speech:
        """Speaks one sentence.

        words: lower-case spoken words. marks: for each word the punctuation after it
        (one of , ? ! or nothing, and a full stop at the end only: espeak reads one before
        a small letter as an abbreviation's), which shapes pauses and intonation. voice:
        of all words, or one for each; these have one name and one pitch_range.
        """
        assert len(words) == len(marks) > 0
        voices = [voice] * len(words) if isinstance(voice, Voice) else voice
        assert len({(each.name, each.pitch_range) for each in voices}) == 1
        self._use(voices[0])
        positions, text = [], ""
        for word, mark, each in zip(words, marks, voices, strict=True):
            positions.append(len(text) + 1)
            text += self._changed(each) + f"{word}{WORD_JOINER}{mark} "
        encoded = text.encode()
        self._chunks, self._marks = [], []
        status = self._library.espeak_Synth(
            encoded, len(encoded) + 1, 0, 1, 0, _UTF8 | _END_PAUSE, None, None
        )
        assert status == 0, (status, text)
        return _speech(words, positions, np.concatenate(self._chunks), self._marks)

    def phonemes(self, word: str, voice_name: str = "en-us") -> list[str]:
        """espeak's phonemes of one word in IPA, with its stress marks."""
        self._use(Voice(name=voice_name))
        pointer = ctypes.c_char_p(word.encode())
        parts = []
        while pointer.value:  # a clause at a time; the pointer becomes null at the end
            phonemes = self._library.espeak_TextToPhonemes(
                ctypes.byref(pointer), _UTF8, _IPA_WITH_SEPARATOR
            )
            parts += (phonemes or b"").decode().replace(" ", "_").split("_")
        return [part for part in parts if part]

    def _use(self, voice: Voice) -> None:
        if voice == self._voice:
            return
        if self._voice is None or voice.name != self._voice.name:
            status = self._library.espeak_SetVoiceByName(voice.name.encode())
            assert status == 0, f"espeak-ng has no voice {voice.name}"
        self._library.espeak_SetParameter(_RATE, voice.rate_wpm, 0)
        self._library.espeak_SetParameter(_PITCH, voice.pitch, 0)
        self._library.espeak_SetParameter(_RANGE, voice.pitch_range, 0)
        self._voice = voice

    def _changed(self, voice: Voice) -> str:
        """Commands inside the text, before a word that is spoken otherwise than the last."""
        if voice == self._voice:
            return ""
        self._voice = voice
        return f"\x01{voice.pitch}P\x01{voice.rate_wpm}S "

    def _receive(self, samples, num_samples: int, events) -> int:
        if samples and num_samples > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (num_samples,)).copy())
        index = 0
        while events[index].type:
            event = events[index]
            if event.type in (_WORD_EVENT, _PHONE_EVENT):
                phone = _phone_name(event) if event.type == _PHONE_EVENT else ""
                self._marks.append(_Mark(event.type, event.text_position, event.sample, phone))
            index += 1
        return 0


def _phone_name(event: _Event) -> str:
    """The name is not terminated when it fills all eight bytes."""
    address = ctypes.addressof(event.id)
    name = ctypes.string_at(address, 8).split(b"\0")[0].decode("utf-8", "replace")
    return name.lstrip("',%=") or name


def _speech(
    words: Sequence[str], positions: list[int], samples: np.ndarray, marks: list[_Mark]
) -> Speech:
    spoken_at = [mark.position for mark in marks if mark.type == _WORD_EVENT]
    assert spoken_at == positions, f"espeak-ng joined or split words of: {' '.join(words)}"
    word_of = {position: index for index, position in enumerate(positions)}
    phones: list[tuple[int, Interval]] = []
    for index, mark in enumerate(marks):
        if mark.type == _PHONE_EVENT and not mark.phone.startswith("_"):
            end = _end(marks, index, len(samples))
            if end > mark.sample:
                phones.append((word_of[mark.position], Interval(mark.phone, mark.sample, end)))
    # The event of a word that begins with a vowel comes too early after a nasal or a
    # liquid (espeak joins the two sounds), so words get their edges from their phones.
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    for word, phone in phones:
        starts.setdefault(word, phone.start)
        ends[word] = phone.end
    assert len(starts) == len(words), f"a word without sound in: {' '.join(words)}"
    intervals = [Interval(word, starts[i], ends[i]) for i, word in enumerate(words)]
    last = intervals[-1].end
    return Speech(samples[:last], intervals, [phone for _, phone in phones])


def _end(marks: list[_Mark], index: int, num_samples: int) -> int:
    """Where the phone at `index` ends: at the next mark that lies later."""
    start = marks[index].sample
    for mark in marks[index + 1 :]:
        if mark.type == _PHONE_EVENT or mark.sample > start:
            return mark.sample
    return num_samples
