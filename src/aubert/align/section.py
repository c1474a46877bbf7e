"""Word alignment's section of the config."""

from __future__ import annotations

from typing import Literal

from aubert.align.words_ctc import WordsCtcOptions
from aubert.align.words_pocketsphinx import WordsPocketsphinxOptions
from aubert.options import options_class


@options_class
class WordsSection:
    """The aligner that gives each word its times.

    backend: ctc or pocketsphinx, as in transcribe
    pocketsphinx: no effect with backend ctc
    ctc: no effect with backend pocketsphinx
    """

    backend: Literal["ctc", "pocketsphinx"] = "ctc"
    pocketsphinx: WordsPocketsphinxOptions = WordsPocketsphinxOptions()
    ctc: WordsCtcOptions = WordsCtcOptions()
