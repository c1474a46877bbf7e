"""AuBERT: finding the text of a stretch of speech, and the speech of a text."""

from __future__ import annotations

import base64

from aubert.report.blocks import Picture, Section
from aubert.report.figures import figure_chart, figures_below
from aubert.report.run import Run

# <scorer>.<picture>.svg, as the stage draws them.
_PICTURES = {
    "similarity": "similarity of one token's texts and utterances, as a matrix; the diagonal is "
    "what belongs together",
    "map": "utterances of one word in the plane of their two principal components",
}


def section(run: Run) -> Section | None:
    """None where no AuBERT was trained."""
    keys = figures_below(run, "aubert")
    if not keys:
        return None
    return Section(
        "aubert",
        "AuBERT",
        "Retrieval among candidates that no training saw, of text by speech and of speech by "
        "text; hollow points are chance, or what needs no training.",
        [figure_chart(run, keys, "AuBERT's retrieval"), *_pictures(run)],
    )


def _pictures(run: Run) -> list[Picture]:
    found = []
    for path in sorted((run.results / "aubert").glob("*.*.svg")):
        scorer, picture, _ = path.name.split(".")
        shows = _PICTURES.get(picture, picture)
        src = "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode()
        found.append(Picture(f"{picture.capitalize()}, scorer {scorer}", shows.capitalize(), src))
    return found
