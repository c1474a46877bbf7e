"""A page in headless Chromium, as a reader has it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_S = 300  # a machine may be busy; nothing here is about speed
needs_chromium = pytest.mark.skipif(
    not CHROMIUM, reason="chromium is not installed (Debian: apt install chromium)"
)


def until(page, expression: str, seconds: float = PATIENCE_S) -> None:
    """Waits; not by playwright's own means, which need the eval that the page forbids."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"{expression} did not come true"
        time.sleep(0.05)


@contextmanager
def opened(path: Path, *, width: int = 1100, scheme: str = "light") -> Iterator:
    """The page, its charts drawn. Any word on its console, any error and any request to
    elsewhere fails the test when the page is left."""
    from playwright.sync_api import sync_playwright

    wrong: list[str] = []
    address = path.resolve().as_uri()
    with sync_playwright() as driver:
        # As root, as in a container, Chromium's own sandbox does not start.
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE_S * 1000
        )
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.set_default_timeout(PATIENCE_S * 1000)
        page.on("console", lambda message: wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: wrong.append(request.url))
        page.goto(address)
        until(page, "document.querySelectorAll('.chart:not(:has(svg))').length === 0")
        yield page
        browser.close()
    elsewhere = [one for one in wrong if one != address and not one.startswith("data:")]
    assert not elsewhere, elsewhere
