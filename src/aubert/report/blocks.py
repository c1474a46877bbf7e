"""What a section is made of. The template knows each `kind`; all text in them is escaped there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class Section:
    """id: of the heading, for links. lead: a sentence or two under it."""

    id: str
    title: str
    lead: str
    blocks: Sequence[Any]


@dataclass(frozen=True)
class Tile:
    """A figure that is to be seen first."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Tiles:
    kind: ClassVar[str] = "tiles"
    tiles: Sequence[Tile]


@dataclass(frozen=True)
class Table:
    """rows: cells, text or numbers; numbers stand at the right."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Chart:
    """A Vega-Lite chart, what it shows in words, and the numbers behind it.

    note: how to read it
    """

    kind: ClassVar[str] = "chart"
    title: str
    alt: str
    spec: dict
    table: Table
    note: str = ""


@dataclass(frozen=True)
class Loss:
    """hours, count: of what went no further. fault: see stage.Reason."""

    label: str
    hours: float
    count: int
    note: str
    fault: bool


@dataclass(frozen=True)
class Step:
    """A stage of the flow. things: what its counts count."""

    name: str
    does: str
    things: str
    num_out: int
    hours_in: float
    hours_out: float
    losses: Sequence[Loss]


@dataclass(frozen=True)
class Flow:
    kind: ClassVar[str] = "flow"
    steps: Sequence[Step]
    hours: float  # of the widest bar


@dataclass(frozen=True)
class Span:
    """An utterance's place. book, transcript: (READ, SKIPPED or EXTRA; text) in order."""

    utterance_id: str
    similarity: float
    book: Sequence[tuple[str, str]]
    transcript: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Spans:
    kind: ClassVar[str] = "spans"
    caption: str
    spans: Sequence[Span]


@dataclass(frozen=True)
class Band:
    """What was read of a book. read: (start, end) and extra: places, of 0..100."""

    name: str
    note: str
    read: Sequence[tuple[float, float]]
    extra: Sequence[float]


@dataclass(frozen=True)
class Bands:
    kind: ClassVar[str] = "bands"
    bands: Sequence[Band]
    table: Table


@dataclass(frozen=True)
class Word:
    """after: what stands in the book between it and the next."""

    text: str
    after: str
    start_ms: int
    end_ms: int
    confidence: float


@dataclass(frozen=True)
class Spoken:
    """An utterance to listen to. audio: a data URI. peaks: (low, high) of equal parts."""

    name: str
    note: str
    audio: str
    seconds: float
    peaks: Sequence[tuple[float, float]]
    words: Sequence[Word] = field(default=())


@dataclass(frozen=True)
class Player:
    kind: ClassVar[str] = "player"
    utterances: Sequence[Spoken]


@dataclass(frozen=True)
class Picture:
    """src: a data URI. alt: what it shows, in words."""

    kind: ClassVar[str] = "picture"
    title: str
    alt: str
    src: str


@dataclass(frozen=True)
class Code:
    """Text that is shown as it is. summary: what one clicks on to see it."""

    kind: ClassVar[str] = "code"
    summary: str
    text: str
