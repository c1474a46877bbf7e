"""Recordings as MP3."""

from __future__ import annotations

import shutil
from pathlib import Path

import soundfile
import soxr

_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)  # of MPEG audio
_OTHER_HZ = 24000
_BLOCK = 2**18


def write_mp3(source: Path, target: Path) -> None:
    """A recording as MP3, mono; one that is MP3 already is copied as it is."""
    with soundfile.SoundFile(str(source)) as file:
        if file.format == "MP3":
            shutil.copyfile(source, target)
            return
        rate_hz = file.samplerate if file.samplerate in _RATES_HZ else _OTHER_HZ
        resample = soxr.ResampleStream(file.samplerate, rate_hz, 1, dtype="float32")
        with soundfile.SoundFile(
            str(target), "w", rate_hz, channels=1, format="MP3", subtype="MPEG_LAYER_III"
        ) as encoded:
            left = file.frames
            while left:
                block = file.read(min(_BLOCK, left), dtype="float32", always_2d=True).mean(axis=1)
                left = left - len(block) if len(block) else 0
                encoded.write(resample.resample_chunk(block, last=not left))
