"""Which part of a book was read."""

from __future__ import annotations

from collections.abc import Iterable

from aubert.text.boilerplate import body


def coverage(text: str, refined: Iterable[dict]) -> list[tuple[str, int, int]]:
    """(label, char_start, char_end) over the whole body of the book, in order, without gap.

    READ where a READ run of any row of `refined` lies, SKIPPED elsewhere. Neighbouring
    spans that only white space and punctuation part are one READ stretch.
    """
    start, end = body(text)
    spans = sorted(
        (max(start, run["char_start"]), min(end, run["char_end"]))
        for row in refined
        for run in row["runs"]
        if run["label"] == "READ"
    )
    stretches: list[tuple[str, int, int]] = []
    place = start
    for span_start, span_end in spans:
        if span_end <= place:
            continue
        if any(character.isalnum() for character in text[place:span_start]):
            stretches.append(("SKIPPED", place, span_start))
            place = span_start
        if stretches and stretches[-1][0] == "READ":
            stretches[-1] = ("READ", stretches[-1][1], span_end)
        else:
            stretches.append(("READ", place, span_end))
        place = span_end
    if any(character.isalnum() for character in text[place:end]) or not stretches:
        return [*stretches, ("SKIPPED", place, end)]
    return [*stretches[:-1], (stretches[-1][0], stretches[-1][1], end)]
