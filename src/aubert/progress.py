"""Progress of what takes longer than seconds: a bar on a screen, now and then a line in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from tqdm import tqdm

_BAR_AFTER_S = 2
_LINE_EVERY_S = 30
_LINE = (
    "{desc}: {n_fmt} of {total_fmt} ({percentage:.0f}%), {elapsed} gone, {remaining} to go, "
    "{rate_fmt}{postfix}"
)


class _Lines:
    """A file for tqdm, which redraws one line: each drawing is a line of its own."""

    def write(self, text: str) -> None:
        if text.strip():
            sys.stderr.write(text.strip() + "\n")

    def flush(self) -> None:
        sys.stderr.flush()


def progress(
    items: Iterable | None = None,
    *,
    what: str,
    total: int | None,
    unit: str,
    done: int = 0,
    shown: bool = True,
) -> tqdm:
    """A tqdm over `items`, or to be updated by hand, on stderr; silent over what is done soon.

    total: of `unit`s, None where unknown; of them `done` were done before
    shown: false in all processes of a training but one
    """
    how = {"desc": what, "total": total, "unit": unit, "initial": done, "disable": not shown}
    how["unit_scale"] = unit == "B"  # bytes as kB, MB and so on
    if sys.stderr.isatty():
        return tqdm(items, **how, delay=_BAR_AFTER_S)
    return tqdm(
        items,
        **how,
        file=_Lines(),
        bar_format=_LINE,
        delay=_LINE_EVERY_S,
        mininterval=_LINE_EVERY_S,
        maxinterval=_LINE_EVERY_S,
    )
