"""What was spoken in an utterance, word by word: the script that the aligners time.

Book tokens that were read come with the verbalisation that was recognised ("1848" as
"eighteen forty eight"), speech that is not in the book comes from the transcript,
book text that was skipped is left out.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, groupby
from typing import NamedTuple

from aubert.align.gaps import Step, align_gap
from aubert.text.boilerplate import LONGEST_HEADING
from aubert.text.distance import relative_distance
from aubert.text.headings import is_heading
from aubert.text.normalise import Token, readings, tokenize

_BRACKETED = 200  # characters; a longer stretch in brackets is text like any other
_AROUND = 300  # characters on each side, which tell whether capitals are a mark
_LINE_END = re.compile(r"[\r\n]")


class ScriptItem(NamedTuple):
    """One spoken unit: a token of the book, or one word of the transcript (token None).

    optional: the audio decides whether it was read
    """

    token: Token | None  # offsets into the whole book
    spoken: tuple[str, ...]  # spoken words, at least one
    optional: bool = False


def build_script(book_text: str, refined: Mapping, transcript_text: str) -> list[ScriptItem]:
    """The script of one utterance, in the order of speech.

    refined: a row of the refined table; its runs cover the transcript. A token (or word of the
    transcript) that crosses the border of two runs belongs to the run that holds its middle. Of
    a token with several readings the one is taken that resembles the transcript most, the
    default one when they tie.
    """
    language = refined["language"]
    words = [(m.start(), m.end(), m[0]) for m in re.finditer(r"\S+", transcript_text)]
    script: list[ScriptItem] = []
    for run in refined["runs"]:
        if run["label"] == "SKIPPED":
            continue
        recognised = [
            word
            for start, end, word in words
            if run["text_start"] <= (start + end) // 2 < run["text_end"]
        ]
        if run["label"] == "EXTRA":
            script.extend(ScriptItem(None, (word,)) for word in recognised)
            continue
        read = _tokens(book_text, run["char_start"], run["char_end"], language)
        choices = [_choices(book_text, token, language) for token in read]
        spoken = choose_readings(choices, recognised)
        script.extend(
            map(ScriptItem, read, spoken, _doubtful(book_text, language, read, spoken, recognised))
        )
    return script


def _doubtful(
    book_text: str,
    language: str,
    tokens: Sequence[Token],
    spoken: Sequence[tuple[str, ...]],
    recognised: Sequence[str],
) -> list[bool]:
    """Of each token, whether there is a reason to doubt that it was read.

    Either the words on both sides were recognised and none between, or it is of a kind that is
    often printed and not read (a language model of the book makes the recogniser write such words,
    too). Elsewhere, as in another language, the recogniser says little, and what is written counts
    as read.
    """
    missing = _missing([word for words in spoken for word in words], recognised)
    ends = accumulate(len(words) for words in spoken)
    return [
        all(missing[end - len(words) : end]) or _is_mark(book_text, token, language)
        for token, words, end in zip(tokens, spoken, ends, strict=True)
    ]


def _missing(written: list[str], recognised: Sequence[str]) -> list[bool]:
    """Of each word, whether it stands between words that were recognised, with none opposite."""
    missing = [False] * len(written)
    groups = [
        (kind, list(group)) for kind, group in groupby(align_gap(list(recognised), written), _kind)
    ]
    edge = [("equal", [])]
    for (before, _), (kind, steps), (after, _) in zip(
        edge + groups[:-1], groups, groups[1:] + edge, strict=True
    ):
        if (before, kind, after) == ("equal", "missing", "equal"):
            first, last = steps[0].book, steps[-1].book_end
            missing[first:last] = [True] * (last - first)
    return missing


def _kind(step: Step) -> str:
    if step.text == step.text_end:
        return "missing"
    return "equal" if step.cost == 0.0 else "other"


def _is_mark(text: str, token: Token, language: str) -> bool:
    """Whether a token looks like a note's mark, a verse number, a speaker's name or a direction:
    it holds a digit, is in capitals or stands in square brackets. Readers read the capitals of
    headings ("ACT I"), and a text that is all in capitals."""
    written = text[token.char_start : token.char_end]
    if any(character.isdigit() for character in written):
        return True
    if len(written) > 1 and written.isupper():
        return not _is_all_capitals(text, token) and not is_heading(_line(text, token), language)
    before = text[max(0, token.char_start - _BRACKETED) : token.char_start]
    return before.rfind("[") > before.rfind("]")


def _is_all_capitals(text: str, token: Token) -> bool:
    """Whether more than four of five letters around a token are capitals."""
    around = text[max(0, token.char_start - _AROUND) : token.char_end + _AROUND]
    return sum(map(str.isupper, around)) > 4 * sum(map(str.islower, around))


def _line(text: str, token: Token) -> str:
    """The line that a token begins on; nothing where it is longer than a heading."""
    at = token.char_start
    before = _LINE_END.split(text[max(0, at - LONGEST_HEADING) : at])[-1]
    line = before + _LINE_END.split(text[at : at + LONGEST_HEADING + 1], maxsplit=1)[0]
    return line if len(line) <= LONGEST_HEADING else ""


def _tokens(book_text: str, start: int, end: int, language: str) -> list[Token]:
    """The tokens whose middle is in book_text[start:end]."""
    tokens = _book_tokens(book_text, language)
    first, last = (bisect_left(tokens, place, key=_middle) for place in (start, end))
    return tokens[first:last]


def _middle(token: Token) -> int:
    return (token.char_start + token.char_end) // 2


@lru_cache(maxsize=2)
def _book_tokens(book_text: str, language: str) -> list[Token]:
    # Of the whole book, for what surrounds an utterance decides how its tokens are read; and
    # once, for tokenising a book for each of its utterances would be quadratic.
    return tokenize(book_text, language)


def _choices(book_text: str, token: Token, language: str) -> tuple[tuple[str, ...], ...]:
    others = readings(book_text[token.char_start : token.char_end], language)
    return (token.spoken, *(other for other in others if other and other != token.spoken))


def choose_readings(
    choices: Sequence[Sequence[tuple[str, ...]]], recognised: Sequence[str]
) -> list[tuple[str, ...]]:
    """One reading per token: those that are together nearest to the recognised words.

    choices: per token its readings, the default first. Dynamic programming over the
    lattice of readings; a missing or additional word costs 1, another word costs its
    normalised Levenshtein distance, so that a misrecognised number still counts as near.
    """
    if all(len(options) == 1 for options in choices):
        return [options[0] for options in choices]
    costs = [float(position) for position in range(len(recognised) + 1)]
    steps: list[list[tuple[int, int]]] = []  # per token and end position: (reading, start)
    for options in choices:
        best: list[tuple[float, int, int]] = []
        for index, reading in enumerate(options):
            paths = [(cost, index, start) for start, cost in enumerate(costs)]
            for word in reading:
                paths = _advance(paths, word, recognised)
            best = [min(a, b) for a, b in zip(best, paths, strict=True)] if best else paths
        costs = [cost for cost, _, _ in best]
        steps.append([(index, start) for _, index, start in best])
    chosen: list[tuple[str, ...]] = []
    position = len(recognised)
    for options, step in zip(reversed(choices), reversed(steps), strict=True):
        index, position = step[position]
        chosen.append(options[index])
    return chosen[::-1]


def _advance(
    paths: list[tuple[float, int, int]], word: str, recognised: Sequence[str]
) -> list[tuple[float, int, int]]:
    """The edit-distance row after one more word; each cell carries where its token began."""
    row = [_plus(paths[0], 1.0)]
    for position, other in enumerate(recognised):
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
