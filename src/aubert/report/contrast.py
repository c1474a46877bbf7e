"""AuBERT: finding the text of a stretch of speech, and the speech of a text."""

from __future__ import annotations

from aubert.report.blocks import Section
from aubert.report.figures import figure_chart, figures_below
from aubert.report.run import Run


def section(run: Run) -> Section | None:
    """None where no AuBERT was trained."""
    keys = figures_below(run, "aubert")
    if not keys:
        return None
    return Section(
        "aubert",
        "AuBERT",
        "Retrieval among the candidates of a batch that no training saw; hollow points are "
        "chance, or what knows the words only.",
        [figure_chart(run, keys, "AuBERT's retrieval")],
    )
