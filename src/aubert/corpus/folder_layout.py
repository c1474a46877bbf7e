"""Which recordings of a folder make a book, who reads it, and in which order: from the names of
folders and files, and from tags.

    <reader>/<book>/<chapter>.mp3    or   <book>/<chapter>.mp3   or   <chapter>.mp3

Discs and parts (CD1, Part Two) and folders such as audio/ belong to the book around them; of
deeper folders the last is the book (author/series/book). Without a reader's folder each book is a
reader of its own, unless tags name who reads it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import PurePosixPath
from typing import NamedTuple

from aubert.corpus.shards import natural_key
from aubert.corpus.tags import Tags

_NUMBER_WORDS = {
    word: number
    for number, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve".split(), 1
    )
}
_NUMBER = rf"(?:\d+|[ivxl]+|{'|'.join(_NUMBER_WORDS)})"
_PART = (
    r"(?:cd|dvd|disc|disk|disque|disco|part|pt|parte|partie|teil|side|seite|tape|cassette|kassette|"
    r"volume|vol|band|tome|tomo|section|chapter|kapitel|chapitre|cap[ií]tulo)"
)
_DISC = re.compile(
    rf"(?P<before>.*?)[\s\-_.,(\[]*(?<![^\W\d_]){_PART}[\s._#-]*(?P<number>{_NUMBER})"
    rf"(?:\s*(?:of|von|de|/)\s*\d+)?[\s)\]]*",
    re.IGNORECASE,
)
_ENDING_NUMBER = re.compile(
    rf"[\s\-_.,(\[]*(?:(?<![^\W\d_]){_PART})?[\s._#-]*\d+(?:\s*(?:of|von|de|/)\s*\d+)?[\s)\].]*$",
    re.IGNORECASE,
)
# Folders that say what kind of file they hold, not what the files are of.
_OF_A_KIND = re.compile(
    r"audio(s|files?|book)?|mp3s?|m4b|m4a|flac|ogg|opus|wav|sound|recordings?|aufnahmen?|"
    r"te?xte?s?|plain ?text|e-?books?|epubs?|html|\d{2,3} ?kbp?s?(_mp3)?",
    re.IGNORECASE,
)
# Files that hold a whole book as a rule.
_WHOLE_BOOKS = (".m4b", ".aa", ".aax", ".aaxc")
_MAX_NAME_BYTES = 180  # of 255: a chapter's number, a suffix and a hidden part file's name follow


class Book(NamedTuple):
    """What one reader reads of one book, as the corpus's folders have it."""

    reader: str
    title: str


class Chapter(NamedTuple):
    """An audio file. path: relative to the folder; folder: the book's own, or a disc's;
    order: what it is sorted by in the book"""

    path: PurePosixPath
    book: Book
    name: str
    folder: PurePosixPath = PurePosixPath()


class _Place(NamedTuple):
    folder: PurePosixPath  # the book's, real or of discs that are named after it
    parts: tuple[str, ...]  # the discs inside
    real: PurePosixPath


def chapters(
    audio: Iterable[PurePosixPath], folder: str, tags: Mapping[PurePosixPath, Tags] | None = None
) -> list[Chapter]:
    """The place of each audio file in the corpus, book after book, in reading order.

    folder: its name, for files right in it. tags: of the files, where they were read
    """
    paths, tags = list(audio), tags or {}
    holds_audio = {path.parent for path in paths}
    places = {path: _place(path, holds_audio) for path in paths}
    by_folder: dict[PurePosixPath, list[PurePosixPath]] = defaultdict(list)
    for path in paths:
        by_folder[places[path].folder].append(path)
    found: list[tuple[PurePosixPath, str, list[PurePosixPath], bool]] = []
    for where, members in by_folder.items():
        parts = _books_in(members, tags)
        for title, own in parts.items():
            found.append((where, title or (where.name or folder), own, len(parts) > 1))
    titles = _titles(found)
    readers = _readers(found, tags)
    result = []
    for index, (_, _, members, _) in enumerate(found):
        book = Book(short_name(readers[index]), short_name(titles[index]))
        ordered = _in_order(members, places, tags)
        for path, name in zip(ordered, _names(ordered, places), strict=True):
            result.append(Chapter(path, book, short_name(name), places[path].real))
    return result


def short_name(name: str) -> str:
    """A name of a folder or file, whatever it holds and however long it is: cut between two
    characters, with a digest of the whole."""
    safe = name.replace("/", "-").replace("\0", "").strip() or "_"
    if safe.startswith("."):
        safe = f"_{safe[1:]}"
    data = safe.encode("utf-8", "surrogateescape")
    if len(data) <= _MAX_NAME_BYTES:
        return safe
    mark = blake2b(data, digest_size=4).hexdigest()
    return f"{data[: _MAX_NAME_BYTES - 10].decode('utf-8', 'ignore').rstrip()} ~{mark}"


def is_of_a_kind(folder: str) -> bool:
    """Whether a folder's name says no more than what kind of files it holds."""
    return _OF_A_KIND.fullmatch(folder) is not None


def plain(name: str) -> str:
    """A name's letters and digits, for comparisons."""
    return "".join(re.findall(r"\w+", name.replace("_", " ").casefold()))


# --- books


