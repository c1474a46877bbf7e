"""Where a book's own text begins and ends: licences and transcribers' notes lie outside.

Only explicit markers cut: a text without them is all body.
"""

from __future__ import annotations

import re

_EDGE = 40_000  # characters of either end in which weaker markers are believed
# What ends a header. Project Gutenberg's eBooks of all years, line by line or on one line.
_STARTS = (
    re.compile(
        r"\*{3} ?START OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)[^\n\r*]{0,200}\*{3}"
    ),
    re.compile(
        r"\*END\*? ?THE SMALL PRINT[^\n\r]{0,120}?\*END\*"
        r"|\*END THE SMALL PRINT![^\n*]*\*END\*"
    ),
)
# What may stand between the header and the book.
_NOTES = re.compile(
    r"\s*(?:E-text prepared by|Produced by|Transcribed (?:from|by)|This eBook was produced by"
    r"|This LibriVox (?:recording|text)|Text prepared by)"
    r"(?:[^\n\r]{0,400}?\.(?=\s|$)|[^\n\r]{0,400}(?=[\n\r]))",
    re.IGNORECASE,
)
_LIBRIVOX = re.compile(
    r"\s*(?:This is a LibriVox recording\.?|All LibriVox recordings are in the public domain\.?"
    r"|For more information,? or to volunteer,? please (?:visit|go to):? ?(?:www\.)?librivox\.org\.?)",
    re.IGNORECASE,
)
_ENDS = re.compile(
    r"\*{3} ?END OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)"
    r"|\*{3} ?START: FULL LICENSE"
    r"|End of (?:The |This )?Project Gutenberg(?:'s|’s)?(?: E(?:Book|text)| [A-Z])",
    re.IGNORECASE,
)
_LIBRIVOX_END = re.compile(
    r"(?:End of (?:this|the) LibriVox (?:recording|text))[^\n\r]*\s*\Z", re.IGNORECASE
)


def body(text: str) -> tuple[int, int]:
    """(char_start, char_end) of the book's own text within `text`.

    Whole when nothing marks a header or a footer, and never empty.
    """
    start, end = _header_end(text), _footer_start(text)
    if not text[start:end].strip():
        return 0, len(text)
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


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
