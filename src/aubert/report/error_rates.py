"""Word and letter error rates."""

from __future__ import annotations

import re

from aubert.report.blocks import Section
from aubert.report.figures import figure_chart
from aubert.report.run import Run

_TRANSCRIPTS = {
    "transcribe.wer": "books that no training saw",
    "transcribe.wer_unseen_voices": "and unseen voices",
    "transcribe.wer_all": "all recordings",
}


def section(run: Run) -> Section | None:
    """None where there is no reference."""
    networks = {key: name for key in sorted(run.figures, key=_order) if (name := _network(key))}
    transcripts = {key: name for key, name in _TRANSCRIPTS.items() if key in run.figures}
    charts = [
        figure_chart(run, list(names), title, names)
        for title, names in (
            ("Transcripts of the corpus, words", transcripts),
            ("Networks on the dev sets", networks),
        )
        if names
    ]
    if not charts:
        return None
    return Section(
        "errors",
        "Error rates",
        "The language model of a transcript holds the very book that is read, as its purpose is "
        "the place in that book; its baseline is the book's text at an even pace, which never "
        "listens. Greedy is a network without a language model.",
        charts,
    )


def _order(key: str) -> tuple:
    return "cer" in key, "greedy" in key, "unseen" in key, key


def _network(key: str) -> str | None:
    """What `ctc.<init>.<set>_<measure>` is, in words; None for other keys."""
    found = re.fullmatch(r"ctc\.(\w+)\.(?:(\w+?)_)?(wer|cer)(_greedy)?", key)
    if not found:
        return None
    init, dev, measure, greedy = found.groups()
    what = {"wer": "words", "cer": "letters"}[measure]
    return f"{init}, {dev or 'seen'}: {what}{', greedy' if greedy else ''}"