def _place(path: PurePosixPath, holds_audio: set[PurePosixPath]) -> _Place:
    parents, parts = list(path.parent.parts), []
    while parents:
        last = parents[-1]
        disc = _DISC.fullmatch(last)
        if disc:
            parts.insert(0, last)
            before = disc["before"].strip(" -_.,([")
            around = parents[-2] if len(parents) > 1 else ""
            if before and plain(before) != plain(around):
                # Discs beside each other, named after the book.
                real = PurePosixPath(*parents)
                return _Place(PurePosixPath(*parents[:-1], before), tuple(parts), real)
        elif len(parents) < 2 or not is_of_a_kind(last):
            break
        parents.pop()
    # A folder in a book that holds recordings itself.
    for length in range(2, len(parents)):
        if PurePosixPath(*parents[:length]) in holds_audio:
            parts = [*parents[length:], *parts]
            parents = parents[:length]
            break
    folder = PurePosixPath(*parents)
    return _Place(folder, tuple(parts), folder)


def _books_in(
    members: Sequence[PurePosixPath], tags: Mapping[PurePosixPath, Tags]
) -> dict[str | None, list[PurePosixPath]]:
    """The books of one folder, by their titles; None has the folder's."""
    albums = {path: tags[path].album if path in tags else None for path in members}
    whole = {
        path: plain(without_number(albums[path] or path.stem))
        for path in members
        if path.suffix.lower() in _WHOLE_BOOKS
    }
    keys: dict[PurePosixPath, str] = {}
    if len(set(whole.values())) > 1:
        keys = whole
    elif all(albums.values()):
        of_albums = {path: plain(without_number(album)) for path, album in albums.items()}
        counts = list(of_albums.values())
        if len(set(counts)) > 1 and all(counts.count(one) > 1 for one in set(counts)):
            keys = of_albums
    by_key: dict[str | None, list[PurePosixPath]] = defaultdict(list)
    for path in members:
        by_key[keys.get(path)].append(path)
    found: dict[str | None, list[PurePosixPath]] = {}
    for key, own in by_key.items():
        album = albums[own[0]]
        name = own[0].stem if len(own) == 1 else without_number(own[0].stem)
        found[None if key is None else (without_number(album) if album else name)] = own
    return found


def without_number(name: str) -> str:
    """A title without the number of a disc or part behind it."""
    return _ENDING_NUMBER.sub("", name).strip() or name


def _titles(found: Sequence[tuple[PurePosixPath, str, Sequence, bool]]) -> list[str]:
    """The last folder's name; with those around it where two books of one reader have it."""
    taken: dict[tuple[str, str], int] = defaultdict(int)
    for folder, title, _, _ in found:
        taken[_first(folder), title] += 1
    return [
        " - ".join([*folder.parts[1:-1], title])
        if taken[_first(folder), title] > 1 and len(folder.parts) > 2
        else title
        for folder, title, _, _ in found
    ]


def _readers(
    found: Sequence[tuple[PurePosixPath, str, Sequence[PurePosixPath], bool]],
    tags: Mapping[PurePosixPath, Tags],
) -> list[str]:
    """The first folder, where there is one around the book; tags count where they name the one
    reader of every book in it."""
    named = []
    for _, _, members, _ in found:
        narrators = {tags[path].narrator if path in tags else None for path in members}
        named.append(narrators.pop() if len(narrators) == 1 else None)
    of_folder: dict[str, list[str | None]] = defaultdict(list)
    for (folder, *_), narrator in zip(found, named, strict=True):
        of_folder[_first(folder)].append(narrator)
    readers = []
    for (folder, title, _, is_one_of_several), narrator in zip(found, named, strict=True):
        has_reader = len(folder.parts) > 1 or (is_one_of_several and folder.parts)
        if has_reader:
            readers.append(narrator if all(of_folder[_first(folder)]) else _first(folder))
        else:
            readers.append(narrator or title)
    return [reader or "" for reader in readers]


def _first(folder: PurePosixPath) -> str:
    return folder.parts[0] if folder.parts else ""


# --- chapters of a book


def _in_order(
    members: Sequence[PurePosixPath],
    places: Mapping[PurePosixPath, _Place],
    tags: Mapping[PurePosixPath, Tags],
) -> list[PurePosixPath]:
    """By disc and track where tags number every file, else by the numbers in the names."""
    discs = {path: tags[path].disc if path in tags else None for path in members}
    if not all(discs.values()):
        discs = {path: _disc_of(places[path].parts) for path in members}
    tracks = {path: tags[path].track if path in tags else None for path in members}
    numbered = {(discs[path], tracks[path]) for path in members}
    if all(tracks.values()) and len(numbered) == len(members):
        return sorted(members, key=lambda path: (discs[path], tracks[path]))
    return sorted(members, key=lambda path: [
        (_disc_of((part,)), natural_key(part)) for part in (*places[path].parts, path.name)
    ])  # fmt: skip


def _disc_of(parts: Sequence[str]) -> int:
    disc = _DISC.fullmatch(parts[-1]) if parts else None
    if not disc:
        return 0
    number = disc["number"].lower()
    if number.isdecimal():
        return int(number)
    return _NUMBER_WORDS.get(number) or _of_roman(number)


def _of_roman(number: str) -> int:
    values = [{"i": 1, "v": 5, "x": 10, "l": 50}[letter] for letter in number]
    following = [*values[1:], 0]
    return sum(-a if a < b else a for a, b in zip(values, following, strict=True))


def _names(ordered: Sequence[PurePosixPath], places: Mapping[PurePosixPath, _Place]) -> list[str]:
    """Discs and the file's own name; with its suffix where another has the same."""
    names = [" - ".join([*places[path].parts, path.stem]) for path in ordered]
    folded = [name.casefold() for name in names]
    return [
        f"{name} ({path.suffix[1:]})" if folded.count(name.casefold()) > 1 else name
        for name, path in zip(names, ordered, strict=True)
    ]
