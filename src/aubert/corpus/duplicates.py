"""Recordings that a folder holds twice: a book as one .m4b and as chapters, two formats, copies.

Lengths propose, the sound decides: the loudness of the two over time must go up and down alike.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import file_digest
from itertools import combinations
from pathlib import Path, PurePosixPath

import numpy as np

from aubert.corpus.folder_layout import Book, Chapter, is_of_a_kind

RATE_HZ = 8_000  # of what is compared
_FRAME_SAMPLES = 160  # 20 ms
_PLACES = (0.12, 0.31, 0.5, 0.69, 0.88)  # of the whole, where it is compared
_WINDOW_S = 12.0
_SAME = 0.8  # correlation of the loudness; of other speech it stays below .5
_SLACK = 0.01  # share of the length by which two forms of a book may differ, and _SLACK_S a file
_SLACK_S = 0.3
_ANY_BOOK = ("book", "chapter", "complete", "disc", "full", "part", "unabridged", "whole")
_MIN_S = 5.0  # of sound, to be compared at all

# (path, start in seconds, length in seconds) -> mono samples at RATE_HZ
Excerpt = Callable[[PurePosixPath, float, float], np.ndarray]


def duplicates(
    chapters: Sequence[Chapter], seconds: Mapping[PurePosixPath, float | None], excerpt: Excerpt
) -> dict[PurePosixPath, PurePosixPath]:
    """The files that need not be used -> a file that holds the same.

    chapters: in reading order. seconds: the length of each file; one whose length is not known is
    like no other. What is kept is the whole rather than a part, then more files rather than fewer.
    """
    found: dict[PurePosixPath, PurePosixPath] = {}
    for first, second in _candidates(chapters, seconds):
        first = [path for path in first if path not in found]
        second = [path for path in second if path not in found]
        if first and second:
            found |= _compared(first, second, seconds, excerpt)
    return found


def same_bytes(
    root: Path, chapters: Sequence[Chapter], sizes: Mapping[PurePosixPath, int]
) -> dict[PurePosixPath, PurePosixPath]:
    """The files of a book that are another file of it byte by byte ("01 copy.mp3", "01 (1).mp3")
    -> that file, the one with the shortest name. sizes: of the files, in bytes."""
    by_size: dict[tuple[Book, int], list[PurePosixPath]] = defaultdict(list)
    for one in chapters:
        by_size[one.book, sizes[one.path]].append(one.path)
    found: dict[PurePosixPath, PurePosixPath] = {}
    for paths in by_size.values():
        if len(paths) > 1:
            kept: dict[bytes, PurePosixPath] = {}
            for path in sorted(paths, key=lambda path: (len(path.name), path)):
                with (root / path).open("rb") as file:
                    first = kept.setdefault(file_digest(file, "blake2b").digest(), path)
                if first != path:
                    found[path] = first
    return found


def _candidates(
    chapters: Sequence[Chapter], seconds: Mapping[PurePosixPath, float | None]
) -> Iterator[tuple[list[PurePosixPath], list[PurePosixPath]]]:
    """Pairs of forms that may be the same: of one book, or of two of one name that are not two
    readers'. Books of other names are others, whatever they hold."""
    by_format: dict[tuple[Book, str], list[PurePosixPath]] = defaultdict(list)
    by_folder: dict[tuple[Book, str, str], list[PurePosixPath]] = defaultdict(list)
    for one in chapters:
        if seconds[one.path]:
            form = (one.book, one.path.suffix.lower())
            by_format[form].append(one.path)
            inside = one.path.relative_to(one.folder)
            by_folder[*form, inside.parts[0] if len(inside.parts) > 1 else ""].append(one.path)
    names = {form: _names(form[0], paths) for form, paths in by_format.items()}
    for one, other in combinations(by_format, 2):
        if one[0] == other[0] or (names[one] & names[other] and _may_be_one(one[0], other[0])):
            yield by_format[one], by_format[other]
    stems = {form: [path.stem.casefold() for path in paths] for form, paths in by_folder.items()}
    for one, other in combinations(by_folder, 2):
        if one[:2] == other[:2] and stems[one] == stems[other]:
            yield by_folder[one], by_folder[other]


def _names(book: Book, paths: Sequence[PurePosixPath]) -> set[str]:
    """What a book is called, without what only tells its form: Emma, Emma mp3, Emma.m4b."""
    titles = [book.title, *(path.stem for path in paths if len(paths) == 1)]
    words = (re.findall(r"[^\W_]+", title.casefold()) for title in titles)
    return {"".join(filter(_tells, one)) for one in words} - {""}


