"""The stories that are read, and where their headings, paragraphs and notes lie.

A story is a file of `stories/`, laid out as old free etexts are. The layout alone tells
what is what: a heading stands after two blank lines, an epigraph under it is indented,
a footnote is a paragraph that begins with its mark, the licence is outside.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from aubert.text.languages import pack_of
from aubert.text.normalise import Token, tokenize

URL = "https://books.example/ebooks/"  # nothing is fetched from there

_BLOCK = re.compile(r"(?:[^\r\n]+\r?\n?)+")
_HEADING = r"(?:chapter|part)\s+\S|[IVX]+$"
_FOOTER = re.compile(r"\*\*\* END|End of the etext")
_FOOTNOTE = re.compile(r"\[\d\] |\* ")
_FOOTNOTE_MARK = re.compile(r"\[\d\]|(?<=\S)\*")
_SENTENCE_END = re.compile(r"[.?!]")
_CLAUSE_END = re.compile(r"[,;:()—–]|--")


@dataclass(frozen=True)
class Story:
    """A book's facts that its text does not tell a program."""

    id: str
    file_name: str
    title: str
    author: str
    language: str = "en"

    @property
    def slug(self) -> str:
        return self.file_name.removesuffix(".txt")

    @property
    def short(self) -> str:
        """As LibriVox shortens titles in the names of its files."""
        return self.slug.removeprefix("a_").removeprefix("the_").replace("_", "")[:10]

    @property
    def place(self) -> str:
        """Below the folder of stories."""
        return self.file_name if self.language == "en" else f"{self.language}/{self.file_name}"


_SHELF = (
    ("2301", "the_well_of_oran.txt", "The Well of Oran", "Hester Quillam"),
    ("2302", "the_platform_clock.txt", "The Platform Clock", "Ernest Tarrant"),
    ("2303", "a_light_at_st_orrin.txt", "A Light at St. Orrin", "Josiah Verrell"),
    ("2304", "the_hundredth_loaf.txt", "The Hundredth Loaf", "Tobias Fenn"),
    ("2305", "a_physician_of_the_fens.txt", "A Physician of the Fens", "Almira Stoke"),
    ("2306", "the_clockmakers_bird.txt", "The Clockmaker's Bird", "Lucy Ardern"),
    ("2307", "the_garden_behind_the_cafe.txt", "The Garden Behind the Café", "Réné Alcott"),
    ("2308", "north_of_the_quiet.txt", "North of the Quiet", "Imre Castell"),
    ("2309", "the_ferrymans_ledger.txt", "The Ferryman's Ledger", "Agnes Corrie"),
    ("2310", "the_glass_orchard.txt", "The Glass Orchard", "Philip Dauncey"),
    ("2311", "the_map_of_small_hours.txt", "The Map of Small Hours", "Beatrix Oldham"),
    ("712", "the_chess_players_of_lindow.txt", "The Chess Players of Lindow", "Walter Sayle"),
)
_OTHERS = (
    ("2401", "die_uhr_am_hafen.txt", "Die Uhr am Hafen", "Hedwig Anders", "de"),
    ("2402", "der_brief_aus_lindau.txt", "Der Brief aus Lindau", "Konrad Weil", "de"),
    ("2403", "das_haus_der_sieben_treppen.txt", "Das Haus der sieben Treppen", "Agathe Rüther",
     "de"),
    ("2404", "die_bruecke_von_altweiden.txt", "Die Brücke von Altweiden", "Josef Brandl", "de"),
    ("2405", "der_schneider_von_gruenau.txt", "Der Schneider von Grünau", "Emil Hartwig", "de"),
    ("2501", "le_phare_de_kervanou.txt", "Le Phare de Kervanou", "Yvonne Le Guen", "fr"),
    ("2502", "la_boulangere_de_la_rue_basse.txt", "La Boulangère de la rue Basse",
     "Étienne Marsan", "fr"),
    ("2503", "le_train_de_sept_heures.txt", "Le Train de sept heures", "Lucien Ferrand", "fr"),
    ("2504", "le_jardin_du_notaire.txt", "Le Jardin du notaire", "Berthe Collin", "fr"),
    ("2505", "la_chambre_aux_horloges.txt", "La Chambre aux horloges", "Adrien Vasseur", "fr"),
    ("2601", "el_reloj_de_la_plaza.txt", "El reloj de la plaza", "Remedios Arce", "es"),
    ("2602", "la_abuela_y_el_viento.txt", "La abuela y el viento", "Tomás Quiroga", "es"),
    ("2603", "el_tren_de_las_naranjas.txt", "El tren de las naranjas", "Leonor Vidal", "es"),
    ("2604", "la_biblioteca_de_arena.txt", "La biblioteca de arena", "Julián Prado", "es"),
    ("2605", "el_faro_y_la_luna.txt", "El faro y la luna", "Casilda Romero", "es"),
)  # fmt: skip
EVERY_STORY = {fields[0]: Story(*fields) for fields in (*_SHELF, *_OTHERS)}
STORIES = {id: story for id, story in EVERY_STORY.items() if story.language == "en"}


