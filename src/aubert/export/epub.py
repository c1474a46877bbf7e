"""A read-aloud book: EPUB 3 with Media Overlays, each word highlighted as it is read.

EPUB 3.3 (W3C), "Media overlays" (section 9): a SMIL document beside each page says which
stretch of audio belongs to which element of it. Audio is MP3, which every reader plays.
"""

from __future__ import annotations

import json
import shutil
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from aubert.export import epub_package as package
from aubert.export.corpus import Corpus, Utterance, file_name
from aubert.export.epub_package import Page
from aubert.export.epub_text import Reading, page, sections, title
from aubert.export.mp3 import write_mp3
from aubert.files import complete_directory


def export_epub(corpus: Corpus, out: Path) -> str:
    """<out>/<book>-<speaker>.epub for each book that each speaker read."""
    num_words = num_books = 0
    with complete_directory(out) as part:
        for shard, utterances in corpus.by_shard():
            modified = (corpus.results / "words" / f"{shard}.parquet").stat().st_mtime
            aligned = sorted((u for u in utterances if u.words), key=_reading)
            for (book_id, speaker), group in groupby(aligned, key=_reading):
                name = f"{Path(corpus.shelf.file_name(book_id)).stem}-{speaker}"
                path = part / f"{file_name(name)}.epub"
                num_words += _write_book(corpus, path, list(group), modified)
                num_books += 1
    return f"epub: {num_books} books, {num_words} words read aloud in {out}"


def _reading(utterance: Utterance) -> tuple[str, str]:
    return utterance.book_id, utterance.speaker


def _write_book(
    corpus: Corpus, path: Path, utterances: Sequence[Utterance], modified: float
) -> int:
    """Writes one EPUB; returns the number of its words that are read aloud."""
    text = corpus.book(utterances[0].book_id)
    recordings = {u.recording["recording_id"]: u.recording for u in utterances}
    pages = list(_pages(text, utterances))
    about = _about(corpus, utterances[0])
    book = package.Book(
        identifier=str(uuid.uuid5(uuid.NAMESPACE_URL, f"aubert:{path.stem}:{about.title}")),
        title=about.title,
        authors=about.authors,
        narrator=utterances[0].speaker,
        modified=datetime.fromtimestamp(modified, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        pages=pages,
    )
    with zipfile.ZipFile(path, "w") as archive, TemporaryDirectory(dir=path.parent) as folder:
        # First and not compressed: by it a file is known as an EPUB.
        _add(archive, "mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        _add(archive, "META-INF/container.xml", package.CONTAINER)
        _add(archive, "EPUB/package.opf", package.opf(book))
        _add(archive, "EPUB/nav.xhtml", package.nav(book))
        _add(archive, "EPUB/style.css", package.STYLE)
        for one in pages:
            _add(archive, f"EPUB/{one.text_path}", page(text, one.section, one.title))
            if one.section.recording_id:
                _add(archive, f"EPUB/{one.overlay_path}", package.overlay(one))
                audio = Path(folder, "audio.mp3")
                write_mp3(corpus.root / recordings[one.section.recording_id]["path"], audio)
                _add_file(archive, f"EPUB/{one.audio_path}", audio)
    return sum(len(one.section.words) for one in pages)


def _pages(text: str, utterances: Sequence[Utterance]) -> Iterator[Page]:
    readings = [
        Reading(recording_id, [word for utterance in group for word in utterance.words])
        for recording_id, group in groupby(utterances, lambda u: u.recording["recording_id"])
    ]
    for number, section in enumerate(sections(text, readings), 1):
        chapter = section.recording_id and PurePosixPath(section.recording_id).name
        yield Page(number, section, title(text, section, chapter or f"Part {number}"))


def _about(corpus: Corpus, utterance: Utterance) -> package.About:
    """Title and authors as the recording's json has them, else by the text file's name."""
    stem = Path(corpus.shelf.file_name(utterance.book_id)).stem
    title, authors = stem.replace("_", " ").strip(), []
    path = corpus.root / f"{utterance.recording['recording_id']}.json"
    if path.is_file():
        meta = json.loads(path.read_text(encoding="utf-8")).get("book_meta") or {}
        title = meta.get("title") or title
        for author in meta.get("authors") or []:
            names = [author.get(key) for key in ("first_name", "last_name")]
            authors.append(" ".join(name for name in names if name))
    return package.About(title, [author for author in authors if author])


def _add(
    archive: zipfile.ZipFile, name: str, content: str, how: int = zipfile.ZIP_DEFLATED
) -> None:
    # With a date of its own the same book is the same bytes.
    archive.writestr(zipfile.ZipInfo(name), content, how)


def _add_file(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    with path.open("rb") as source, archive.open(zipfile.ZipInfo(name), "w") as target:
        shutil.copyfileobj(source, target)
