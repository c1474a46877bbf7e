"""The media overlays of an EPUB: SMIL documents and what the package says of them.

EPUB 3.3 (W3C), "Media overlays" (section 9).
"""

from __future__ import annotations

import html
import posixpath
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import quote

ACTIVE = "-epub-media-overlay-active"
STYLE = f""".{ACTIVE} {{ background-color: #ffd54a; color: #000; }}
@media (prefers-color-scheme: dark) {{
  .{ACTIVE} {{ background-color: #6a4d00; color: #fff; }}
}}
"""


class Par(NamedTuple):
    """The audio while an element of a page is highlighted. audio: its name in the EPUB"""

    element_id: str
    audio: str
    start_s: float
    end_s: float


def smil(path: str, page: str, pars: Iterable[Par]) -> str:
    """The overlay of a page. path, page: their names in the EPUB; pars: in the page's order"""
    text = href(page, path)
    lines = "\n".join(
        f'<par id="par{number}"><text src="{text}#{quote(par.element_id)}"/>'
        f'<audio src="{href(par.audio, path)}" clipBegin="{par.start_s:.3f}s" '
        f'clipEnd="{par.end_s:.3f}s"/></par>'
        for number, par in enumerate(pars, 1)
    )
    return f"""<?xml version="1.0" encoding="utf-8"?>
<smil xmlns="http://www.w3.org/ns/SMIL" xmlns:epub="http://www.idpf.org/2007/ops" version="3.0">
<body><seq id="page" epub:textref="{text}" epub:type="bodymatter chapter">
{lines}
</seq></body>
</smil>
"""


def seconds(pars: Sequence[Par]) -> float:
    """Of sound, rounded as the overlay has it."""
    return sum(round(par.end_s, 3) - round(par.start_s, 3) for par in pars)


def clock(seconds: float) -> str:
    """A duration as SMIL's full clock value: hours:minutes:seconds."""
    minutes, rest = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:06.3f}"


def href(target: str, source: str) -> str:
    """As `relative_href`, escaped for an attribute."""
    return html.escape(relative_href(target, source))


def relative_href(target: str, source: str) -> str:
    """How one file of an EPUB refers to another; both by their names in it."""
    path = posixpath.relpath(target, posixpath.dirname(source) or ".")
    return quote(path, safe="/',;()!$&+=@~")
