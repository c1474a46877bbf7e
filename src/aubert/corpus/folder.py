"""A folder of audiobooks and their texts as a corpus in the Libri-Light layout.

Audio that libsndfile reads is linked, not copied; what only ffmpeg reads, what holds more or less
than its header says, and what marks chapters becomes FLAC. What did not change since the last time
keeps its files, and so its results.

Each shard's job writes what is of its own books and deletes nothing of others. `finish`, when all
have ended, is the one place where what belongs to no file of the folder any more is removed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath

from aubert import decoder, ffmpeg
from aubert.corpus.books import read_text
from aubert.corpus.folder_audio import VERSION, Made, Recording, make
from aubert.corpus.folder_files import NAME, Row, table_of, write_table
from aubert.corpus.folder_layout import Chapter
from aubert.corpus.folder_plan import Plan, Reading, make_plan, read_state, remember, state_path
from aubert.corpus.shards import AUDIO_SUFFIXES, shard_names
from aubert.corpus.tags import cover_of
from aubert.files import write_json

SUBSET = "folder"
LIBRILIGHT = "librilight"
SHARDS = "shards"  # the folder of what each shard's job made


def import_folder(root: Path, out: Path) -> list[Row]:
    """Makes the corpus below `out` in one process: librilight/, books/ and files.json, whose rows
    it returns. Raises ValueError as `import_shard` does."""
    import_shard(root, out, out / SHARDS / "0.json", 0, 1)
    return finish(root, out, 1)


def import_shard(root: Path, out: Path, manifest: Path, shard: int, num_shards: int) -> str:
    """Makes the books of one shard below `out`, and last its `manifest`; returns what to tell.

    Raises ValueError as `make_plan` does, and where ffmpeg is needed and not installed.
    """
    plan = make_plan(root, out, num_shards)
    readings = plan.of_shard(shard)
    _check_ffmpeg([plan.root / one.path for reading in readings for one in reading.chapters])
    _write_texts(plan, readings, out / "books")
    before = _made_before(out)
    made: dict[str, Made] = {}
    for reading in readings:
        made |= _make_book(plan, reading, out, before)
    files = {path: asdict(one) for path, one in made.items()}
    books = [list(reading.book) for reading in readings]
    write_json(state_path(out, shard, num_shards), {"books": books, "files": files})
    recordings = sorted(name for one in made.values() for name in one.names)
    write_json(manifest, {"recordings": recordings, "files": files})
    return f"folder: {len(recordings)} recordings, {len(readings)} books"


def finish(root: Path, out: Path, num_shards: int) -> list[Row]:
    """When every shard is made: removes what belongs to nothing in the folder any more, writes the
    texts that are to be found by what is read, and last the table of files, `out`/files.json."""
    plan = make_plan(root, out, num_shards)
    made: dict[str, Made] = {}
    for name in shard_names(num_shards):
        content = json.loads((out / SHARDS / f"{name}.json").read_bytes())
        made |= {path: Made(**one) for path, one in content["files"].items()}
    _write_texts(plan, plan.readings, out / "books", everything=True)
    _remove_others(plan, out, made.values(), num_shards)
    remember(plan, out)
    rows = table_of(plan, made)
    write_table(out / NAME, rows)
    return rows


def _made_before(out: Path) -> dict[str, Made]:
    """By any shard: a file whose book moved to another one is not decoded again."""
    found: dict[str, Made] = {}
    for path in sorted(out.glob(".state-*.json")):
        files = read_state(path).get("files", {})
        found |= {name: Made(**one) for name, one in files.items()}
    return found


# --- audio


def _check_ffmpeg(paths: Iterable[Path]) -> None:
    if ffmpeg.command():
        return
    for path in paths:
        if path.suffix.lower() not in AUDIO_SUFFIXES and decoder.needs_ffmpeg(path):
            raise ValueError(
                f"{path} needs ffmpeg to be read: {ffmpeg.HOW_TO_INSTALL}, or turn such files "
                f"into MP3 or FLAC"
            )


def _make_book(
    plan: Plan, reading: Reading, out: Path, before: Mapping[str, Made]
) -> dict[str, Made]:
    """The recordings of one book, each with its json, and its cover."""
    folder = PurePosixPath(LIBRILIGHT, SUBSET, *reading.book)
    (out / folder).mkdir(parents=True, exist_ok=True)
    made: dict[str, Made] = {}
    for one in reading.chapters:
        key, state = str(one.path), _state(plan, reading, one)
        old = before.get(key)
        if (
            old is None
            or old.state != state
            or old.reason is not None  # ffmpeg may be there by now
            or not all(os.path.lexists(out / n) for n in old.names)
        ):
            marks = reading.marks.get(one.path, ())
            old = make(Recording(plan.root / one.path, out, folder, one.name, plan.tags[one.path],
                                 marks))  # fmt: skip
            old.state = state
        made[key] = old
    _describe(reading, made.values(), out, _write_cover(plan, reading, out / folder))
    return made


def _state(plan: Plan, reading: Reading, one: Chapter) -> str:
    """What a recording's files are made from, and by which version of `make`: its place, the file,
    the marks of its cue sheet."""
    marks = reading.marks.get(one.path, ())
    return json.dumps([VERSION, *reading.book, one.name, plan.sources[one.path].state, marks])


def _describe(reading: Reading, made: Iterable[Made], out: Path, cover: str | None) -> None:
    """Libri-Light's json beside each recording, with what the book and its chapter are called."""
    named = [pair for one in made for pair in zip(one.names, one.titles, strict=True)]
    times = Counter(title for _, title in named)
    for index, (name, title) in enumerate(named):
        described = {
            "speaker": reading.book.reader,
            "book_meta": {
                "id": reading.text_id or "",
                "title": reading.title,
                "authors": [{"last_name": reading.author}] if reading.author else [],
                "language": reading.language,
                "cover": cover,
            },
            # One that others have too is the book's or "Track".
            "chapter_title": title if times[title] == 1 and title != reading.title else "",
            "chapter_index": index,
        }
        content = (json.dumps(described, indent=1, ensure_ascii=False) + "\n").encode()
        path = out / name
        _write_if_changed(path.with_name(f"{path.stem}.json"), content)


