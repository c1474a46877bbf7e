"""Page numbers and running heads in the text of a printed book: what a page's edge put there.

A line is of a page's edge where it breaks a sentence: the text before it stops short, and goes
on after it in a small letter. Lines like those are, at other places, edges too.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from aubert.text.broken import HYPHENS

_LONGEST = 80  # characters of a running head
_MOST_LINES = 4  # of one page's end and the next one's begin together
_MIN_REPEATS = 3  # of a running head
_MIN_SHARE = 0.2  # of its places that break a sentence; of the heading of a chapter, none
_MOST_PAGES = 0.6  # of a new page's beginnings; numbered or not
_FULL = 40  # characters of a line that is no heading
_OF_CHAPTERS = re.compile(
    r"(?:chapter|part|book|section|letter|canto|stave|act|scene|sonnet|poem|psalm)\b"
)
_PAGE = 70  # lines
_FARTHEST = 3  # pages without a number, between two with one

_COUNT = r"(\d{1,4})(?:\s*(?:of|/)\s*\d{1,4})?"
_NUMBER = re.compile(
    rf"(?:(?:page|p\.|pg\.?|seite|página)\s*)?{_COUNT}"
    rf"|[-–—~•·*|]\s*{_COUNT}\s*[-–—~•·*|]|\[\s*{_COUNT}\s*\]|\(\s*{_COUNT}\s*\)",
    re.IGNORECASE,
)
_ROMAN = re.compile(r"[-–—\[(]?\s*[ivxl]{1,7}\s*[-–—\])]?")
_FRAME = " \t\u00a0-–—[](){}|*~•·.\ufeff"
_DIGITS = re.compile(r"\d+")
# A text without any of these has no edges to look for: nearly all have none.
_TRACES = re.compile(
    r"\f|^[ \t]*[^\w\s]{0,2} ?(?:page )?\d{1,4} ?[^\w\s]{0,2}[ \t]*\r?$",
    re.IGNORECASE | re.MULTILINE,
)
_NUMBERED = re.compile(
    r"^[ \t]*(?:\d{1,4}[ \t]+\S.{1,70}|\S.{1,70}?[ \t]+\d{1,4})[ \t]*\r?$", re.MULTILINE
)
_LINE_END = re.compile(r"\r\n?|\n|(?=\f)|\Z")
_SMALL = "a-zß-öø-ÿа-яё"  # letters
# A hyphen at a line's end, and short lines before the one that goes on with a small letter.
_SPLIT = re.compile(
    rf"[^\W\d_][{HYPHENS}][ \t]*\r?\n"
    rf"((?:(?![ \t\f]*(?![ivxl]{{1,7}}[ \t\r]*\n)[{_SMALL}])[^\n]{{0,{_LONGEST}}}\n){{1,8}})"
    rf"(?=[ \t\f]*[{_SMALL}])"
)
_STOPS = re.compile(r"[.!?:…][\"'”’)\]»_*]*$|[\"”»]$")
_GOES_ON = re.compile(rf"[\"'“‘(«]?[{_SMALL}]")


@dataclass
class _Line:
    """start, end: without the white space around it. key: its words, without numbers."""

    place: int  # among the lines that hold something
    start: int
    end: int
    text: str
    key: str
    number: int | None  # where it holds nothing else
    is_edge: bool = False


@dataclass
class _Cluster:
    """Neighbouring lines that may be the end of one page and the beginning of the next.

    breaks: they likely part a sentence. goes_on: they do. feeds: a page begins there, as form
    feeds say
    """

    lines: list[_Line]
    breaks: bool
    goes_on: bool
    feeds: bool

    @property
    def keys(self) -> set[str]:
        return {line.key for line in self.lines}


def without_edges(text: str) -> str:
    """The text with spaces for page numbers and running heads, character for character.

    Where one stood within a sentence, the sentence goes on in the next line.
    """
    return _without_edges(text) if _may_have_edges(text) else text


def _may_have_edges(text: str) -> bool:
    if "\f" in text or len(_some(_TRACES, text)) > 1 or next(_in_words(text), None):
        return True
    keys = Counter(_DIGITS.sub("", line) for line in _some(_NUMBERED, text, 10_000))
    return bool(keys) and max(keys.values()) >= _MIN_REPEATS


def _some(pattern: re.Pattern, text: str, most: int = 2) -> list[str]:
    found = []
    for match in pattern.finditer(text):
        found.append(match[0].strip())
        if len(found) == most:
            break
    return found


@lru_cache(maxsize=2)  # tokens, paragraphs and sentences of one book ask one after another
def _without_edges(text: str) -> str:
    lines = _lines(text)
    keys = Counter(line.key for line in lines if line.key)
    clusters = _clusters(text, lines, keys)
    _mark_heads(lines, clusters, keys)
    _mark_numbers(lines, clusters)
    spans = list(_in_words(text))
    for line in lines:
        line.is_edge |= any(start <= line.start < end for start, end in spans)
    return _blanked(text, lines)


def _in_words(text: str) -> Iterator[tuple[int, int]]:
    """What parts a word at its hyphen: a page's number with or without a head, or short lines
    between blank ones. One is enough: no word has that within it."""
    for match in _SPLIT.finditer(text):
        between = match[1]
        inside = [line.strip() for line in re.split(r"[\r\n\f]+", between) if line.strip()]
        has_number = any(_NUMBER.fullmatch(one) or _ROMAN.fullmatch(one) for one in inside)
        is_apart = between[0] in "\r\n\f" and bool(re.search(r"\n[ \t\r]*\n$|\f$", between))
        is_apart &= not any(_STOPS.search(one) for one in inside)
        if 0 < len(inside) <= _MOST_LINES and (has_number or is_apart):
            yield match.span(1)


def _lines(text: str) -> list[_Line]:
    """The lines that hold something."""
    found = []
    for match in re.finditer(r"[^\r\n\f]+", text):
        written = match[0].strip()
        if not written:
            continue
        start = match.start() + match[0].index(written)
        line = _Line(len(found), start, start + len(written), written, "", None)
        if len(written) <= _LONGEST:
            if matched := _NUMBER.fullmatch(written):
                line.number = int(next(filter(None, matched.groups())))
            elif _ROMAN.fullmatch(written):
                line.number = 0  # a preface's: in no order with the others
            else:
                line.key = " ".join(_DIGITS.sub(" ", written.casefold()).strip(_FRAME).split())
        found.append(line)
    return found


def _clusters(text: str, lines: Sequence[_Line], keys: Counter) -> list[_Cluster]:
    """Of short lines that are numbers, or recur, or stand alone at a form feed. Those without a
    number have a blank line or a new page on one side at least: a refrain may stand within its
    verse."""

    def gap(place: int) -> str:
        low = lines[place - 1].end if place else 0
        return text[low : lines[place].start if place < len(lines) else len(text)]

    def may_be(place: int) -> bool:
        if lines[place].number is not None or keys[lines[place].key] >= _MIN_REPEATS:
            return True
        before, after = gap(place), gap(place + 1)
        is_alone = _is_blank(before) and _is_blank(after)
        return bool(lines[place].key) and is_alone and "\f" in before + after

    found, at = [], 0
    while at < len(lines):
        end = at
        while end < len(lines) and may_be(end):
            end += 1
        inside = lines[at:end]
        before = lines[at - 1] if at else None
        after = lines[end] if end < len(lines) else None
        if 0 < len(inside) <= _MOST_LINES:
            outer = _is_blank(gap(at)) or _is_blank(gap(end)) or not (before and after)
            if outer or any(line.number is not None for line in inside):
                between = text[before.end if before else 0 : after.start if after else len(text)]
                both = bool(before and after)
                found.append(
                    _Cluster(
                        list(inside),
                        breaks=both and _parts_sentence(before, after),
                        goes_on=both and _goes_on(before, after),
                        feeds="\f" in between or not before,
                    )
                )
        at = end + 1
    return found


def _is_blank(gap: str) -> bool:
    return "\f" in gap or gap.replace("\r\n", "\n").replace("\r", "\n").count("\n") > 1


def _parts_sentence(before: _Line, after: _Line) -> bool:
    full = len(before.text) >= _FULL  # a name may come next; a heading is shorter
    return not _STOPS.search(before.text) and (full or bool(_GOES_ON.match(after.text)))


def _mark_heads(lines: Sequence[_Line], clusters: Sequence[_Cluster], keys: Counter) -> None:
    """Lines that recur, and part sentences now and then or stand at the edge of most pages."""
    breaks = Counter(key for one in clusters if one.breaks for key in one.keys)
    with_number = Counter(
        key for one in clusters if any(line.number for line in one.lines) for key in one.keys
    )
    feeds = Counter(key for one in clusters if one.feeds for key in one.keys)
    num_pages = sum(one.feeds for one in clusters)
    for one in clusters:
        for line in one.lines:
            numbered = any(char.isdigit() for each in one.lines for char in each.text)
            is_head = breaks[line.key] >= max(2, _MIN_SHARE * keys[line.key])
            is_head |= with_number[line.key] >= _MIN_REPEATS and not _OF_CHAPTERS.match(line.key)
            is_on_most = feeds[line.key] >= max(_MIN_REPEATS, _MOST_PAGES * num_pages)
            is_head |= is_on_most and not _OF_CHAPTERS.match(line.key)
            is_head &= one.breaks or one.feeds or numbered
            ends_sentence = _GOES_ON.match(line.text) and _STOPS.search(line.text)
            # Alone at a form feed, in a sentence.
            is_head |= one.goes_on and one.feeds and not ends_sentence
            line.is_edge |= bool(line.key) and is_head


def _mark_numbers(lines: Sequence[_Line], clusters: Sequence[_Cluster]) -> None:
    """Those that part sentences or stand at form feeds and rise, and those that count on from
    them to either side. The number of a chapter does neither."""
    places = [(line, one) for one in clusters for line in one.lines if line.number is not None]
    at_heads = {id(one) for one in clusters if any(line.is_edge for line in one.lines)}
    sure = [line for line, one in places if one.breaks or id(one) in at_heads]
    fed = [line for line, one in places if one.feeds and line.place]
    if len(fed) > 1 and _count_up(fed):
        sure = fed
    elif len(places) >= _MIN_REPEATS and _are_of_pages([line for line, _ in places]):
        sure = [line for line, _ in places]
    rising = _rising(sure)
    if len(rising) < max(2, 0.6 * len(sure)) and not any(
        one.feeds and one.breaks for _, one in places
    ):
        return  # one number within a sentence may belong to it
    for line in rising:
        line.is_edge = True
    arabic = [line for line in rising if line.number]
    lengths = [(b.place - a.place) / (b.number - a.number) for a, b in pairwise(arabic)]
    length = sorted(lengths)[len(lengths) // 2] if lengths else 0
    for ordered, step in ((places, 1), (places[::-1], -1)):
        last = None
        for line, _ in ordered:
            if last is not None and not line.is_edge:
                num_pages = step * (line.number - last.number)
                num_lines = step * (line.place - last.place)
                due = num_pages * length or math.inf
                is_due = num_lines <= 1.6 * due and (num_lines >= 0.4 * due or line is lines[-1])
                line.is_edge = 0 < num_pages <= _FARTHEST and (is_due or not length)
            if line.is_edge and line.number:
                last = line


def _count_up(lines: Sequence[_Line]) -> bool:
    return all(0 < b.number - a.number <= _FARTHEST for a, b in pairwise(lines))


def _are_of_pages(lines: Sequence[_Line]) -> bool:
    """Whether numbers that no sentence tells of count pages: from the middle of a book on, near
    each other. Chapters begin with one, or are longer."""
    near = all(b.place - a.place <= _PAGE for a, b in pairwise(lines))
    return lines[0].number > 1 and near and _count_up(lines)


def _rising(lines: Sequence[_Line]) -> list[_Line]:
    """The longest part of them whose numbers rise; numerals of a preface are all in it."""
    arabic = [line for line in lines if line.number]
    ends: list[int] = []  # of the best runs of each length, as places in arabic
    before: list[int] = []
    for place, line in enumerate(arabic):
        length = bisect_left(ends, line.number, key=lambda end: arabic[end].number)
        before.append(ends[length - 1] if length else -1)
        ends[length : length + 1] = [place]
    found, at = [], ends[-1] if ends else -1
    while at >= 0:
        found.append(arabic[at])
        at = before[at]
    return [line for line in lines if not line.number] + found[::-1]


def _goes_on(before: _Line, after: _Line) -> bool:
    return not _STOPS.search(before.text) and bool(_GOES_ON.match(after.text))


def _blanked(text: str, lines: Sequence[_Line]) -> str:
    spans = [(line.start, line.end) for line in lines if line.is_edge]
    kept = [line for line in lines if not line.is_edge]
    for before, after in pairwise(kept):
        between = text[before.end : after.start]
        if ("\f" in between or between.strip()) and _goes_on(before, after):
            # All but one line's end: the sentence's two halves are neighbours.
            spans.append((_LINE_END.search(text, before.end).end(), after.start))
    parts, at = [], 0
    for start, end in sorted(spans):
        start = max(start, at)
        if end > start:
            parts += [text[at:start], " " * (end - start)]
            at = end
    return "".join([*parts, text[at:]])