@dataclass(frozen=True)
class Sentence:
    """Tokens of the book, and the punctuation after each, for the voice."""

    tokens: tuple[Token, ...]
    marks: tuple[str, ...]


@dataclass(frozen=True)
class Paragraph:
    """A block of a chapter; kind is heading, epigraph, footnote or text."""

    kind: str
    char_start: int
    char_end: int
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True)
class Chapter:
    """One chapter in the order of the book; the heading's paragraphs come first."""

    number: int
    paragraphs: tuple[Paragraph, ...]
    footnote_marks: tuple[tuple[int, int], ...]


@cache
def story_bytes(book_id: str) -> bytes:
    """The book's file, as it is shipped."""
    stories = resources.files(__package__).joinpath("stories")
    return stories.joinpath(EVERY_STORY[book_id].place).read_bytes()


@cache
def story_text(book_id: str) -> str:
    """The book's text, decoded as `corpus.books.read_text` does."""
    data = story_bytes(book_id)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


@cache
def chapters(book_id: str) -> tuple[Chapter, ...]:
    """The chapters of a story, without what stands before the first and after the last."""
    text = story_text(book_id)
    language = EVERY_STORY[book_id].language
    tokens = tokenize(text, language)
    found: list[list[Paragraph]] = []
    for start, end in _blocks(text):
        if _FOOTER.match(text, start):
            break
        kind = _kind(text, start, end, found[-1] if found else [], language)
        if kind == "heading" and not (found and _is_subtitle(text, start, end, found[-1])):
            found.append([])
        if found:
            inside = [token for token in tokens if start <= token.char_start < end]
            found[-1].append(Paragraph(kind, start, end, sentences(text, inside, end)))
    return tuple(_chapter(text, number, blocks) for number, blocks in enumerate(found, start=1))


def _chapter(text: str, number: int, paragraphs: list[Paragraph]) -> Chapter:
    marks = [
        match.span()
        for paragraph in paragraphs
        if paragraph.kind == "text"
        for match in _FOOTNOTE_MARK.finditer(text, paragraph.char_start, paragraph.char_end)
    ]
    return Chapter(number, tuple(paragraphs), tuple(marks))


def _blocks(text: str) -> list[tuple[int, int]]:
    """[start, end) of every run of lines that are not blank, line end left out."""
    return [
        (match.start(), match.start() + len(match.group().rstrip()))
        for match in _BLOCK.finditer(text)
    ]


def _kind(text: str, start: int, end: int, chapter: list[Paragraph], language: str) -> str:
    spaced = text[:start].replace("\r", "").endswith("\n\n\n")
    one_line = "\n" not in text[start:end]
    if spaced and one_line and _heading(language).match(text[start:end]):
        return "heading"
    if _is_subtitle(text, start, end, chapter):
        return "heading"
    if text[start].isspace():
        return "epigraph"
    return "footnote" if _FOOTNOTE.match(text, start) else "text"


@cache
def _heading(language: str) -> re.Pattern:
    own = _HEADING if language == "en" else rf"{pack_of(language).heading}|[IVX]+$"
    return re.compile(own, re.IGNORECASE)


def _is_subtitle(text: str, start: int, end: int, chapter: list[Paragraph]) -> bool:
    """A line of capitals right under the heading: the chapter's name."""
    return len(chapter) == 1 and text[start:end].isupper()


def sentences(text: str, tokens: Sequence[Token], end: int) -> tuple[Sentence, ...]:
    """Splits the tokens of text[:end] into sentences. Punctuation inside a token ends none."""
    found: list[Sentence] = []
    words: list[Token] = []
    marks: list[str] = []
    for index, token in enumerate(tokens):
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        gap = text[token.char_end : following.char_start if following else end]
        ends = following is None or _ends_sentence(gap, text[following.char_start])
        words.append(token)
        marks.append(_mark(gap, ends))
        if ends:
            found.append(Sentence(tuple(words), tuple(marks)))
            words, marks = [], []
    return tuple(found)


def _ends_sentence(gap: str, first_letter: str) -> bool:
    return bool(_SENTENCE_END.search(gap)) and not first_letter.islower()


def _mark(gap: str, ends: bool) -> str:
    for mark in "?!":
        if mark in gap:
            return mark
    if ends:
        return "."
    return "," if _CLAUSE_END.search(gap) else ""
