"""README.md of a trained model: what it is, what it learned from, how, and what it is not for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from aubert.files import write_bytes
from aubert.learn.options import LOG, TrainOptions
from aubert.options import default_of

CARD = "README.md"
_NO_FIGURES = ("step", "lr", "skipped", "audio_seconds", "grad_norm")
_TEXT = """---
library_name: aubert
tags: [{tags}]
---

# {title}

{what}

Learned from {data}, in {steps:,} steps, by aubert {version}.

```sh
{usage}
```

**Limits.** {limits} The rights in the recordings and texts that it learned from are their owners':
name the licence before you share it.

## At the end of the training

{figures}
`train.jsonl` has the whole course. These are figures of the training itself: `metrics.json` of the
run has those of held-out speech, with their controls.

## Options that differ from the defaults

{options}"""


@dataclass(frozen=True)
class Card:
    """What a model's README says.

    title: of the method. what: one sentence: what goes in, what comes out. data: what it learned
    from: "292.1 minutes in 4,403 utterances". usage: commands, MODEL stands for the directory.
    limits: one or two sentences. options: of the network and the training, dataclasses whose
    defaults are compared
    """

    title: str
    what: str
    data: str
    usage: str
    limits: str
    options: tuple[Any, ...]
    tags: tuple[str, ...] = ("audio", "speech")


def write_card(directory: Path, card: Card, steps: int) -> None:
    """Writes README.md into a model's directory, which holds train.jsonl."""
    from aubert import __version__

    last: dict[str, Any] = {}  # value of each name: validations have lines of their own
    for line in (directory / LOG).read_text(encoding="utf-8").splitlines():
        last |= json.loads(line)
    text = _TEXT.format(
        tags=", ".join(card.tags),
        title=card.title,
        what=card.what,
        data=card.data,
        steps=steps,
        version=__version__,
        usage=card.usage,
        limits=card.limits,
        figures=_table("figure", _figures(last)),
        options=_table("option", changed(card.options)),
    )
    write_bytes(directory / CARD, text.encode())


def changed(options: tuple[Any, ...]) -> dict[str, Any]:
    """The values of dataclasses that are not their defaults, but for those that change no
    weights."""
    found: dict[str, Any] = {}
    for one in options:
        free = one.how(vars(one)) if isinstance(one, TrainOptions) else ()
        for name in (field.name for field in fields(one) if field.name not in free):
            if getattr(one, name) != default_of(type(one), name):
                found[name] = getattr(one, name)
    return found


def _figures(last: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: f"{value:.4g}"
        for name, value in last.items()
        if name not in _NO_FIGURES and isinstance(value, float)
    }


def _table(head: str, rows: Mapping[str, Any]) -> str:
    if not rows:
        return "none\n"
    lines = "".join(f"| `{name}` | {value} |\n" for name, value in rows.items())
    return f"| {head} | value |\n|---|---|\n{lines}"
