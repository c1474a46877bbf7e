"""Hours through the stages: what went in, what came out, what was lost and why."""

from __future__ import annotations

from collections import Counter, defaultdict

import pyarrow as pa
import pyarrow.compute as pc

from aubert.evaluate.dataset import STAGES
from aubert.report.blocks import Flow, Loss, Section, Step, Table, Tile, Tiles
from aubert.report.numbers import beside, hours_text, short
from aubert.report.run import Run
from aubert.stage import REASONS

_DOES = {
    "index": "lists the chapters",
    "cut": "cuts them at pauses",
    "transcribe": "transcribes them",
    "match": "finds their place in the book",
    "refine": "settles the boundaries",
    "words": "gives each word its time",
}
_PAUSES = "silence around utterances, by the voice activity"
# Of the run's figures, what is to be seen first, if it is known.
_HEADLINES = {
    "match.placed_within_5_chars": "of utterances in their exact place",
    "words.start_error_ms_median": "ms off the start of a word, median",
    "transcribe.wer": "word error rate, books that no training saw",
}


def section(run: Run) -> Section:
    """Of every stage: the accounts that the run's figures are checked by, in hours."""
    steps = _steps(run)
    rows = [
        (
            step.name,
            loss.label,
            loss.count or "",
            hours_text(loss.hours) if loss.hours else "",
            "yes" if loss.fault else "no",
            loss.note,
        )
        for step in steps
        for loss in step.losses
    ]
    return Section(
        "flow",
        "From recordings to timed words",
        "Each bar is the time that went into a stage. What goes in comes out, or is rejected "
        "with a reason; the run stops otherwise.",
        [
            Tiles(_tiles(run, steps)),
            Flow(steps, max(max(step.hours_in for step in steps), 1e-9)),
            Table(
                "What went no further, and why",
                ("stage", "reason", "count", "time", "a fault", "what it means"),
                rows,
            ),
        ],
    )


def _tiles(run: Run, steps: list[Step]) -> list[Tile]:
    figures = run.figures
    recordings, speakers = figures["corpus.recordings"].value, figures["corpus.speakers"].value
    tiles = [
        Tile(
            "went in",
            hours_text(steps[0].hours_in),
            f"{recordings:,.0f} chapters of {speakers:,.0f} speakers",
        ),
        Tile(
            "came out with timed words",
            hours_text(steps[-1].hours_out),
            f"{figures['corpus.words'].value:,.0f} words",
        ),
    ]
    for key, label in _HEADLINES.items():
        if key in figures:
            control = beside(figures, key)
            note = f"n {figures[key].n:,}" + (
                f"; {short(control.value)} without listening" if control else ""
            )
            tiles.append(Tile(label, short(figures[key].value), note))
    return tiles


def _steps(run: Run) -> list[Step]:
    recorded_s = spoken_s = 0.0
    counts: dict[str, Counter] = defaultdict(Counter)
    lost_s: dict[str, Counter] = defaultdict(Counter)
    for shard in run.shards:
        recordings, utterances = run.seconds(shard)
        recorded_s += pc.sum(recordings["seconds"]).as_py() or 0.0
        spoken_s += pc.sum(utterances["seconds"]).as_py() or 0.0
        for stage, (_, id_column) in STAGES.items():
            known = recordings if id_column == "recording_id" else utterances
            for reason, seconds in _rejected(run.rejects(stage, shard), known, id_column):
                counts[stage][reason] += 1
                lost_s[stage][reason] += seconds
    steps, going_s = [], recorded_s
    for stage, (_, id_column) in STAGES.items():
        went_in_s = going_s
        losses = [
            Loss(reason, seconds / 3600, counts[stage][reason], *_meaning(reason))
            for reason, seconds in sorted(lost_s[stage].items())
        ]
        going_s -= sum(lost_s[stage].values())
        # Chapters that cannot be read have no length to be lost.
        if stage == "index":
            going_s = recorded_s
        if stage == "cut":
            losses.append(Loss("pauses", (going_s - spoken_s) / 3600, 0, _PAUSES, False))
            going_s = spoken_s
        account = run.figures[f"rejects.{stage}"]
        steps.append(
            Step(
                stage,
                _DOES[stage],
                "chapters" if id_column == "recording_id" else "utterances",
                round(account.n - account.value),
                went_in_s / 3600,
                going_s / 3600,
                losses,
            )
        )
    return steps


def _rejected(rejects: pa.Table, known: pa.Table, id_column: str) -> list[tuple[str, float]]:
    """(reason, seconds) of each; 0 where the duration is unknown."""
    place = pc.index_in(rejects["id"], known[id_column])
    seconds = known["seconds"].take(place).to_pylist()
    return [
        (reason, length or 0.0)
        for reason, length in zip(rejects["reason"].to_pylist(), seconds, strict=True)
    ]


def _meaning(reason: str) -> tuple[str, bool]:
    known = REASONS[reason]
    return known.remedy, known.fault
