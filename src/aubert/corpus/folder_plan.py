"""What becomes of every file of a folder of audiobooks, decided before anything is decoded.

The same folder gives the same plan, whichever process asks: the workflow when it looks for what
has changed, and each shard's job.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from aubert import audio, decoder, ffmpeg
from aubert.corpus import convert
from aubert.corpus.cue import read_cue
from aubert.corpus.duplicates import RATE_HZ, duplicates, same_bytes
from aubert.corpus.folder_layout import Book, Chapter, chapters, plain, without_number
from aubert.corpus.folder_scan import REASONS, Source, scan
from aubert.corpus.folder_texts import flat_name, texts_of
from aubert.corpus.tags import Mark, Tags, read_tags
from aubert.files import write_json
from aubert.text.languages.codes import bcp47

_KNOWN, _VERSION = ".known.json", 2  # of what is kept there
_COVER_NAMES = ("cover", "folder", "front", "albumart", "artwork", "poster")


@dataclass(frozen=True)
class Fate:
    """use: audio, text, cover, marks, or none; reason: of folder_scan.REASONS where it is none;
    detail: the book, or what is used instead"""

    use: str
    reason: str | None = None
    detail: str = ""

    def __post_init__(self) -> None:
        assert (self.use == "none") == (self.reason is not None)
        assert self.reason is None or self.reason in REASONS


@dataclass
class Reading:
    """A book as one reader reads it.

    chapters: its recordings in order. title, author, language: for people, as tags have them;
    language: BCP 47. texts: what it is read from, in order; none where nothing names them. text_id:
    the id of the book that they make. cover: a picture of the folder. marks: what cue sheets say
    of the recordings
    """

    book: Book
    chapters: list[Chapter]
    title: str
    author: str | None = None
    language: str | None = None
    texts: list[PurePosixPath] = field(default_factory=list)
    text_id: str | None = None
    cover: PurePosixPath | None = None
    marks: dict[PurePosixPath, list[Mark]] = field(default_factory=dict)
    shard: int = 0


@dataclass
class Plan:
    """root: of the folder. sources: every file of it, by path; fates: what becomes of each.
    shelf: the name of each text in the corpus -> the texts that it is made of. copies: recordings
    that are there twice, of those in compared"""

    root: Path
    sources: dict[PurePosixPath, Source]
    tags: dict[PurePosixPath, Tags]
    readings: list[Reading]
    shelf: dict[str, list[PurePosixPath]]
    fates: dict[PurePosixPath, Fate]
    copies: dict[PurePosixPath, PurePosixPath]
    compared: list[str]

    def of_shard(self, shard: int) -> list[Reading]:
        return [reading for reading in self.readings if reading.shard == shard]

    def state(self, path: PurePosixPath) -> str:
        return f"{path} {self.sources[path].state}"


def make_plan(root: Path, out: Path, num_shards: int) -> Plan:
    """out: where the corpus is made; what it says of earlier runs keeps books in their shards.

    Raises ValueError as `scan` does, and where no recording can be used.
    """
    root = root.resolve()
    sources = {source.path: source for source in scan(root, out)}
    by_kind: dict[str, list[PurePosixPath]] = defaultdict(list)
    for path, source in sources.items():
        by_kind[source.kind].append(path)
    known = _Known(out)
    tags = {path: known.tags(root, sources[path]) for path in by_kind["audio"]}
    fates = {path: Fate("none", source.reason) for path, source in sources.items() if source.reason}
    for path, tag in tags.items():
        if tag.is_protected:
            fates[path] = Fate("none", "protected")
    placed = chapters(_left(by_kind["audio"], fates), root.name, tags)
    states = [f"{one.path} {sources[one.path].state}" for one in placed]
    copies = known.copies(states)
    if copies is None:
        copies = same_bytes(root, placed, {one.path: sources[one.path].size for one in placed})
        copies |= _duplicates(root, [one for one in placed if one.path not in copies], tags)
    for path, kept in copies.items():
        fates[path] = Fate("none", "duplicate", str(kept))
    placed = [one for one in placed if one.path not in fates]
    if not placed:
        raise ValueError(f"corpus.root: no recording of {root} can be used: {_counts(fates)}")
    readings = _readings(placed, tags)
    shelf = _add_texts(readings, by_kind["text"], sources, fates)
    _add_covers(readings, by_kind["picture"], fates)
    _add_cues(root, readings, by_kind["cue"], fates)
    for reading in readings:
        for one in reading.chapters:
            fates[one.path] = Fate("audio", detail=str(_shown(reading.book)))
    _spread(readings, sources, _earlier(out, num_shards), num_shards)
    return Plan(root, sources, tags, readings, shelf, fates, copies, states)


def _left(paths: Iterable[PurePosixPath], fates: Mapping) -> list[PurePosixPath]:
    return [path for path in paths if path not in fates]


def _shown(book: Book) -> str:
    return book.title if book.reader == book.title else f"{book.title}, read by {book.reader}"


def _counts(fates: Mapping[PurePosixPath, Fate]) -> str:
    found: dict[str, list[PurePosixPath]] = defaultdict(list)
    for path, fate in fates.items():
        found[fate.reason or ""].append(path)
    return "; ".join(
        f"{len(paths)} {reason} ({REASONS[reason]}), such as {paths[0]}"
        for reason, paths in found.items()
        if reason
    )


def _duplicates(
    root: Path, placed: Sequence[Chapter], tags: Mapping[PurePosixPath, Tags]
) -> dict[PurePosixPath, PurePosixPath]:
    def excerpt(path: PurePosixPath, start_s: float, seconds: float) -> np.ndarray:
        try:
            if decoder.needs_ffmpeg(root / path):
                if ffmpeg.command() is None:
                    return np.zeros(0, np.float32)
                return convert.excerpt(root / path, start_s, seconds, RATE_HZ)
            rate_hz = decoder.info(root / path).samplerate
            span = (round(start_s * rate_hz), round((start_s + seconds) * rate_hz))
            return audio.decode(root / path, [span], RATE_HZ)
        except (audio.AudioError, OSError):
            return np.zeros(0, np.float32)

    return duplicates(placed, {one.path: tags[one.path].seconds for one in placed}, excerpt)


def _readings(placed: Sequence[Chapter], tags: Mapping[PurePosixPath, Tags]) -> list[Reading]:
    of_book: dict[Book, list[Chapter]] = defaultdict(list)
    for one in placed:
        of_book[one.book].append(one)
    readings = []
    for book, members in of_book.items():
        own = [tags[one.path] for one in members]
        album = _common([without_number(tag.album) if tag.album else None for tag in own])
        if album is None and len(own) == 1:
            album = own[0].title
        author = _common([tag.author for tag in own])
        readings.append(
            Reading(
                book,
                members,
                title=album or book.title,
                author=author if author and plain(author) != plain(book.reader) else None,
                language=bcp47(_common([tag.language for tag in own])),
            )
        )
    return readings


def _common(values: Sequence[str | None]) -> str | None:
    """What all say."""
    found = {plain(value): value for value in values if value}
    return next(iter(found.values())) if len(found) == 1 and all(values) else None


def _add_texts(
    readings: Sequence[Reading],
    texts: Sequence[PurePosixPath],
    sources: Mapping[PurePosixPath, Source],
    fates: dict[PurePosixPath, Fate],
) -> dict[str, list[PurePosixPath]]:
    placed = [one for reading in readings for one in reading.chapters]
    titles = {reading.book: [reading.title] for reading in readings}
    found = texts_of(placed, texts, titles)
    shelf: dict[str, list[PurePosixPath]] = {}
    names: dict[tuple[PurePosixPath, ...], str] = {}
    for reading in readings:
        reading.texts = found.get(reading.book, [])
        if not reading.texts:
            continue
        key = tuple(reading.texts)
        if key not in names:
            joined = PurePosixPath(reading.book.reader, f"{reading.book.title} (chapters).txt")
            names[key] = _free(flat_name(joined if len(key) > 1 else key[0]), shelf)
            shelf[names[key]] = list(key)
        reading.text_id = Path(names[key]).stem
        for path in reading.texts:
            fates[path] = Fate("text", detail=reading.text_id)
    for path in _left(texts, fates):
        instead = _instead(path, readings, fates)
        if instead is not None:
            fates[path] = Fate("none", "other_text", str(instead))
        else:
            # It is there to be found by what is read.
            name = _free(flat_name(path), shelf)
            shelf[name] = [path]
            fates[path] = Fate("text", detail=Path(name).stem)
    return shelf


def _instead(
    path: PurePosixPath, readings: Sequence[Reading], fates: Mapping[PurePosixPath, Fate]
) -> PurePosixPath | None:
    """The text that is used in the place of one: it has its name in another format, or is the one
    of the book in whose folder it lies."""
    for other, fate in fates.items():
        if fate.use == "text" and other.with_suffix("") == path.with_suffix(""):
            return other
    for reading in readings:
        folders = {one.folder for one in reading.chapters if one.folder.parts}
        if reading.texts and any(path.is_relative_to(folder) for folder in folders):
            return reading.texts[0]
    return None


def _free(name: str, shelf: Mapping[str, object]) -> str:
    """A name whose stem, the book's id, no other text has."""
    stems = {Path(other).stem for other in shelf}
    path, number = Path(name), 2
    while path.stem in stems:
        path = Path(name).with_stem(f"{Path(name).stem} ({number})")
        number += 1
    return path.name


