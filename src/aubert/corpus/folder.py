"""A folder of audiobooks and their texts as a corpus in the Libri-Light layout.

Audio that libsndfile reads is linked, not copied; what only ffmpeg reads becomes FLAC. What
did not change since the last time keeps its files, and so its results.
"""

from __future__ import annotations

import codecs
import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from aubert.corpus import convert
from aubert.corpus.folder_layout import Book, Chapter, chapters, flat_name, texts_of
from aubert.corpus.shards import AUDIO_SUFFIXES, shard_of
from aubert.files import write_bytes, write_json

SUBSET = "folder"
_BYTE_ORDER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Source:
    """A file of the folder. path: relative to it; state: size and modification time"""

    path: PurePosixPath
    state: str


def scan(root: Path, out: Path | None = None) -> list[Source]:
    """Every audio file and text below `root`, sorted; nothing hidden, and not where `out` lies.

    Raises ValueError when the folder, audio or text is not there; it says what to do.
    """
    if not root.is_dir():
        raise ValueError(f"corpus.root: {root} is not a directory")
    found = []
    for directory, folders, names in os.walk(root, followlinks=True):
        folders[:] = [name for name in folders if not _is_left_out(Path(directory, name), out)]
        for name in names:
            if not name.startswith(".") and (convert.is_audio(name) or _is_text(name)):
                stat = os.stat(Path(directory, name))
                path = PurePosixPath(Path(directory, name).relative_to(root))
                found.append(Source(path, f"{stat.st_size} {stat.st_mtime_ns}"))
    for kind, is_kind in (("audio file", convert.is_audio), ("text (.txt)", _is_text)):
        if not any(is_kind(source.path.name) for source in found):
            raise ValueError(
                f"corpus.root: {root} holds no {kind}: put the recordings and, as .txt, the text "
                f"of the book that is read into it: <reader>/<book>/<chapter>.mp3, or all in one "
                f"folder"
            )
    return sorted(found, key=lambda source: source.path)


def _is_left_out(directory: Path, out: Path | None) -> bool:
    own = out is not None and out.resolve().is_relative_to(directory.resolve())
    return own or directory.name.startswith(".")


def layout(
    root: Path, out: Path | None = None
) -> tuple[dict[PurePosixPath, str], list[Chapter], dict[Book, list[PurePosixPath]]]:
    """The state of every file of the folder, the place of every audio file in the corpus, and
    the texts of each book whose text is told. Raises ValueError as `scan` and `chapters` do."""
    states = {source.path: source.state for source in scan(root, out)}
    texts = [path for path in states if _is_text(path.name)]
    audio = chapters([path for path in states if not _is_text(path.name)], root.resolve().name)
    return states, audio, texts_of(audio, texts)


def import_folder(
    root: Path, out: Path, manifest: Path | None = None, shard: int = 0, num_shards: int = 1
) -> str:
    """Makes the readers of one shard of the corpus below `out`, librilight/ and books/, and
    last `manifest` (<out>/manifest.json); returns what to tell.

    Raises ValueError as `scan` does, and where ffmpeg is needed and not installed.
    """

    def is_ours(reader: str) -> bool:
        return shard_of(reader, num_shards) == shard

    states, audio, texts = layout(root, out)
    audio = [chapter for chapter in audio if is_ours(chapter.book.reader)]
    _check_ffmpeg([root / chapter.path for chapter in audio])
    books = _write_books(root, out / "books", texts, [p for p in states if _is_text(p.name)])
    state = out / f".state-{shard}-of-{num_shards}.json"
    before = _read_state(state)
    made: dict[str, dict] = {}
    for chapter in audio:
        key = str(chapter.path)
        old = before.get(key)
        is_same = old and old["state"] == states[chapter.path]
        if not is_same or not all(os.path.lexists(out / name) for name in old["files"]):
            old = {"state": states[chapter.path], "files": _add_audio(root, out, chapter)}
        made[key] = old
        described = {
            "speaker": chapter.book.reader,
            "book_meta": {"id": books.get(chapter.book, ""), "title": chapter.book.title},
        }
        for name in old["files"]:
            content = (json.dumps(described, indent=1, ensure_ascii=False) + "\n").encode()
            _write_if_changed((out / name).with_name(Path(name).stem + ".json"), content)
    recordings = sorted(name for entry in made.values() for name in entry["files"])
    _remove_others(out, recordings, is_ours)
    write_json(state, made)
    read = {chapter.book for chapter in audio}
    known = sorted(books[book] for book in read if book in books)
    write_json(manifest or out / "manifest.json", {"recordings": recordings, "books": known})
    num_books, unknown = len(read), len(read) - len(known)
    by_content = f", {unknown} of them to be found by what is read" if unknown else ""
    return f"folder: {len(recordings)} recordings, {num_books} books{by_content}"