def _write_cover(plan: Plan, reading: Reading, folder: Path) -> str | None:
    """The cover of the book's folder, else the first that its files hold; returns its name."""
    if reading.cover is not None:
        content = (plan.root / reading.cover).read_bytes()
        suffix = reading.cover.suffix.lower()
    else:
        holders = (one.path for one in reading.chapters if plan.tags[one.path].has_picture)
        found = next(filter(None, (cover_of(plan.root / path) for path in holders)), None)
        if found is None:
            return None
        content, suffix = found
    _write_if_changed(folder / f"cover{suffix}", content)
    return f"cover{suffix}"


# --- texts


def _write_texts(
    plan: Plan, readings: Sequence[Reading], folder: Path, everything: bool = False
) -> None:
    """Those that the readings are read from: all, where a reading does not know its own. Two shards
    may write the same text: each writes the same content, in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    everything |= any(reading.text_id is None for reading in readings)
    wanted = {reading.text_id for reading in readings}
    for name, paths in plan.shelf.items():
        if everything or Path(name).stem in wanted:
            _write_if_changed(folder / name, _content([plan.root / path for path in paths]))


def _content(paths: Sequence[Path]) -> bytes:
    """A text as it is; chapters joined, as UTF-8."""
    if len(paths) == 1:
        return paths[0].read_bytes()
    parts = []
    for path in paths:
        try:
            parts.append(read_text(path))
        except ValueError as error:
            print(f"left out of the book: {error}", file=sys.stderr)
    return "\n\n".join(parts).encode("utf-8", "surrogatepass")


def _write_if_changed(path: Path, content: bytes) -> None:
    """In one step, from a name that no other process has, on this machine or another."""
    if path.is_file() and path.read_bytes() == content:
        return
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as part:
        part.write(content)
    os.chmod(part.name, 0o666 & ~_umask())
    os.replace(part.name, path)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# --- what is no longer in the folder


def _remove_others(plan: Plan, out: Path, made: Iterable[Made], num_shards: int) -> None:
    kept = {out / name for one in made for name in one.names}
    kept |= {path.with_name(f"{path.stem}.json") for path in kept}
    for reading in plan.readings:
        folder = out / LIBRILIGHT / SUBSET / Path(*reading.book)
        kept |= {folder / f"cover{suffix}" for suffix in (".jpg", ".jpeg", ".png")}
    kept |= {out / "books" / name for name in plan.shelf}
    kept |= {out / SHARDS / f"{name}.json" for name in shard_names(num_shards)}
    for top in (out / LIBRILIGHT / SUBSET, out / "books", out / SHARDS):
        top.mkdir(parents=True, exist_ok=True)
        for path in sorted(top.rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                if not any(path.iterdir()):
                    path.rmdir()
            elif path not in kept:
                path.unlink()
