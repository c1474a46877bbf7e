"""CLAR: accuracy by arm and by budget of labels."""

from __future__ import annotations

from aubert.report.blocks import Section
from aubert.report.figures import figure_chart, figures_below
from aubert.report.run import Run


def section(run: Run) -> Section | None:
    """None where no CLAR was trained."""
    # How far an arm leads over supervised training is to be seen: it needs no row of its own.
    found = figures_below(run, "clar")
    keys = [key for key in found if ".lead_" not in key and key != "clar.groups"]
    if not keys:
        return None
    groups = run.figures.get("clar.groups")
    if groups is None or groups.value == groups.n:
        split = (
            "The speakers of the clips are not known: a test speaker may be in training, so these "
            "figures are not speaker-independent."
        )
    else:
        split = (
            f"Of {groups.value:,.0f} groups (speakers, recordings) those of the test are in no "
            f"training."
        )
    return Section(
        "clar",
        "CLAR",
        f"Accuracy by arm and by the share of labels that it was given. {split}",
        [figure_chart(run, keys, "CLAR's arms")],
    )
