"""Transcripts of audio files that are in no table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aubert import audio
from aubert.stage import Reject
from aubert.text.languages import pack_of
from aubert.transcribe.ctc import CtcModel
from aubert.transcribe.decode import DecodeOptions, Decoder


class Transcribed(NamedTuple):
    """name: of the file. text: spoken words in lower case, one space between"""

    name: str
    text: str
    seconds: float


def transcribe_files(
    paths: Mapping[str, Path], options: DecodeOptions, language: str | None = None
) -> Iterator[Transcribed | Reject]:
    """The transcript of each file, in order; a file without one is a reject, with its reason.

    language: BCP 47; None: what the checkpoint says, else English. Raises ValueError when
    options.model is no CTC checkpoint."""
    model = CtcModel.load(options)
    pack = pack_of(language or model.language or "en").with_letters(model.letters)
    decoder = Decoder(model.vocabulary(pack), options, pack)
    seconds: dict[str, float] = {}  # of those that the network has

    def sounds() -> Iterator[tuple[str, np.ndarray] | Reject]:
        for name, path in paths.items():
            try:
                samples = audio.decode(path, sample_rate_hz=model.sample_rate_hz)
            except audio.AudioError as error:
                yield Reject(name, error.reason, error.detail)
            else:
                seconds[name] = len(samples) / model.sample_rate_hz
                yield name, samples

    for item in model.emissions(sounds()):
        if isinstance(item, Reject):
            yield item
            continue
        name, emission = item
        if not len(emission):
            yield Reject(name, "audio_too_short", "shorter than one frame")
        elif np.isnan(emission).any():
            yield Reject(name, "features_not_finite", "its samples, or what comes of them")
        else:
            text = decoder(emission, options.lm_path).text
            yield Transcribed(name, text, seconds.pop(name))