def _tells(word: str) -> bool:
    return not (word.isdecimal() or word in _ANY_BOOK or is_of_a_kind(word))


def _may_be_one(one: Book, other: Book) -> bool:
    """Whether no folder says that two people read them."""
    return one.reader == other.reader or any(each.reader == each.title for each in (one, other))


def _compared(
    first: Sequence[PurePosixPath],
    second: Sequence[PurePosixPath],
    seconds: Mapping[PurePosixPath, float | None],
    excerpt: Excerpt,
) -> dict[PurePosixPath, PurePosixPath]:
    kept, spare = sorted((first, second), key=lambda paths: (-len(paths), paths))
    lengths = [sum(seconds[path] for path in paths) for paths in (kept, spare)]
    if min(lengths) < _MIN_S:
        return {}
    stems = [[path.stem.casefold() for path in paths] for paths in (kept, spare)]
    # As many files with other names are other chapters.
    if len(kept) > len(spare) or stems[0] == stems[1]:
        alike = _are_near(*lengths, len(kept)) and _sound_alike(kept, spare, seconds, excerpt)
        if alike:
            return dict.fromkeys(spare, kept[0])
    # One by one: a part of the book in another format, copies of some chapters.
    found: dict[PurePosixPath, PurePosixPath] = {}
    by_stem = {path.stem.casefold(): path for path in kept}
    for path in spare:
        other = by_stem.get(path.stem.casefold())
        if (
            other is not None
            and _are_near(seconds[path], seconds[other], 1)
            and _sound_alike([other], [path], seconds, excerpt)
        ):
            found[path] = other
    return found


def _are_near(first_s: float, second_s: float, num_files: int) -> bool:
    slack_s = 1.0 + _SLACK_S * num_files + _SLACK * min(first_s, second_s)
    return abs(first_s - second_s) <= slack_s


def _sound_alike(
    first: Sequence[PurePosixPath],
    second: Sequence[PurePosixPath],
    seconds: Mapping[PurePosixPath, float | None],
    excerpt: Excerpt,
) -> bool:
    """At all places that tell something, of four and more but one."""
    total_s = min(sum(seconds[path] for path in paths) for paths in (first, second))
    off_s = abs(sum(seconds[p] for p in first) - sum(seconds[p] for p in second))
    window_s = min(_WINDOW_S, total_s / 4)
    votes = []
    for place in _PLACES:
        at_s = place * total_s - window_s / 2
        one = _timeline(first, seconds, excerpt, at_s, window_s)
        margin_s = 1.0 + off_s
        start_s = max(0.0, at_s - margin_s)
        other = _timeline(second, seconds, excerpt, start_s, window_s + 2 * margin_s)
        likeness = _likeness(_loudness(one), _loudness(other))
        if likeness is not None:
            votes.append(likeness >= _SAME)
        if votes.count(False) > 1:
            return False
    return len(votes) > 1 and votes.count(False) <= (len(votes) > 3)


def _timeline(
    paths: Sequence[PurePosixPath],
    seconds: Mapping[PurePosixPath, float | None],
    excerpt: Excerpt,
    start_s: float,
    length_s: float,
) -> np.ndarray:
    """A stretch of the files one after another."""
    pieces, begin_s = [np.zeros(0, np.float32)], 0.0
    for path in paths:
        end_s = begin_s + seconds[path]
        low_s, high_s = max(start_s, begin_s), min(start_s + length_s, end_s)
        if low_s < high_s:
            pieces.append(excerpt(path, low_s - begin_s, high_s - low_s))
        begin_s = end_s
    return np.concatenate(pieces)


def _loudness(samples: np.ndarray) -> np.ndarray:
    """Log energy of each 20 ms."""
    frames = samples[: len(samples) // _FRAME_SAMPLES * _FRAME_SAMPLES].reshape(-1, _FRAME_SAMPLES)
    return np.log(np.mean(frames.astype(np.float64) ** 2, axis=1) + 1e-6)


def _likeness(pattern: np.ndarray, within: np.ndarray) -> float | None:
    """The best correlation of the pattern with a stretch of the other; None where nothing moves."""
    size = len(pattern)
    if size < 20 or len(within) < size or pattern.std() < 0.3:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(within, size)
    centred = windows - windows.mean(axis=1, keepdims=True)
    norms = np.sqrt((centred**2).sum(axis=1))
    pattern = pattern - pattern.mean()
    return float((centred @ pattern / np.maximum(norms * np.linalg.norm(pattern), 1e-9)).max())
