"""Which part of a book was read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from aubert.text.boilerplate import body

_CLOSING = re.compile(r"[.,;:!?…'\"’”)\]}»_]*")
_OPENING = re.compile(r"[(\[{¿¡«“\"‘'_]*\Z")


def read_spans(
    runs: Iterable[Mapping], words: Iterable[tuple[int, int]], text: str
) -> list[tuple[int, int]]:
    """The stretches of the book that an utterance reads: (char_start, char_end), in order.

    runs: of its row of `refined`. words: (char_start, char_end) of its rows of `words`.
    What stands in a READ run and has no word was printed and not read. Without words, which an
    utterance may lack that could not be aligned, its READ runs count as they are.
    """
    words = sorted(words)
    spans: list[tuple[int, int]] = []
    for run in runs:
        if run["label"] != "READ":
            continue
        start, end = run["char_start"], run["char_end"]
        own = [word for word in words if start <= sum(word) // 2 < end]
        if words and not own:
            continue
        place = start
        for word_start, word_end in [*own, (end, end)] if own else []:
            if _is_written(text[place:word_start]):
                spans.append((start, _CLOSING.match(text, place, word_start).end()))
                start = _OPENING.search(text, place, word_start).start()
            place = word_end
        spans.append((start, end))
    return [(start, end) for start, end in spans if _is_written(text[start:end])]


def coverage(text: str, spans: Iterable[tuple[int, int]]) -> list[tuple[str, int, int]]:
    """(label, char_start, char_end) over the whole body of the book, in order, without gap.

    READ where any of the spans (`read_spans`) lies, SKIPPED elsewhere. Neighbouring spans that
    only white space and punctuation part are one READ stretch.
    """
    start, end = body(text)
    stretches: list[tuple[str, int, int]] = []
    place = start
    for span_start, span_end in sorted((max(start, a), min(end, b)) for a, b in spans):
        if span_end <= place:
            continue
        if _is_written(text[place:span_start]):
            stretches.append(("SKIPPED", place, span_start))
            place = span_start
        if stretches and stretches[-1][0] == "READ":
            stretches[-1] = ("READ", stretches[-1][1], span_end)
        else:
            stretches.append(("READ", place, span_end))
        place = span_end
    if _is_written(text[place:end]) or not stretches:
        return [*stretches, ("SKIPPED", place, end)]
    return [*stretches[:-1], (stretches[-1][0], stretches[-1][1], end)]


def _is_written(text: str) -> bool:
    return any(character.isalnum() for character in text)
