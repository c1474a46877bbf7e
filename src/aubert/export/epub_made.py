"""An EPUB 3 made of a plain or HTML text: its pages, and the documents around them."""

from __future__ import annotations

import html
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aubert.export import epub_overlay
from aubert.export.epub_about import PICTURES, About
from aubert.export.epub_clips import Clip, recordings_of
from aubert.export.epub_marks import MEDIA_TYPES, NO_MARKS, Marks
from aubert.export.epub_overlay import ACTIVE, Par, clock, smil
from aubert.export.epub_text import Page, Shown, page, pages, xhtml
from aubert.export.epub_zip import add, add_file, add_mimetype, add_sounds
from aubert.text.paragraphs import Paragraph

_CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles>
<rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/>
</rootfiles>
</container>
"""
_STYLE = f"""body {{ line-height: 1.5; margin: 1em; }}
h1 {{ font-size: 1.4em; text-align: center; }}
h2 {{ font-size: 1.2em; text-align: center; }}
img {{ max-width: 100%; }}
.verse {{ white-space: pre-line; }}
{epub_overlay.STYLE}"""


@dataclass(frozen=True)
class _Chapter:
    """A page in the EPUB. number: from 1; pars: its overlay"""

    number: int
    page: Page
    pars: Sequence[Par]

    @property
    def text_path(self) -> str:
        return f"EPUB/text/{self.number:04}.xhtml"

    @property
    def overlay_path(self) -> str:
        return f"EPUB/overlays/{self.number:04}.smil"


def write(
    archive: zipfile.ZipFile,
    text: str,
    paragraphs: Sequence[Paragraph],
    clips: Sequence[Clip],
    sounds: Mapping[str, Path],
    about: About,
    marks: Marks = NO_MARKS,
    jobs: int = 1,
) -> None:
    """Writes an EPUB of the paragraphs of `text` into `archive`.

    clips: in the order of the text. sounds: recording_id -> its file. marks: of the text
    """
    shown = Shown(text, about.language)
    names = {one: f"EPUB/audio/{n:04}.mp3" for n, one in enumerate(recordings_of(clips), 1)}
    chapters = [
        _Chapter(number, one, [
            Par(name, names[clip.recording_id], clip.start_s, clip.end_s)
            for name, clip in one.clips
        ])
        for number, one in enumerate(pages(shown, paragraphs, clips, about), 1)
    ]  # fmt: skip
    images = {
        path: f"images/{number:04}{path.suffix.lower()}"
        for number, path in enumerate(dict.fromkeys(one.path for one in marks.pictures), 1)
    }
    add_mimetype(archive)
    add(archive, "META-INF/container.xml", _CONTAINER)
    add(
        archive,
        "EPUB/package.opf",
        _package(about, chapters, list(names.values()), list(images.values())),
    )
    add(archive, "EPUB/nav.xhtml", _nav(about, chapters))
    add(archive, "EPUB/style.css", _STYLE)
    if about.cover:
        add_file(archive, _cover_path(about.cover), about.cover)
    for path, name in images.items():
        add_file(archive, f"EPUB/{name}", path)
    shown_as = {path: f"../{name}" for path, name in images.items()}
    for chapter in chapters:
        xhtml_page = page(shown, chapter.page, about.language, marks, shown_as)
        add(archive, chapter.text_path, xhtml_page)
        if chapter.pars:
            overlay = smil(chapter.overlay_path, chapter.text_path, chapter.pars)
            add(archive, chapter.overlay_path, overlay)
    add_sounds(archive, {name: sounds[recording_id] for recording_id, name in names.items()}, jobs)


def _cover_path(cover: Path) -> str:
    return f"EPUB/cover{cover.suffix.lower()}"


def _package(
    about: About, chapters: Sequence[_Chapter], sounds: Sequence[str], images: Sequence[str]
) -> str:
    lines = [*_metadata(about, chapters), "<manifest>", *_manifest(about, chapters, sounds)]
    lines += [
        _item(f"image-{number}", path, MEDIA_TYPES[Path(path).suffix])
        for number, path in enumerate(images, 1)
    ]
    lines += ["</manifest>", "<spine>"]
    lines += [f'<itemref idref="text-{chapter.number}"/>' for chapter in chapters]
    body = "\n".join([*lines, "</spine>"])
    return f"""<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id"
 xml:lang="{html.escape(about.language)}">
{body}
</package>
"""


def _metadata(about: About, chapters: Sequence[_Chapter]) -> Iterator[str]:
    yield '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
    yield f'<dc:identifier id="id">{about.identifier}</dc:identifier>'
    yield f"<dc:title>{_text(about.title)}</dc:title>"
    yield f"<dc:language>{_text(about.language)}</dc:language>"
    for author in about.authors:
        yield f"<dc:creator>{_text(author)}</dc:creator>"
    if about.narrator:
        yield f'<dc:contributor id="narrator">{_text(about.narrator)}</dc:contributor>'
        yield '<meta refines="#narrator" property="role" scheme="marc:relators">nrt</meta>'
        yield f'<meta property="media:narrator">{_text(about.narrator)}</meta>'
    yield f'<meta property="dcterms:modified">{about.modified}</meta>'
    for name, values in {
        "accessMode": ("textual", "auditory"),
        "accessModeSufficient": ("textual", "auditory"),
        "accessibilityFeature": ("synchronizedAudioText", "tableOfContents"),
        "accessibilityHazard": ("none",),
        "accessibilitySummary": ("The text is highlighted while it is read aloud.",),
    }.items():
        yield from (f'<meta property="schema:{name}">{value}</meta>' for value in values)
    yield f'<meta property="media:active-class">{ACTIVE}</meta>'
    seconds = {one.number: epub_overlay.seconds(one.pars) for one in chapters if one.pars}
    yield f'<meta property="media:duration">{clock(sum(seconds.values()))}</meta>'
    for number, of_one in seconds.items():
        refines = f'refines="#overlay-{number}" property="media:duration"'
        yield f"<meta {refines}>{clock(of_one)}</meta>"
    yield "</metadata>"


def _manifest(about: About, chapters: Sequence[_Chapter], sounds: Sequence[str]) -> Iterator[str]:
    yield _item("nav", "EPUB/nav.xhtml", "application/xhtml+xml", 'properties="nav"')
    yield _item("style", "EPUB/style.css", "text/css")
    if about.cover:
        kind = PICTURES[about.cover.suffix.lower()]
        yield _item("cover", _cover_path(about.cover), kind, 'properties="cover-image"')
    for chapter in chapters:
        number = chapter.number
        overlay = f'media-overlay="overlay-{number}"' if chapter.pars else ""
        yield _item(f"text-{number}", chapter.text_path, "application/xhtml+xml", overlay)
        if chapter.pars:
            yield _item(f"overlay-{number}", chapter.overlay_path, "application/smil+xml")
    for number, path in enumerate(sounds, 1):
        yield _item(f"audio-{number}", path, "audio/mpeg")


def _item(name: str, path: str, kind: str, more: str = "") -> str:
    return f'<item id="{name}" href="{path.removeprefix("EPUB/")}" media-type="{kind}" {more}/>'


def _nav(about: About, chapters: Sequence[_Chapter]) -> str:
    """The table of contents: a line for each page."""
    entries = "\n".join(
        f'<li><a href="{one.text_path.removeprefix("EPUB/")}">{_text(one.page.title)}</a></li>'
        for one in chapters
    )
    name = _text(about.title)
    contents = f'<nav epub:type="toc" id="toc"><h1>{name}</h1><ol>\n{entries}\n</ol></nav>'
    return xhtml(name, contents, about.language)


def _text(text: str) -> str:
    return html.escape(" ".join(text.split()), quote=False)
