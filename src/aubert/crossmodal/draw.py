"""Pictures from the data of aubert_pictures: files of any kind that matplotlib writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aubert.files import complete


def draw_similarity(data: Mapping | None, files: Sequence[Path]) -> None:
    """One token's texts (rows) against its utterances (columns); each row's best is framed."""
    figure, axes = _new(9, 5)
    if data is None:
        axes.set_title("nothing is held out")
    else:
        scores = data["scores"]
        image = axes.imshow(scores, cmap="viridis", aspect="auto")
        figure.colorbar(image, ax=axes, label="score")
        axes.set_yticks(range(len(scores)), data["texts"], fontsize=7)
        axes.set_xticks(range(len(scores)), range(1, len(scores) + 1), fontsize=7)
        for row, values in enumerate(scores):
            best = values.index(max(values))
            axes.plot(best, row, "s", markersize=9, fillstyle="none", color="white")
        axes.set_xlabel("utterance; the right ones are on the diagonal")
        axes.set_title(f"“{data['ngram']}” in its contexts, speaker {data['speaker']}")
    _write(figure, files)


def draw_map(data: Mapping | None, files: Sequence[Path]) -> None:
    """One word's utterances in the plane, a colour for each speaker."""
    figure, axes = _new(7, 5)
    points = data["points"] if data else []
    for speaker in sorted({point["speaker"] for point in points}):
        own = [point for point in points if point["speaker"] == speaker]
        axes.scatter(
            [point["x"] for point in own], [point["y"] for point in own], s=18, label=speaker
        )
    if points:
        axes.legend(title="speaker", fontsize=7)
        axes.set_title(f"utterances of “{data['word']}”")
        for set_label, share in zip(
            (axes.set_xlabel, axes.set_ylabel), data["explained"], strict=False
        ):
            set_label(f"{share:.0%} of the variance")
    else:
        axes.set_title("nothing is held out")
    _write(figure, files)


def _new(width: float, height: float):
    from matplotlib.figure import Figure  # without pyplot: no window, no global state

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _write(figure, files: Sequence[Path]) -> None:
    import matplotlib

    # Without dates and random ids: the same data, the same file.
    with matplotlib.rc_context({"svg.hashsalt": "aubert"}):
        for path in files:
            kind = path.suffix.lstrip(".")
            date = {"Date": None} if kind == "svg" else None
            with complete(path) as part:
                figure.savefig(part, format=kind, dpi=120, metadata=date)
