"""What was said in an utterance, word by word: the script that the aligners time.

Book tokens that were read come with the verbalisation that was heard ("1848" as
"eighteen forty eight"), speech that is not in the book comes from the transcript,
book text that was skipped is left out.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from aubert.text.distance import relative_distance
from aubert.text.normalise import Token, readings, tokenize


class ScriptItem(NamedTuple):
    """One spoken unit: a token of the book, or one word of the transcript (token None)."""

    token: Token | None  # offsets into the whole book
    spoken: tuple[str, ...]  # spoken words, at least one


def build_script(book_text: str, refined: Mapping, transcript_text: str) -> list[ScriptItem]:
    """The script of one utterance, in the order of speech.

    refined: a row of the refined table; its runs cover book_text[char_start:char_end]
    and the transcript. A token (or word of the transcript) that crosses the border of
    two runs belongs to the run that holds its middle. Of a token with several readings
    the one is taken that resembles the transcript most, the default one when they tie.
    """
    language = refined["language"]
    tokens = _tokens(book_text, refined["char_start"], refined["char_end"], language)
    words = [(m.start(), m.end(), m[0]) for m in re.finditer(r"\S+", transcript_text)]
    script: list[ScriptItem] = []
    for run in refined["runs"]:
        if run["label"] == "SKIPPED":
            continue
        heard = [word for start, end, word in words if _inside(start, end, run, "text")]
        if run["label"] == "EXTRA":
            script.extend(ScriptItem(None, (word,)) for word in heard)
            continue
        read = [t for t in tokens if _inside(t.char_start, t.char_end, run, "char")]
        choices = [_choices(book_text, token, language) for token in read]
        script.extend(map(ScriptItem, read, choose_readings(choices, heard)))
    return script


def _tokens(book_text: str, start: int, end: int, language: str) -> list[Token]:
    tokens = _book_tokens(book_text, language)
    first = bisect_left(tokens, start, key=lambda token: token.char_start)
    last = bisect_left(tokens, end, key=lambda token: token.char_start)
    return tokens[first:last]


@lru_cache(maxsize=2)
def _book_tokens(book_text: str, language: str) -> list[Token]:
    # Of the whole book, for what surrounds an utterance decides how its tokens are read; and
    # once, for tokenising a book for each of its utterances would be quadratic.
    return tokenize(book_text, language)


def _inside(start: int, end: int, run: Mapping, side: str) -> bool:
    return run[f"{side}_start"] <= (start + end) // 2 < run[f"{side}_end"]


def _choices(book_text: str, token: Token, language: str) -> tuple[tuple[str, ...], ...]:
    others = readings(book_text[token.char_start : token.char_end], language)
    return (token.spoken, *(other for other in others if other and other != token.spoken))


def choose_readings(
    choices: Sequence[Sequence[tuple[str, ...]]], heard: Sequence[str]
) -> list[tuple[str, ...]]:
    """One reading per token: those that are together nearest to the words heard.

    choices: per token its readings, the default first. Dynamic programming over the
    lattice of readings; a missing or additional word costs 1, another word costs its
    normalised Levenshtein distance, so that a misheard number still counts as near.
    """
    if all(len(options) == 1 for options in choices):
        return [options[0] for options in choices]
    costs = [float(position) for position in range(len(heard) + 1)]
    steps: list[list[tuple[int, int]]] = []  # per token and end position: (reading, start)
    for options in choices:
        best: list[tuple[float, int, int]] = []
        for index, reading in enumerate(options):
            paths = [(cost, index, start) for start, cost in enumerate(costs)]
            for word in reading:
                paths = _advance(paths, word, heard)
            best = [min(a, b) for a, b in zip(best, paths, strict=True)] if best else paths
        costs = [cost for cost, _, _ in best]
        steps.append([(index, start) for _, index, start in best])
    chosen: list[tuple[str, ...]] = []
    position = len(heard)
    for options, step in zip(reversed(choices), reversed(steps), strict=True):
        index, position = step[position]
        chosen.append(options[index])
    return chosen[::-1]


def _advance(
    paths: list[tuple[float, int, int]], word: str, heard: Sequence[str]
) -> list[tuple[float, int, int]]:
    """The edit-distance row after one more word; each cell carries where its token began."""
    row = [_plus(paths[0], 1.0)]
    for position, other in enumerate(heard):
        substitution = relative_distance(word, other)
        row.append(
            min(
                _plus(paths[position], substitution),
                _plus(paths[position + 1], 1.0),
                _plus(row[position], 1.0),
            )
        )
    return row


def _plus(path: tuple[float, int, int], cost: float) -> tuple[float, int, int]:
    return (path[0] + cost, path[1], path[2])
