"""Where a book's own text begins and ends: licences and transcribers' notes lie outside.

Only explicit markers cut: a text without them is all body.
"""

from __future__ import annotations

import re
from functools import cache

from aubert.text.languages import pack_of
from aubert.text.paragraphs import alike_line_ends, is_heading

_EDGE = 40_000  # characters of either end in which weaker markers are believed
LONGEST_HEADING = 80  # characters
# What ends a header. Project Gutenberg's eBooks of all years, line by line or on one line.
_STARTS = (
    re.compile(
        r"\*{3} ?START OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)[^\n\r*]{0,200}\*{3}"
    ),
    re.compile(
        r"\*END\*? ?THE SMALL PRINT[^\n\r]{0,120}?\*END\*"
        r"|\*END THE SMALL PRINT![^\n*]*\*END\*"
    ),
    # The oldest etexts: the notice goes on to the first gap of two blank lines.
    re.compile(r"\*{5} ?This file should be named[^\n]{0,200}\*{5}[\s\S]{0,3000}?\n\s*?\n\s*?\n"),
)
# What may stand between the header and the book.
_NOTES = re.compile(
    r"\s*(?:E-text prepared by|Produced by|Transcribed (?:from|by)|This eBook was produced by"
    r"|This LibriVox (?:recording|text)|Text prepared by)"
    r"(?:[^\n\r]{0,400}(?=[\n\r])|[^\n\r]{0,400}?(?<!\b[A-Z])\.(?=\s|\Z))",  # "by A. Reader."
    re.IGNORECASE,
)
_LIBRIVOX = re.compile(
    r"\s*(?:This is a LibriVox recording\.?|All LibriVox recordings are in the public domain\.?"
    r"|For more information,? or to volunteer,? please (?:visit|go to):? ?"
    r"(?:www\.)?librivox\.org\.?)",
    re.IGNORECASE,
)
_ENDS = re.compile(
    r"\*{3} ?END OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)"
    r"|\*{3} ?START: FULL LICENSE"
    r"|End of (?:The |This )?(?:Project Gutenberg(?:'s|’s)?(?: E(?:Book|text)| [A-Z])|E-?text of )",
    re.IGNORECASE,
)
_LIBRIVOX_END = re.compile(
    r"(?:End of (?:this|the) LibriVox (?:recording|text))[^\n\r]*\s*\Z", re.IGNORECASE
)

_PARAGRAPH = re.compile(r"\S[^\n]*(?:\n(?![ \t]*\r?\n)[^\n]*)*")


def body(text: str) -> tuple[int, int]:
    """(char_start, char_end) of the book's own text within `text`.

    Whole when nothing marks a header or a footer, and never empty.
    """
    text = alike_line_ends(text)
    start, end = _header_end(text), _footer_start(text)
    if not text[start:end].strip():
        return 0, len(text)
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def front_matter(text: str, start: int, end: int, language: str = "en") -> int:
    """Where the first chapter's heading begins within text[start:end]; `start` without one.

    language: BCP 47. A title, a byline and a table of contents stand before it. They are announced
    rather than read, in words that the text has elsewhere too.
    """
    text = alike_line_ends(text)
    heading = _heading(language)
    headings: list[tuple[int, int]] = []  # (number of the paragraph, where it begins)
    for number, match in enumerate(_PARAGRAPH.finditer(text, start, min(end, start + _EDGE))):
        lines = [line for line in match.group().splitlines() if line.strip()]
        words = match.group().split()
        heads = [bool(heading.match(line.strip())) for line in lines]
        if heads[0] and sum(heads) == 1 and len(lines) <= 3:
            headings.append((number, match.start()))
        elif (
            sum(heads) <= 1 and len(words) >= 12 and len(words) >= 6 * len(lines)
        ):  # the first prose or verse
            near = [place for at, place in headings if number - at <= 4]
            return near[0] if near else start
    return start


def heads_chapter(paragraph: str, language: str = "en") -> bool:
    """Whether a paragraph may be a chapter's heading: "CHAPTER X. The End", "XII", "3. The Road".

    language: BCP 47
    """
    text = paragraph.strip()
    return len(text) <= LONGEST_HEADING and bool(is_heading(text) or _heading(language).match(text))


@cache
def _heading(language: str) -> re.Pattern:
    return re.compile(rf"{pack_of(language).heading}|[IVXLC]+\.?$", re.IGNORECASE)


def _header_end(text: str) -> int:
    head = text[:_EDGE]
    ends = [match.end() for pattern in _STARTS for match in pattern.finditer(head)]
    start = max(ends, default=0)
    patterns = (_NOTES, _LIBRIVOX) if start else (_LIBRIVOX,)
    found = True
    while found:
        found = False
        for pattern in patterns:
            if match := pattern.match(text, start):
                start, found = match.end(), True
    return start


def _footer_start(text: str) -> int:
    # The words "Project Gutenberg" belong to no older book, wherever they stand; a header
    # holds none of these.
    if match := _ENDS.search(text):
        return match.start()
    tail = max(0, len(text) - _EDGE)
    if match := _LIBRIVOX_END.search(text, tail):
        return match.start()
    return len(text)
