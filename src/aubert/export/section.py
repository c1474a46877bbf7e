"""The section `export` of the config."""

from __future__ import annotations

from aubert.export.epub import EpubOptions
from aubert.export.fairseq import FairseqOptions
from aubert.options import options_class


@options_class
class ExportSection:
    """The word-aligned corpus in the formats of other tools.

    epub: read-aloud books
    fairseq: manifests
    """

    epub: EpubOptions = EpubOptions()
    fairseq: FairseqOptions = FairseqOptions()
