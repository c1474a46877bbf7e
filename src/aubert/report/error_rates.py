"""Word and letter error rates."""

from __future__ import annotations

import re

from aubert.report.blocks import Section
from aubert.report.figures import figure_blocks
from aubert.report.run import Run


def section(run: Run) -> Section | None:
    """None where nobody knows what was said."""
    keys = [key for key in run.figures if re.search(r"[._](wer|cer)(_|\.|$)", key)]
    if not keys:
        return None
    return Section(
        "errors",
        "Error rates",
        "Of the transcripts, beside a guess that never listens (the book's text at an even pace); "
        "and of the networks on the dev sets. The language model of a transcript holds the very "
        "book that is read, as its purpose is the place in that book; greedy is without any.",
        figure_blocks(run, keys, "Error rates"),
    )
