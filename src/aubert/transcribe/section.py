"""Transcription's section of the config."""

from __future__ import annotations

from typing import Literal

from aubert.options import options_class
from aubert.transcribe.decode import CtcOptions
from aubert.transcribe.pocketsphinx import PocketsphinxOptions


@options_class
class TranscribeSection:
    """The recogniser that transcribes utterances.

    backend: ctc is any Hugging Face CTC checkpoint, or this run's own; pocketsphinx runs on a CPU
      with the English model that it carries: real speech without a download
    pocketsphinx: no effect with backend ctc
    ctc: no effect with backend pocketsphinx, but that CTC networks are measured with its decoder
    """

    backend: Literal["ctc", "pocketsphinx"] = "ctc"
    pocketsphinx: PocketsphinxOptions = PocketsphinxOptions()
    ctc: CtcOptions = CtcOptions()
