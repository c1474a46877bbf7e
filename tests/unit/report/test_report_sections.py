"""What the sections of the report say of results whose every number is known."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
import written_run
from written_run import EVIL

from aubert.report import cost, flow, matching, page, word_times


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return written_run.write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def html(run):
    return page.render(EVIL, EVIL, page.sections_of(run))


def test_hours_in_are_hours_out_and_hours_lost(run):
    tiles, chart, _ = flow.section(run).blocks
    found = {}
    for step in chart.steps:
        lost = sum(loss.hours for loss in step.losses)
        assert step.hours_in == pytest.approx(step.hours_out + lost)
        found[step.name] = [(loss.label, round(3600 * loss.hours, 3)) for loss in step.losses]
    # 40 s were recorded; a chapter of 20 s holds no speech, the other 10 s of it in two pieces.
    assert found["cut"] == [("no_speech", 20.0), ("pauses", 10.0)]
    assert found["match"] == [("not_in_book", 5.0)]
    assert 3600 * chart.steps[0].hours_in == pytest.approx(40)
    assert 3600 * chart.steps[-1].hours_out == pytest.approx(5)
    assert [tile.value for tile in tiles.tiles[:2]] == ["40.0 s", "5.0 s"]


def test_the_worst_place_shows_what_was_skipped(run):
    *_, bands, _, spans = matching.section(run).blocks
    (span,) = spans.spans
    assert span.book[1][0] == "SKIPPED" and EVIL in span.book[1][1]
    assert "".join(text for label, text in span.transcript) == "the cat sata hog and a bird"
    (band,) = bands.bands
    read = sum(end - start for start, end in band.read)
    skipped = 100 * (len(EVIL) + len("Nobody saw.") + len(" ran off.")) / len(written_run.BOOK)
    assert read == pytest.approx(100 - skipped, abs=3)


def test_short_texts_that_were_printed_and_not_read_are_listed(run):
    _, bands, unread, _ = matching.section(run).blocks
    assert [row[0] for row in unread.rows] == ["script alert 1 script"]
    assert bands.table.rows[0][3] == 1


def test_words_stand_in_the_book_s_own_writing(run):
    player = word_times.section(run).blocks[-1]
    (spoken,) = player.utterances
    text = "".join(word.text + word.after for word in spoken.words)
    assert text == "The cat sat […] A dog & a bird"
    assert spoken.seconds == written_run.UTTERANCE_S
    assert spoken.audio.startswith("data:audio/flac;base64,")


def test_what_could_not_be_measured_counts_as_nothing(run):
    (chart,) = cost.section(run).blocks
    rows = {row[0]: row for row in chart.table.rows}
    assert rows["index"][1:4] == (1, "2.5 s", "2.0 s")
    assert rows["cut"][3] == "0.0 s"


def test_nothing_of_a_corpus_becomes_markup(html):
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html
    for spec in re.findall(r'<script type="application/json">(.*?)</script>', html, re.S):
        json.loads(spec)


def test_a_picture_has_words_and_numbers_beside_it(html):
    charts = re.findall(r'<div class="chart" role="img" aria-label="([^"]*)">', html)
    assert len(charts) >= 3 and all(len(alt) > 20 for alt in charts)
    figures = re.findall(r"<figure>(.*?)</figure>", html, re.S)
    assert all("<table>" in figure for figure in figures)
    levels = [int(level) for level in re.findall(r"<h(\d)", html)]
    assert levels[0] == 1 and all(b - a <= 1 for a, b in pairwise(levels))


def test_text_can_be_read_on_its_ground_by_day_and_by_night():
    css = (Path(page.__file__).parent / "page/page.css").read_text()
    for block in re.findall(r":root \{(.*?)\}", css, re.S):
        colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        for text in ("ink", "soft", "c1", "fault", "extra"):
            for ground in ("ground", "raised"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground, block)


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(
            weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
        )

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