def _add_covers(
    readings: Sequence[Reading], pictures: Sequence[PurePosixPath], fates: dict
) -> None:
    """The picture that is called a cover or like the book; else the only one of its folder."""
    for reading in readings:
        folders = {one.folder for one in reading.chapters} | {
            one.path.parent for one in reading.chapters
        }
        own = [path for path in pictures if path.parent in folders]
        names = [*_COVER_NAMES, *(plain(one.path.stem) for one in reading.chapters[:1]),
                 plain(reading.title), plain(reading.book.title)]  # fmt: skip
        named = [path for name in names for path in own if plain(path.stem) == name]
        chosen = named[:1] or (own if len(own) == 1 else [])
        if chosen:
            reading.cover = chosen[0]
            fates[chosen[0]] = Fate("cover", detail=_shown(reading.book))
    for path in _left(pictures, fates):
        fates[path] = Fate("none", "other_picture")


def _add_cues(
    root: Path, readings: Sequence[Reading], cues: Sequence[PurePosixPath], fates: dict
) -> None:
    """A sheet tells of the files that it names in its folder, else of the one with its name."""
    for cue in cues:
        fates[cue] = Fate("none", "cue_of_nothing")
        sheet = read_cue(root / cue)
        for reading in readings:
            beside = {
                one.path.name.casefold(): one.path
                for one in reading.chapters
                if one.path.parent == cue.parent
            }
            by_stem = {PurePosixPath(name).stem: path for name, path in beside.items()}
            for name, marks in sheet.items():
                path = beside.get(name.casefold()) or by_stem.get(
                    PurePosixPath(name).stem.casefold()
                )
                if path is None and len(sheet) == 1:
                    path = by_stem.get(cue.stem.casefold())
                if path is not None and marks:
                    reading.marks[path] = marks
                    fates[cue] = Fate("marks", detail=_shown(reading.book))


