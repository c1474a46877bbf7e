"""Recordings as MP3 that players find every place of."""

from __future__ import annotations

import shutil
from pathlib import Path

import mutagen
import soundfile
from mutagen.mp3 import MP3, BitrateMode

from aubert import audio

KBIT_PER_S = 64  # of mono speech, as LibriVox has it
_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)  # of MPEG audio
_OTHER_HZ = 24000


def write_mp3(source: Path, target: Path) -> None:
    """A recording as MP3, mono, with a constant bit rate; one that is that already is copied.

    Browsers find a place in an MP3 by its bytes. Where the bit rate varies they play what stands
    seconds beside it: Chromium up to 12 s in half an hour. Raises AudioError.
    """
    header = audio.probe(source)
    if header.num_announced is None and _has_constant_rate(source):
        shutil.copyfile(source, target)
        return
    rate_hz = header.sample_rate_hz if header.sample_rate_hz in _RATES_HZ else _OTHER_HZ
    with soundfile.SoundFile(
        str(target), "w", rate_hz, channels=1, format="MP3", subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT", compression_level=_level(rate_hz),
    ) as encoded:  # fmt: skip
        for block in audio.blocks(source, sample_rate_hz=rate_hz):
            encoded.write(block)


def _has_constant_rate(source: Path) -> bool:
    try:
        info = MP3(source).info
    except (mutagen.MutagenError, OSError):
        return False
    # Of a file without a count of its frames it is not known; its length agrees with one frame's.
    return info.layer == 3 and info.bitrate_mode in (BitrateMode.CBR, BitrateMode.UNKNOWN)


def _level(rate_hz: int) -> float:
    """libsndfile's compression level of KBIT_PER_S: from 0, the highest rate of MPEG 1, 2 or 2.5,
    to 1, the lowest."""
    lowest, highest = (8, 64) if rate_hz < 16000 else (8, 160) if rate_hz < 32000 else (32, 320)
    return (highest - KBIT_PER_S) / (highest - lowest)
