"""Deep clustering: how well mixtures are taken apart, and some of them to listen to."""

from __future__ import annotations

from aubert.report.blocks import Chart, Player, Section, Spoken, Table
from aubert.report.charts import figures as figures_chart
from aubert.report.numbers import interval_text, short
from aubert.report.run import Run
from aubert.report.sound import data_uri, peaks

_IMPROVEMENT = "separation.si_sdri_"
_OTHERS = (".chance", ".ideal_binary", ".ideal_ratio")


def section(run: Run) -> Section | None:
    """None where no network was trained to take voices apart."""
    keys = [key for key in run.figures if key.startswith(_IMPROVEMENT)]
    if not keys:
        return None
    blocks: list = [_chart(run, [key for key in keys if not key.endswith(_OTHERS)])]
    if (run.results / "separation/model").is_dir():
        blocks.append(Player(_mixtures(run)))
    return Section(
        "separation",
        "Voices taken apart",
        "How much closer to each speaker the estimates are than the mixture is (SI-SDR "
        "improvement, dB), between masks drawn at random and masks that know the speakers. "
        "Below, a mixture of each kind, what the network makes of it, and what the ideal ratio "
        "mask would.",
        blocks,
    )


def _chart(run: Run, keys: list[str]) -> Chart:
    rows, points = [], []
    for key in keys:
        figure = run.figures[key]
        name = key.removeprefix(_IMPROVEMENT).removesuffix("_db").replace("_", " ")
        others = [run.figures.get(f"{key}{other}") for other in _OTHERS]
        low, high = figure.ci95 or (figure.value, figure.value)
        ends = {"low": low, "high": high, "control": others[0].value if others[0] else None}
        points.append({"name": f"{name} speakers", "value": figure.value, **ends})
        cells = [short(other.value) if other else "" for other in others]
        n = f"{figure.n:,}"
        rows.append((f"{name} speakers", short(figure.value), interval_text(figure), *cells, n))
    summary = "; ".join(f"{point['name']} {short(point['value'])} dB" for point in points)
    columns = (
        "mixtures of", "dB", "95% interval", "random masks", "ideal binary mask",
        "ideal ratio mask", "mixtures",
    )  # fmt: skip
    title = "SI-SDR improvement"
    note = "dB, with 95% intervals; hollow: masks at random"
    return figures_chart(title, f"{summary}.", points, table=Table(title, columns, rows), note=note)


def _mixtures(run: Run) -> list[Spoken]:
    """The first mixture of each split and number of speakers."""
    import numpy as np

    from aubert.separation.evaluation import masked
    from aubert.separation.mixtures import MixtureList, render
    from aubert.separation.options import SAMPLE_RATE_HZ, SeparateOptions
    from aubert.separation.separate import Separator

    listed = MixtureList.load(run.results / "separation/mixtures.json").mixtures
    firsts = {(each.split, len(each.sources)): each for each in reversed(listed)}
    players = []
    for (split, number), mixture in sorted(firsts.items()):
        sources = render(mixture)
        options = SeparateOptions(num_speakers=number)
        estimates = Separator.load(run.results / "separation/model", options)(sources.sum(0))
        oracle = masked(sources, np.random.default_rng(0))["ideal_ratio"]
        sounds = {"mixture": sources.sum(0)}
        for name, voices in (("estimate", estimates), ("ideal mask", oracle)):
            sounds |= {f"{name} {place}": voice for place, voice in enumerate(voices, 1)}
        for name, samples in sounds.items():
            players.append(
                Spoken(
                    name=f"{number} {split} speakers: {name}",
                    note=mixture.id,
                    audio=data_uri(samples, SAMPLE_RATE_HZ),
                    seconds=len(samples) / SAMPLE_RATE_HZ,
                    peaks=peaks(samples),
                )
            )
    return players
