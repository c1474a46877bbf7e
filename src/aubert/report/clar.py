"""CLAR: accuracy by arm and by budget of labels."""

from __future__ import annotations

from aubert.report.blocks import Section
from aubert.report.figures import figure_chart, figures_below
from aubert.report.run import Run


def section(run: Run) -> Section | None:
    """None where no CLAR was trained."""
    # How far an arm leads over supervised training is to be seen: it needs no row of its own.
    keys = [key for key in figures_below(run, "clar") if ".lead_" not in key]
    if not keys:
        return None
    return Section(
        "clar",
        "CLAR",
        "Accuracy by arm and by the share of labels that it was given; speakers of the test are "
        "in no training.",
        [figure_chart(run, keys, "CLAR's arms")],
    )
