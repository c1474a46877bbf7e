"""The report as a reader has it: it is drawn, it plays, it asks nobody for anything."""

from __future__ import annotations

import pytest
import written_run
from browser import needs_chromium, opened, until

from aubert.report.page import write_page

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    directory = tmp_path_factory.mktemp("page")
    run = written_run.write_run(directory / "run")
    write_page(run, written_run.EVIL, directory / "index.html")
    return directory / "index.html"


@pytest.mark.parametrize("width", [360, 1100])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_any_screen(page_file, width, scheme):
    with opened(page_file, width=width, scheme=scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        dark = sum(map(int, ground.strip("rgb()").split(","))) < 3 * 128
        assert dark == (scheme == "dark")


def test_words_light_up_as_they_are_spoken(page_file):
    with opened(page_file) as page:
        # At a third of the pace, so that a busy machine does not pass over a word.
        lit = page.evaluate(
            """() => new Promise((resolve, reject) => {
              const audio = document.querySelector("audio");
              const seen = [];
              audio.muted = true;
              audio.playbackRate = 0.33;
              const look = () => {
                const on = document.querySelector(".words .on");
                if (on && seen.at(-1)?.word !== on.textContent) {
                  const {start, end} = on.dataset;
                  seen.push({word: on.textContent, start, end, at: audio.currentTime * 1000});
                }
                if (seen.length === 3) { audio.pause(); resolve(seen); }
                else requestAnimationFrame(look);
              };
              audio.onerror = () => reject(audio.error.message);
              audio.play().then(look, reject);
            })"""
        )
    assert [one["word"] for one in lit] == ["The", "cat", "sat"]
    for one in lit:
        assert int(one["start"]) <= one["at"] < int(one["end"]) + 100


def test_a_click_plays_the_word_and_no_more(page_file):
    with opened(page_file) as page:
        page.evaluate("document.querySelector('audio').muted = true")
        word = page.locator(".words button").nth(3)
        word.click()
        until(page, "document.querySelector('audio').currentTime > 2")
        until(page, "document.querySelector('audio').paused")
        stopped_s = page.evaluate("document.querySelector('audio').currentTime")
        end_s = int(word.get_attribute("data-end")) / 1000
        duration_s = page.evaluate("document.querySelector('audio').duration")
        assert end_s <= stopped_s < duration_s


def test_words_are_reached_by_the_keyboard(page_file):
    with opened(page_file) as page:
        page.evaluate("document.querySelector('audio').muted = true")
        page.locator(".words button").nth(4).focus()
        page.keyboard.press("Enter")
        until(page, "document.querySelector('.words .on')")
        until(page, "document.querySelector('audio').paused")
