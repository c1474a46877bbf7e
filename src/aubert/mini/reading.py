"""How a reader reads a chapter: the spoken words in order, and the pauses.

A reading is decided before it is synthesised. It holds what makes recordings differ from books:
announcements, skipped sentences, asides, repeated words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from aubert.mini.books import (
    EVERY_STORY,
    Chapter,
    Paragraph,
    Sentence,
    chapters,
    sentences,
    story_text,
)
from aubert.mini.phrases import PHRASES
from aubert.text.languages import pack_of
from aubert.text.normalise import tokenize

_PARAGRAPH_BREAK = re.compile(r"\n[^\S\n]*\n")


@dataclass(frozen=True)
class SpokenWord:
    """One word of the reading. EXTRA words have no place in the book."""

    label: Literal["READ", "EXTRA"]
    written: str  # READ: book[char_start:char_end]
    spoken: tuple[str, ...]
    mark: str  # punctuation after it, for the voice
    char_start: int | None = None
    char_end: int | None = None
    quoted: bool = False  # inside quotation marks
    emphasised: bool = False  # in italics, which old etexts write _so_


@dataclass(frozen=True)
class Line:
    """A sentence as it is read, and the silence after it."""

    words: tuple[SpokenWord, ...]
    pause_s: float


@dataclass(frozen=True)
class Skip:
    """Book text inside the chapter that is not read; a reason of reference_skips."""

    char_start: int
    char_end: int
    reason: str


@dataclass
class Reading:
    """A chapter as one reader reads it."""

    lines: list[Line] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)


def read_chapter(
    book_id: str, number: int, reader_name: str, random: np.random.Generator
) -> Reading:
    """Decides how `reader_name` reads chapter `number`; all choices come from `random`."""
    text = story_text(book_id)
    chapter = chapters(book_id)[number - 1]
    language = EVERY_STORY[book_id].language
    phrases, facts = PHRASES[language], _facts(book_id, number, reader_name)
    reads_heading = random.random() < 0.5
    skipped = _choose_skipped(text, chapter, random) if random.random() < 0.6 else None
    reading = Reading(skips=[Skip(*span, "footnote") for span in chapter.footnote_marks])
    _announce(reading, str(random.choice(phrases.preambles)).format(**facts), random, language)
    for paragraph in chapter.paragraphs:
        if paragraph.kind == "text" or (paragraph.kind == "heading" and reads_heading):
            _read_paragraph(reading, text, paragraph, skipped, random, language)
        else:
            span = (paragraph.char_start, paragraph.char_end)
            reading.skips.append(Skip(*span, paragraph.kind))
    _add_slips(reading, random, language)
    if random.random() < 0.7:
        _announce(reading, str(random.choice(phrases.closings)).format(**facts), random, language)
    reading.skips.sort(key=lambda skip: skip.char_start)
    return reading


def read_plainly(text: str, passage: Sequence[Sentence], language: str = "en") -> list[Line]:
    """The sentences as they stand, with short pauses: an utterance of the labelled split."""
    return [Line(_spoken_words(text, sentence, language), pause_s=0.35) for sentence in passage]


def _facts(book_id: str, number: int, reader_name: str) -> dict[str, str]:
    story = EVERY_STORY[book_id]
    return {
        "n": " ".join(pack_of(story.language).numbers.readings(str(number))[0]),
        "title": story.title,
        "author": story.author,
        "reader": reader_name,
    }


def _choose_skipped(text: str, chapter: Chapter, random: np.random.Generator) -> Sentence | None:
    """A sentence from inside the chapter; none of a refrain, which comes twice by intent."""
    inside = [
        sentence
        for paragraph in chapter.paragraphs
        if paragraph.kind == "text"
        for sentence in paragraph.sentences
    ][2:-2]
    fitting = [
        sentence
        for sentence in inside
        if 6 <= len(sentence.tokens) <= 22 and text.count(_written(text, sentence)) == 1
    ]
    return fitting[random.integers(len(fitting))] if fitting else None


def _read_paragraph(
    reading: Reading,
    text: str,
    paragraph: Paragraph,
    skipped: Sentence | None,
    random: np.random.Generator,
    language: str,
) -> None:
    for sentence in paragraph.sentences:
        if sentence is skipped:
            reading.skips.append(Skip(*_span(sentence), "skipped_sentence"))
        else:
            pause_s = random.uniform(0.25, 0.6)
            reading.lines.append(Line(_spoken_words(text, sentence, language), pause_s))
    if reading.lines:
        last = reading.lines[-1]
        reading.lines[-1] = replace(last, pause_s=last.pause_s + random.uniform(0.3, 0.9))


def _add_slips(reading: Reading, random: np.random.Generator, language: str) -> None:
    """Long pauses, an aside and a repeated word, each in some readings."""
    from_book = [i for i, line in enumerate(reading.lines) if _from_book(line)]
    body = from_book[1:-1]
    if random.random() < 0.6:
        for place in random.choice(body, size=random.integers(1, 3), replace=False):
            line = reading.lines[place]
            reading.lines[place] = replace(line, pause_s=random.uniform(3, 8))
    if random.random() < 0.6:
        place = random.choice(body)
        reading.lines[place] = _stammer(reading.lines[place], random)
    if random.random() < 0.4:
        aside = _extra_lines(str(random.choice(PHRASES[language].asides)), random, language)
        # Not beside skipped text: whether that is missing before or after the aside is undecidable.
        place = random.choice([place for place in body if not _skips_before(reading, place)])
        reading.lines[place:place] = aside


def _skips_before(reading: Reading, place: int) -> bool:
    """Whether book text is left out between line place - 1 and line place."""
    start = _from_book(reading.lines[place - 1])[-1].char_end
    end = _from_book(reading.lines[place])[0].char_start
    return any(start <= skip.char_start < end for skip in reading.skips)


def _from_book(line: Line) -> list[SpokenWord]:
    return [word for word in line.words if word.label == "READ"]


def _stammer(line: Line, random: np.random.Generator) -> Line:
    """The line with one of its words repeated; the first time is EXTRA."""
    place = random.integers(len(line.words))
    word = line.words[place]
    false_start = SpokenWord("EXTRA", " ".join(word.spoken), word.spoken, ",")
    return replace(line, words=(*line.words[:place], false_start, *line.words[place:]))


def _announce(reading: Reading, text: str, random: np.random.Generator, language: str) -> None:
    reading.lines += _extra_lines(text, random, language)
    last = reading.lines[-1]
    reading.lines[-1] = replace(last, pause_s=random.uniform(0.8, 2.0))


def _extra_lines(text: str, random: np.random.Generator, language: str) -> list[Line]:
    lines = []
    for sentence in sentences(text, tokenize(text, language), len(text)):
        words = [
            SpokenWord("EXTRA", " ".join(token.spoken), token.spoken, mark)
            for token, mark in zip(sentence.tokens, sentence.marks, strict=True)
        ]
        lines.append(Line(tuple(words), random.uniform(0.3, 0.6)))
    return lines


def _span(sentence: Sentence) -> tuple[int, int]:
    return sentence.tokens[0].char_start, sentence.tokens[-1].char_end


def _written(text: str, sentence: Sentence) -> str:
    start, end = _span(sentence)
    return text[start:end]


def _spoken_words(text: str, sentence: Sentence, language: str) -> tuple[SpokenWord, ...]:
    opening, closing = PHRASES[language].quotes
    words = []
    for token, mark in zip(sentence.tokens, sentence.marks, strict=True):
        before = _before_in_paragraph(text, token.char_start)
        num_open = before.count(opening) - before.count(closing) + before.count('"') % 2
        words.append(
            SpokenWord(
                "READ",
                text[token.char_start : token.char_end],
                token.spoken,
                mark,
                token.char_start,
                token.char_end,
                quoted=num_open > 0,
                emphasised=before.count("_") % 2 == 1,
            )
        )
    return tuple(words)


def _before_in_paragraph(text: str, place: int) -> str:
    breaks = [match.end() for match in _PARAGRAPH_BREAK.finditer(text, 0, place)]
    return text[breaks[-1] if breaks else 0 : place]
