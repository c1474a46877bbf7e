"""One page of a run: self-contained, read without a network, on a phone and by a screen reader."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import jinja2

from aubert import __version__
from aubert.files import write_bytes
from aubert.progress import progress
from aubert.report import (
    clar,
    contrast,
    cost,
    error_rates,
    files,
    flow,
    matching,
    probes,
    separation,
    setup,
    training,
    unit_quality,
    word_times,
)
from aubert.report.blocks import Section
from aubert.report.numbers import hours_text, short
from aubert.report.run import Run

# In the order of the page. Each has `section(run)`, which gives None where the run has no such
# results: another section is a module and a line here.
SECTIONS = (
    flow,
    files,
    matching,
    word_times,
    unit_quality,
    training,
    error_rates,
    probes,
    contrast,
    clar,
    separation,
    cost,
    setup,
)


def write_page(run: Run, caption: str, out: Path) -> str:
    """Writes the page `out`; returns a summary line. caption: the text under its title."""
    sections = sections_of(run)
    content = render(run.results.name, caption, sections).encode()
    write_bytes(out, content)
    return f"report: {len(sections)} sections, {len(content) / 1e6:.1f} MB in {out}"


def sections_of(run: Run) -> list[Section]:
    modules = progress(SECTIONS, what="report", total=len(SECTIONS), unit="section")
    made = (module.section(run) for module in modules)
    return [section for section in made if section is not None]


def render(name: str, caption: str, sections: list[Section]) -> str:
    """The page as HTML. Everything that is not ours is escaped in it."""
    parts = resources.files("aubert.report") / "page"
    templates = jinja2.FunctionLoader(lambda path: (parts / path).read_text(encoding="utf-8"))
    environment = jinja2.Environment(
        loader=templates, autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"hours": hours_text, "shown": short}
    return environment.get_template("page.html").render(
        name=name,
        caption=caption.strip(),
        version=__version__,
        sections=sections,
        style=(parts / "page.css").read_text(encoding="utf-8"),
        script=(parts / "page.js").read_text(encoding="utf-8"),
        charts=_charts_script(),
    )


def _charts_script() -> str:
    """Vega, Vega-Lite and their embedding, as one script without imports."""
    import vl_convert

    # It stands inside a <script>, which its own strings must not end.
    return vl_convert.javascript_bundle().replace("</script", r"<\/script")
