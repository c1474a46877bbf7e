"""AuBERT: finding the text of a stretch of speech, and the speech of a text."""

from __future__ import annotations

import base64

from aubert.crossmodal.plan import AubertPlan
from aubert.hubert.plan import Plan
from aubert.report.blocks import Chart, Picture, Section
from aubert.report.figures import figure_chart, figures_below
from aubert.report.run import Run

# What is shown of the figures of a scorer; the others are in metrics.json.
_SHOWN = {
    "retrieval_top1": "word by sound",
    "new_words_top1": "new word by sound",
    "text_to_audio_top1": "sound by word",
    "same_token_top1": "of k, by context",
    "same_token_no_context_top1": "of k, without context",
}
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
        "How often the right text is found by its audio, and the right utterance by its text, "
        "in books that no training saw; among k utterances of one token by one speaker, by the "
        "context alone. Hollow points need no training.",
        [*_charts(run), *_pictures(run)],
    )


def _charts(run: Run) -> list[Chart]:
    """One for each scorer."""
    plan = AubertPlan(run.config, Plan(run.config))
    found = []
    for scorer in plan.scorers:
        names = {
            f"{plan.key(scorer)}.{group}{name}": shown + (", new voices" if group else "")
            for group in ("", "unseen_")
            for name, shown in _SHOWN.items()
        }
        keys = [key for key in names if key in run.figures]
        if keys:
            found.append(figure_chart(run, keys, f"Found first, scorer {scorer}", names))
    return found


def _pictures(run: Run) -> list[Picture]:
    found = []
    for path in sorted((run.results / "aubert").glob("*.*.svg")):
        scorer, picture, _ = path.name.split(".")
        shows = _PICTURES.get(picture, picture)
        src = "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode()
        found.append(Picture(f"{picture.capitalize()}, scorer {scorer}", shows.capitalize(), src))
    return found