def _read_state(path: Path) -> dict[str, dict]:
    """Not the manifest: Snakemake deletes that before it makes it again."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}


# --- audio


def _check_ffmpeg(paths: Iterable[Path]) -> None:
    if convert.ffmpeg():
        return
    for path in paths:
        if not path.name.lower().endswith(AUDIO_SUFFIXES) and convert.needs_ffmpeg(path):
            raise ValueError(
                f"{path} needs ffmpeg to be read: install it (Debian: apt install ffmpeg), or "
                f"turn such files into MP3 or FLAC"
            )


def _add_audio(root: Path, out: Path, chapter: Chapter) -> list[str]:
    """Links or converts one file; returns the names below `out` of what is there now."""
    source = (root / chapter.path).resolve()
    folder = Path("librilight", SUBSET, chapter.book.reader, chapter.book.title)
    (out / folder).mkdir(parents=True, exist_ok=True)
    suffix = source.suffix.lower()
    if not convert.ffmpeg() or not convert.needs_ffmpeg(source):
        # libsndfile goes by what a file holds, not by its name.
        name = folder / f"{chapter.name}{suffix if suffix in AUDIO_SUFFIXES else '.wav'}"
        return [_link(source, out, name)]
    marked = convert.chapters(source)
    spans = dict(enumerate(marked, 1)) if marked else {0: None}
    names = []
    for number, span in spans.items():
        name = folder / f"{chapter.name}{f' - {number:03}' if number else ''}.flac"
        try:
            convert.to_flac(source, out / name, span)
            names.append(str(name))
        except ValueError as error:
            # As it is: the index rejects it as unreadable, with the others of its kind.
            print(error, file=sys.stderr)
            names.append(_link(source, out, name))
    return names


def _link(source: Path, out: Path, name: Path) -> str:
    (out / name).unlink(missing_ok=True)
    (out / name).symlink_to(source)
    return str(name)


def _remove_others(out: Path, recordings: Iterable[str], is_ours: Callable[[str], bool]) -> None:
    """What belongs to files that are no longer in the folder."""
    kept = {out / name for name in recordings}
    kept |= {path.with_name(path.stem + ".json") for path in kept}
    readers = out / "librilight" / SUBSET
    readers.mkdir(parents=True, exist_ok=True)
    ours = [path for reader in readers.iterdir() if is_ours(reader.name) for path in
            (reader, *reader.rglob("*"))]  # fmt: skip
    for path in sorted(ours, reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in kept:
            path.unlink()


# --- texts


def _is_text(name: str) -> bool:
    return name.lower().endswith(".txt")


def _write_books(
    root: Path, folder: Path, of_book: dict[Book, list[PurePosixPath]], texts: list[PurePosixPath]
) -> dict[Book, str]:
    """Writes the texts, chapters of one book joined; returns the id of each known book."""
    wanted: dict[str, bytes] = {}
    ids: dict[Book, str] = {}
    for book, paths in of_book.items():
        is_joined = len(paths) > 1
        name = f"{book.reader} - {book.title} (chapters).txt" if is_joined else flat_name(paths[0])
        wanted[name] = b"\n\n".join(_utf8(root / path) for path in paths)
        ids[book] = Path(name).stem
    used = {path for paths in of_book.values() for path in paths}
    # The others are there to be found by what is read.
    wanted |= {flat_name(path): _utf8(root / path) for path in texts if path not in used}
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in wanted:
            path.unlink(missing_ok=True)  # another shard's job may have done it
    for name, content in wanted.items():
        _write_if_changed(folder / name, content)
    return ids


def _utf8(path: Path) -> bytes:
    """A text as UTF-8; one that is not is Windows' Unicode with its mark, or Windows-1252."""
    data = path.read_bytes()
    if data.startswith(_BYTE_ORDER_MARKS):
        return data.decode("utf-16", "replace").encode()
    try:
        data.decode("utf-8")
        return data
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace").encode()


def _write_if_changed(path: Path, content: bytes) -> None:
    if not path.is_file() or path.read_bytes() != content:
        write_bytes(path, content)
