"""The page at the end of a run, as the workflow makes it."""

from __future__ import annotations

import re

import pytest
from browser import needs_chromium, opened

pytestmark = pytest.mark.xdist_group("mini_run")


def sections(run) -> list[str]:
    html = run.results("report", "index.html").read_text()
    return re.findall(r'<section id="(\w+)"', html)


def test_a_run_that_trained_nothing_shows_what_there_is(mini_run):
    assert sections(mini_run) == ["flow", "matching", "words", "errors", "resources", "setup"]
    assert mini_run.results("report", "index.html").stat().st_size < 5_000_000


@needs_chromium
def test_its_page_is_drawn_and_asks_for_nothing(mini_run):
    with opened(mini_run.results("report", "index.html"), width=360) as page:
        assert page.locator(".player").count() == 5
        assert page.locator(".bands li").count() >= 5
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_another_caption_makes_the_page_alone_again(mini_run):
    caption = mini_run.house / "workflow/report/page.rst"
    text = caption.read_text()
    caption.write_text("Another caption.")
    try:
        assert mini_run.jobs() == ["all", "report"]
    finally:
        caption.write_text(text)


def test_snakemake_s_own_report_holds_the_page(mini_run):
    mini_run.snakemake("--report", "report.zip")
    assert (mini_run.directory / "report.zip").stat().st_size > 1_000_000
