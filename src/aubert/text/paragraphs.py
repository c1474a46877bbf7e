"""Paragraphs, verses and headings of a plain text, by its layout alone.

The one place where line ends are made alike; offsets count in the untouched text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from aubert.text.broken import is_drop_capital
from aubert.text.headings import is_heading, names_a_number
from aubert.text.languages import pack_of
from aubert.text.pages import without_edges

_BLOCK = re.compile(r"[^\S\n]*[^\s][^\n]*(?:\n[^\S\n]*[^\s][^\n]*)*")
_LINE = re.compile(r"[^\n]+")
_STOPS = re.compile(r"[.!?…:][\"'”’)\]»_*]*\s*$|[\"”»]\s*$")
_OPENS = re.compile(r"\s*[\"'“‘(«_*—–-]*[^\W_a-zß-öø-ÿа-яё]")
_UNFILLED = 100  # characters that no filled line has
_VERSE_WIDTH = 60  # of the longest line of a verse
_HEADING = 80
_MOST_LINES = 3  # of a heading
_FEW = 5  # lines too few to tell a layout from
_MOST_LIKE = 3  # of one heading; what recurs more often is no chapter's
_PART = re.compile(
    r"(?:part|book|volume|teil|buch|band|partie|livre|tome|parte|libro|tomo)\b", re.IGNORECASE
)
_CONTENTS = 4  # headings with nothing between them: all but the last are of a table of contents


class Paragraph(NamedTuple):
    """[start, end) of the text, without the white space around it. level: 1 of a heading that
    begins a chapter, 2 of one that goes on with it, 0 of other text. is_verse: it keeps its
    line ends"""

    start: int
    end: int
    level: int = 0
    is_verse: bool = False


def alike_line_ends(text: str) -> str:
    """The text with every line end a newline, character for character: of a carriage return and
    a newline, the first becomes a space."""
    return re.sub("[\r\u2028\u2029]", "\n", text.replace("\r\n", " \n"))


def paragraphs(
    text: str, start: int = 0, end: int | None = None, language: str = "en"
) -> list[Paragraph]:
    """Those of text[start:end], in order. language: BCP 47

    Blank lines part them. Where lines are not filled, as where every paragraph is one line, each
    line is one; where a first line is indented, it begins one. What the edges of printed pages
    put into the text belongs to none and parts none.
    """
    shown = alike_line_ends(without_edges(text))
    end = len(text) if end is None else end
    blocks = [match.span() for match in _BLOCK.finditer(shown, start, end)]
    layout = _Layout(shown, blocks)
    found = [
        Paragraph(*_trimmed(shown, *span), is_verse=layout.is_verse(span))
        for block in blocks
        for span in layout.parts(block)
    ]
    return _with_headings(shown, _with_drop_capitals(shown, found, language), language)


def _with_drop_capitals(text: str, found: list[Paragraph], language: str) -> list[Paragraph]:
    """The paragraphs, a capital that stands alone joined to the one that it begins."""
    pack = pack_of(language)
    joined: list[Paragraph] = []
    for one in found:
        before = joined[-1] if joined else None
        if before and before.end - before.start == 1 and text[before.start].isupper():
            right = re.match(r"[^\W\d_]+", text[one.start : one.end])
            between = text[before.end : one.start]
            if right and is_drop_capital(text[before.start], between, right[0], pack):
                joined[-1] = one._replace(start=before.start)
                continue
        joined.append(one)
    return joined


class _Layout:
    """How the lines of a text are filled, as most of them are."""

    def __init__(self, text: str, blocks: Sequence[tuple[int, int]]):
        self._text = text
        self._lines = {block: [match.span() for match in _LINE.finditer(text, *block)]
                       for block in blocks}  # fmt: skip
        ends = [pair for lines in self._lines.values() for pair in pairwise(lines)]
        self._by_line = self._share_of_stops(ends) >= 0.6
        lengths = sorted(end - start for (start, end), _ in ends)
        widest = lengths[len(lengths) * 9 // 10] if len(lengths) >= 4 * _FEW else _VERSE_WIDTH
        self._width = min(widest, _UNFILLED)

    def parts(self, block: tuple[int, int]) -> Iterator[tuple[int, int]]:
        """The paragraphs of what blank lines part."""
        lines = self._lines[block]
        ends = list(pairwise(lines))
        by_line = self._share_of_stops(ends) >= 0.6 if len(ends) >= _FEW else self._by_line
        if by_line or any(end - start > _UNFILLED for (start, end), _ in ends):
            firsts = [0, *(n for n, pair in enumerate(ends, 1) if not self._goes_on(*pair))]
        else:
            firsts = [0, *self._indented(lines)]
        for first, following in pairwise([*firsts, len(lines)]):
            yield lines[first][0], lines[following - 1][1]

    def is_verse(self, span: tuple[int, int]) -> bool:
        """Whether lines end where the next one's first word had room."""
        lines = [match[0].strip() for match in _LINE.finditer(self._text, *span)]
        if len(lines) < 2 or max(map(len, lines)) >= _VERSE_WIDTH:
            return False
        if any(re.search(r"\w[-\u00ad]$", line) for line in lines):
            return False
        room = [len(line) + 1 + len(after.split()[0]) < self._width
                for line, after in pairwise(lines)]  # fmt: skip
        capitals = all(_OPENS.match(line) for line in lines) and len(lines) > 2
        return sum(room) * 2 >= len(room) or capitals

    def _goes_on(self, line: tuple[int, int], after: tuple[int, int]) -> bool:
        """Whether a sentence goes on over the end of a line."""
        stops = _STOPS.search(self._text[slice(*line)])
        return not stops and not _OPENS.match(self._text[slice(*after)])

    def _share_of_stops(self, ends: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> float:
        """Of line ends, those where a sentence ends and another begins."""
        stops = sum(
            bool(
                _STOPS.search(self._text[slice(*line)]) and _OPENS.match(self._text[slice(*after)])
            )
            for line, after in ends
        )
        return stops / len(ends) if ends else 0.0

    def _indented(self, lines: Sequence[tuple[int, int]]) -> list[int]:
        """Which lines begin paragraphs by being indented; none, where that is a verse's shape."""
        texts = [self._text[start:end] for start, end in lines]
        indents = [len(text) - len(text.lstrip()) for text in texts]
        found = [n for n in range(1, len(lines)) if indents[n] >= 2]
        is_sure = all(_STOPS.search(texts[n - 1]) and _OPENS.match(texts[n]) for n in found)
        return found if is_sure and len(found) < len(lines) - 1 else []


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    written = text[start:end]
    return start + len(written) - len(written.lstrip()), start + len(written.rstrip())


def _with_headings(text: str, found: list[Paragraph], language: str) -> list[Paragraph]:
    """The paragraphs with the levels of those that are headings."""
    headings = [_is_chapter_heading(text, one, language) for one in found]
    set_off = [_is_set_off(text, before, one) for before, one in
               zip([None, *found], found, strict=False)]  # fmt: skip
    written = Counter(text[one.start : one.end] for one in found)
    first = headings.index(True) if any(headings) else len(found)
    may_be = [
        headings[place]
        or (
            set_off[place]
            and written[text[one.start : one.end]] < _MOST_LIKE
            # Where chapters have names, what else stands apart is mostly verse.
            and (place < first or text[one.start : one.end].isupper())
        )
        for place, one in enumerate(found)
    ]
    marked = list(found)
    at = 0
    while at < len(found):
        end = at
        while end < len(found) and may_be[end]:
            end += 1
        if at < end < len(found) and _is_name_of(text, *found[end - 1 : end + 1], language):
            end += 1
        if at < end < len(found):  # nothing follows "The End"
            group = range(at, end)
            if len(group) >= _CONTENTS:
                group = group[-2:] if _is_part(text, found[end - 2]) else group[-1:]
            for number, place in enumerate(group):
                marked[place] = found[place]._replace(level=min(number, 1) + 1, is_verse=False)
        at = max(end, at + 1)
    return marked


def _is_chapter_heading(text: str, one: Paragraph, language: str) -> bool:
    """Whether it is a chapter's number or name."""
    heads = [is_heading(line, language) for line in _lines_of_heading(text, one)]
    return heads[:1] == [True] and sum(heads) == 1


def _is_set_off(text: str, before: Paragraph | None, one: Paragraph) -> bool:
    """Whether it is a short line that two blank lines set off."""
    gap = text[before.end if before else 0 : one.start].count("\n")
    written = text[one.start : one.end]
    is_name = any(map(str.isalpha, written)) and not written.islower()
    return bool(gap > 2 and is_name and _lines_of_heading(text, one) and not _STOPS.search(written))


def _is_name_of(text: str, heading: Paragraph, one: Paragraph, language: str) -> bool:
    """Whether a line names the chapter whose number stands before it."""
    is_number = names_a_number(text[heading.start : heading.end], language)
    written = text[one.start : one.end]
    is_name = written[:1].isupper() and not _STOPS.search(written) and "\n" not in written
    return is_number and is_name and bool(_lines_of_heading(text, one))


def _lines_of_heading(text: str, one: Paragraph) -> list[str]:
    """None, where it is too long for one."""
    lines = [line.strip() for line in text[one.start : one.end].splitlines()]
    fits = len(" ".join(lines)) <= _HEADING and len(lines) <= _MOST_LINES
    return lines if fits else []


def _is_part(text: str, one: Paragraph) -> bool:
    return bool(_PART.match(text, one.start, one.end))
