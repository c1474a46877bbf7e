"""What lies in a folder of audiobooks: every file, and what its name says it is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from aubert.corpus.books import is_text

Kind = Literal["audio", "text", "picture", "cue", "none"]

# Of files that hold sound and that libsndfile or ffmpeg reads; what a file holds decides later.
AUDIO = frozenset(
    ".3g2 .3ga .3gp .aa .aac .aax .aaxc .ac3 .adts .aif .aifc .aiff .amr .ape .asf .au .avi .awb "
    ".caf .dff .dsf .dts .eac3 .flac .flv .gsm .m2a .m4a .m4b .m4p .m4r .m4v .mka .mkv .mov .mp1 "
    ".mp2 .mp3 .mp4 .mpa .mpc .mpeg .mpg .nist .oga .ogg .ogm .ogv .oma .opus .ra .rf64 .rm .shn "
    ".snd .sph .spx .tak .tta .voc .vox .w64 .wav .wave .webm .wma .wmv .wv".split()
)
PICTURES = (".jpg", ".jpeg", ".png")
# Why a file is not used, and what to do: the closed vocabulary of the table of files.
REASONS = {
    "duplicate": "the same recording is used from another file",
    "other_text": "another text of this book is used: take one away to choose",
    "protected": "encrypted for its shop's player (DRM): get the book without protection",
    "unreadable": "damaged, or no audio in spite of its name: fetch it again",
    "empty": "it holds nothing: fetch it again",
    "other_picture": "another picture is the cover, or it is none",
    "cue_of_nothing": "no audio file has the name that the cue sheet gives",
    "document": "a text that is not read: save it as .epub, .html or .txt",
    "archive": "unpack it",
    "incomplete": "a download that did not end: fetch it again",
    "hidden": "its name begins with a point",
    "name_not_utf8": "rename the file or its folder",
    "other": "neither audio nor text by its name",
}
_BY_SUFFIX = {
    "document": ".azw .azw3 .chm .djvu .doc .docx .fb2 .kfx .lit .lrf .mobi .odt .pdb .pdf .ps "
    ".rtf .tex .md".split(),
    "archive": ".7z .bz2 .cbz .gz .iso .rar .tar .tgz .xz .zip .zst".split(),
    "incomplete": ".crdownload .download .opdownload .part .partial .tmp .!ut".split(),
    "other_picture": ".avif .bmp .gif .heic .svg .tif .tiff .webp".split(),
}
_REASON_OF = {suffix: reason for reason, suffixes in _BY_SUFFIX.items() for suffix in suffixes}


@dataclass(frozen=True, order=True)
class Source:
    """A file of the folder. path: relative to it; state: size and modification time; kind: what
    its name says; reason: of REASONS, where its name says that it is of no use"""

    path: PurePosixPath
    state: str
    kind: Kind
    reason: str | None = None

    @property
    def size(self) -> int:
        return int(self.state.partition(" ")[0])


def scan(root: Path, out: Path | None = None) -> list[Source]:
    """Every file below `root`, sorted; folders whose names begin with a point count as one, and
    what lies where `out` does is left out.

    Raises ValueError when the folder or audio is not there; it says what to do.
    """
    if not root.is_dir():
        raise ValueError(f"corpus.root: {root} is not a directory")
    found, seen = [], set()
    for directory, folders, names in os.walk(root, followlinks=True):
        stat = os.stat(directory)
        if (stat.st_dev, stat.st_ino) in seen:  # a link to what was walked already
            folders[:] = []
            continue
        seen.add((stat.st_dev, stat.st_ino))
        hidden = [name for name in folders if name.startswith(".")]
        folders[:] = [
            name
            for name in folders
            if name not in hidden and not _holds(Path(directory, name), out)
        ]
        for name in (*names, *hidden):
            source = _source(root, Path(directory, name))
            if source is not None:
                found.append(source)
    if not any(source.kind == "audio" for source in found):
        raise ValueError(
            f"corpus.root: {root} holds no audio file: put the recordings and, as .epub or .txt, "
            f"the text of the book that is read into it: <reader>/<book>/<chapter>.mp3, or all in "
            f"one folder"
        )
    return sorted(found)


def _holds(directory: Path, out: Path | None) -> bool:
    return out is not None and out.resolve().is_relative_to(directory.resolve())


def _source(root: Path, path: Path) -> Source | None:
    try:
        stat = path.stat()
    except OSError:  # a link to nowhere
        return None
    kind, reason = _kind(path.name)
    relative = PurePosixPath(path.relative_to(root))
    if not _is_utf8(str(relative)):
        kind, reason = "none", "name_not_utf8"
    elif stat.st_size == 0 and kind != "none":
        kind, reason = ("none", "empty")
    return Source(relative, f"{stat.st_size} {stat.st_mtime_ns}", kind, reason)


def _kind(name: str) -> tuple[Kind, str | None]:
    suffix = PurePosixPath(name.lower()).suffix
    if name.startswith("."):
        return "none", "hidden"
    if suffix in AUDIO:
        return "audio", None
    if is_text(name):
        return "text", None
    if suffix in PICTURES:
        return "picture", None
    if suffix == ".cue":
        return "cue", None
    return "none", _REASON_OF.get(suffix, "other")


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