# --- what earlier runs found out


class _Known:
    """Tags and copies as an earlier run found them: nothing that did not change is opened again."""

    def __init__(self, out: Path):
        known = read_state(out / _KNOWN)
        known = known if known.get("version") == _VERSION else {}
        self._tags, self._copies = known.get("tags", {}), known.get("copies", {})
        self._compared = known.get("compared")

    def tags(self, root: Path, source: Source) -> Tags:
        state, *values = self._tags.get(str(source.path), [None])
        if state != source.state:
            return read_tags(root / source.path)
        tags = Tags(*values)
        return tags._replace(marks=tuple(Mark(*mark) for mark in tags.marks))

    def copies(self, states: Sequence[str]) -> dict[PurePosixPath, PurePosixPath] | None:
        if self._compared != states:
            return None
        return {PurePosixPath(a): PurePosixPath(b) for a, b in self._copies.items()}


def remember(plan: Plan, out: Path) -> None:
    """Keeps what the plan was made from, for the next."""
    tags = {str(path): [plan.sources[path].state, *tag] for path, tag in plan.tags.items()}
    copies = {str(path): str(kept) for path, kept in plan.copies.items()}
    known = {"version": _VERSION, "tags": tags, "copies": copies, "compared": plan.compared}
    write_json(out / _KNOWN, known)


# --- shards


def _spread(
    readings: Sequence[Reading],
    sources: Mapping[PurePosixPath, Source],
    earlier: Mapping[tuple[str, str], int],
    num_shards: int,
) -> None:
    """Gives each reading a shard: its earlier one, else the one with the fewest bytes, the largest
    first. What one reader reads of one text is in one shard."""
    groups: dict[object, list[Reading]] = defaultdict(list)
    for reading in readings:
        key = (reading.book.reader, reading.text_id) if reading.text_id else reading.book
        groups[key].append(reading)
    sizes = {
        key: sum(sources[one.path].size for reading in group for one in reading.chapters)
        for key, group in groups.items()
    }
    loads = [0] * num_shards
    new = []
    for key, group in groups.items():
        known = [earlier[reading.book] for reading in group if reading.book in earlier]
        if known:
            loads[known[0]] += sizes[key]
            for reading in group:
                reading.shard = known[0]
        else:
            new.append(key)
    for key in sorted(new, key=lambda key: (-sizes[key], groups[key][0].book)):
        shard = loads.index(min(loads))
        loads[shard] += sizes[key]
        for reading in groups[key]:
            reading.shard = shard


def state_path(out: Path, shard: int, num_shards: int) -> Path:
    """What a shard's job keeps of the last time it ran. Not its output: that is deleted before."""
    return out / f".state-{shard}-of-{num_shards}.json"


def _earlier(out: Path, num_shards: int) -> dict[Book, int]:
    found: dict[Book, int] = {}
    for shard in range(num_shards):
        for reader, title in read_state(state_path(out, shard, num_shards)).get("books", []):
            found[Book(reader, title)] = shard
    return found


def read_state(path: Path) -> dict:
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
