"""What a linear classifier reads off the encoders."""

from __future__ import annotations

from aubert.report.blocks import Section
from aubert.report.figures import figure_chart, figures_below
from aubert.report.run import Run


def section(run: Run) -> Section | None:
    keys = figures_below(run, "probe")
    if not keys:
        return None
    return Section(
        "probes",
        "What else the encoders know",
        "A linear classifier on frozen features, averaged over each utterance, tested on "
        "utterances that it did not see. The baseline is statistics of MFCC.",
        [figure_chart(run, keys, "Linear probes")],
    )
