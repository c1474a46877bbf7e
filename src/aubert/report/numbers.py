"""Numbers as people read them."""

from __future__ import annotations

from aubert.evaluate.metrics import Figure, short

__all__ = ["beside", "hours_text", "interval_text", "share_text", "short"]


def hours_text(hours: float) -> str:
    """In the unit that fits: 3.2 s, 12.5 min, 3.4 h, 58,213 h."""
    seconds = hours * 3600
    if seconds < 60:
        return f"{seconds:.1f} s"
    if hours < 2:
        return f"{hours * 60:.1f} min"
    return f"{hours:.1f} h" if hours < 100 else f"{hours:,.0f} h"


def share_text(share: float) -> str:
    return f"{share:.1%}"


def interval_text(figure: Figure) -> str:
    """The 95% interval and what it resampled, empty where there is none."""
    ends = "–".join(short(edge) for edge in figure.ci95 or ())
    return ends + (", {1:,} {0}".format(*figure.resampled) if figure.resampled else "")


def beside(figures: dict[str, Figure], key: str) -> Figure | None:
    """What the figure `key` is to be compared with."""
    return figures.get(f"{key}.baseline") or figures.get(f"{key}.chance")
