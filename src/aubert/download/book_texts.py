"""The texts of the books that were read: from Project Gutenberg, archive.org or a folder.

Libri-Light's jsons name the source of each text (url_text_source); what is written is
AuBERT's book_meta.json and a folder of texts.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from aubert.corpus.shards import scan_speaker, speakers
from aubert.download.remote import Remote, RemoteOptions
from aubert.files import write_bytes, write_json
from aubert.progress import progress

PAUSE_S = 2.0  # between texts: Project Gutenberg asks robots to wait
_GUTENBERG_ID = re.compile(
    r"gutenberg\.(?:org|net)/(?:etext/|ebooks/|files/|cache/epub/|dirs/(?:\d/)+|dirs/etext\d+/)(\d+)"
)
_IS_ID = re.compile(r"[\w-][\w.-]*")
_GUTENBERG = "https://www.gutenberg.org"
_ARCHIVE_ID = re.compile(r"archive\.org/(?:details|stream|download)/([^/?#]+)")


def named_by_recordings(root: Path, subsets: list[str]) -> dict[str, str]:
    """book id -> url of its text, "" where no json of the recordings has one."""
    found: dict[str, str] = {}
    for subset, speaker in speakers(root, subsets):
        for file in scan_speaker(root, subset, speaker):
            if not file.path.endswith(".json"):
                continue
            try:
                meta = json.loads((root / file.path).read_bytes()).get("book_meta") or {}
            except (ValueError, AttributeError):
                continue  # the index rejects the recording
            if meta.get("id") not in (None, ""):
                url = found.get(str(meta["id"])) or str(meta.get("url_text_source") or "")
                found[str(meta["id"])] = url
    if not found:
        raise ValueError(f"{root}: no json below {', '.join(subsets)} names a book")
    return found


def named_by_meta(path: Path) -> dict[str, str]:
    """The same from a book_meta.json. Raises ValueError when it is none."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {str(book_id): str(entry.get("url") or "") for book_id, entry in entries.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise ValueError(
            f'{path} is not {{book id: {{"url": ..., "name": ...}}}}: {error}'
        ) from None


def places_of(url: str) -> list[str]:
    """Where a text may lie as plain text, best first; none for a page that is no text."""
    if match := _GUTENBERG_ID.search(url):
        number = match[1]
        return [
            f"{_GUTENBERG}/cache/epub/{number}/pg{number}.txt",
            f"{_GUTENBERG}/files/{number}/{number}-0.txt",
            f"{_GUTENBERG}/files/{number}/{number}.txt",
        ]
    if match := _ARCHIVE_ID.search(url):
        return [f"https://archive.org/download/{match[1]}/{match[1]}_djvu.txt"]
    parts = urlsplit(url)
    return [url] if parts.scheme in ("http", "https") and parts.path.endswith(".txt") else []


def fetch_books(
    books: dict[str, str],
    out: Path,
    folder: Path | None = None,
    base_url: str | None = None,
    options: RemoteOptions | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Writes <out>/books/<book id>.txt and <out>/book_meta.json; returns a summary line.

    Texts that are there are kept; of the others those in `folder` are taken first. A text that
    cannot be had is no error: its recordings are rejected later, with that reason. They stand
    in <out>/books_missing.txt: id, url, why.
    """
    meta, missing = {}, []
    for book_id, url in _with_progress(books):
        path = out / "books" / f"{book_id}.txt"
        why = ""
        if not _IS_ID.fullmatch(book_id):
            why = "its id is no file's name"
        elif not path.exists() and not _take(folder, path):
            why = _fetch(url, path, base_url, options, sleep)
        if why:
            missing.append(f"{book_id!r}\t{url}\t{why}\n")
        else:
            meta[book_id] = {"url": url, "name": path.name}
    write_json(out / "book_meta.json", meta)
    write_bytes(out / "books_missing.txt", "".join(missing).encode())
    lost = f"; {len(missing)} without: {out / 'books_missing.txt'}" if missing else ""
    return f"books: {len(meta)} of {len(books)} texts in {out / 'books'}{lost}"


def _take(folder: Path | None, path: Path) -> bool:
    """From the folder, if it is there."""
    if folder is None or not (folder / path.name).is_file():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / path.name, path)
    return True


def _fetch(
    url: str,
    path: Path,
    base_url: str | None,
    options: RemoteOptions | None,
    sleep: Callable[[float], None],
) -> str:
    """From the web; why not otherwise."""
    places = places_of(url)
    if base_url:
        places = [f"{base_url.rstrip('/')}/{path.name}"]
    why = "its source is no plain text: put it into a folder of your own, as <id>.txt"
    for place in places:
        sleep(0.0 if base_url else PAUSE_S)
        try:
            with Remote(place, 0, options) as remote:
                parts = []
                while part := remote.read():
                    parts.append(part)
            text = b"".join(parts)
        except (ValueError, ConnectionError) as error:
            why = str(error)
            continue
        if text.lstrip()[:1] == b"<":
            why = f"{place} is a web page, not a text"
            continue
        write_bytes(path, text)
        return ""
    return why


def _with_progress(books: dict[str, str]):
    return progress(sorted(books.items()), what="books", total=len(books), unit="text")
