"""What a read-aloud book is called: from its text's own metadata, and from the recordings'."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from aubert.export.corpus import Corpus, Utterance
from aubert.export.names import file_name
from aubert.text.metadata import Metadata

PICTURES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}


@dataclass(frozen=True)
class About:
    """language: BCP 47. modified: in UTC, to the second. narrator: None where nothing names one.
    cover: a file whose suffix is one of PICTURES. chapters: recording_id -> the title of its
    chapter, of those that marks or tags name"""

    identifier: str
    title: str
    authors: Sequence[str]
    language: str
    modified: str
    narrator: str | None
    cover: Path | None
    chapters: Mapping[str, str]


def about(
    corpus: Corpus, utterances: Sequence[Utterance], stated: Metadata, modified_s: float
) -> About:
    """Of one book, read by one speaker. stated: by the text's file, whose word counts before that
    of the recordings' json; the file's name is the title where neither has one. modified_s: since
    1970"""
    first = utterances[0]
    recordings = {one.recording["recording_id"]: one for one in utterances}
    described = {name: _description(corpus, name) for name in recordings}
    meta = described[first.recording["recording_id"]].get("book_meta") or {}
    stem = Path(corpus.shelf.file_name(first.book_id)).stem.replace("_", " ")
    titles = {name: one.get("chapter_title") for name, one in described.items()}
    folder = corpus.audio(first).parent
    cover = folder / str(meta.get("cover") or "")
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"aubert:{first.book_id}:{first.speaker}")
    return About(
        identifier=f"urn:uuid:{name}",
        title=" ".join((stated.title or meta.get("title") or stem).split()),
        authors=stated.authors or _names(meta.get("authors")),
        language=first.language,
        modified=datetime.fromtimestamp(modified_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        # In a folder that names no reader a book is a speaker of its own.
        narrator=first.speaker if first.speaker != folder.name else None,
        cover=cover if cover.is_file() and cover.suffix.lower() in PICTURES else None,
        chapters={name: str(title) for name, title in titles.items() if title},
    )


def free_name(folder: Path, about: About) -> str:
    """The name of a new file in the folder: title and narrator, as people write them in names;
    with a number, where another book has both."""
    title, narrator = (_readable(text) for text in (about.title, about.narrator or ""))
    by = file_name(f"-{narrator}"[:60]) if narrator else ""
    for number in count(1):
        again = f" ({number})" if number > 1 else ""
        name = file_name(title, f"{by}{again}.epub")
        if not (folder / name).exists():
            return name
    raise AssertionError


def _readable(text: str) -> str:
    return re.sub(r"\s*[:/\\|]+\s*", " - ", re.sub(r'[*?"<>]', "", text)).strip()


def _description(corpus: Corpus, recording_id: str) -> dict:
    """The recording's json; nothing where it has none."""
    path = corpus.root / f"{recording_id}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _names(authors: Sequence[Mapping] | None) -> list[str]:
    """As Libri-Light's json has authors."""
    names = [(one.get("first_name"), one.get("last_name")) for one in authors or ()]
    return [" ".join(filter(None, pair)) for pair in names if any(pair)]
