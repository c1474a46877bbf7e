"""Who reads what: the voices, the splits, and the chapters that are recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aubert.mini.books import EVERY_STORY, STORIES
from aubert.text.espeak import Voice

SUBSET = "small"
UNKNOWN_BOOK_ID = "990099"  # in one recording's json, and in no book_meta


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A speaker of the corpus."""

    id: str
    name: str
    voice: Voice
    has_voice_activity: bool = True  # whether the jsons of this speaker hold it


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One chapter of one book, read by one speaker: one recording."""

    reader: str
    book_id: str
    chapter: int
    stated_book_id: str  # as the recording's json states it

    @property
    def recording_id(self) -> str:
        story = EVERY_STORY[self.book_id]
        book_dir = f"{story.slug}_{story.id}_librivox_64kb_mp3"
        surname = story.author.split()[-1].lower()
        chapter = f"{story.short}_{self.chapter:02}_{surname}_64kb"
        return f"{SUBSET}/{self.reader}/{book_dir}/{chapter}"


# espeak's rates are nominal; accents that a recogniser trained on American speech cannot
# follow (Scottish, Caribbean) are left out.
_READERS = (
    Reader(id="14", name="Clara Munn", voice=Voice(name="en-us+f2", rate_wpm=172)),
    Reader(id="61", name="Peter Hale", voice=Voice(name="gmw/en-GB-x-rp+m3", rate_wpm=178)),
    Reader(id="118", name="Owen Price", voice=Voice(name="en-us+m7", rate_wpm=182, pitch=42)),
    Reader(
        id="203",
        name="Marta Lind",
        voice=Voice(name="gmw/en-US-nyc+f2", rate_wpm=174, pitch=44),
        has_voice_activity=False,
    ),
    Reader(id="311", name="Hugh Barr", voice=Voice(name="en-us+john", rate_wpm=170)),
    Reader(
        id="405",
        name="June Abbot",
        voice=Voice(name="en-us+f4", rate_wpm=186, pitch=58, pitch_range=60),
    ),
    Reader(
        id="512",
        name="Lewis Grey",
        voice=Voice(name="en-us+m2", rate_wpm=184, pitch=55, pitch_range=65),
    ),
    Reader(id="640", name="Edith Lowry", voice=Voice(name="gmw/en-GB-x-rp+f2", rate_wpm=176)),
    Reader(id="777", name="Frank Dell", voice=Voice(name="en-us+Mario", rate_wpm=180, pitch=40)),
    Reader(
        id="845",
        name="Ruth Amory",
        voice=Voice(name="gmw/en+f5", rate_wpm=176, pitch=44),
        has_voice_activity=False,
    ),
)
READERS = {reader.id: reader for reader in _READERS}

UNSEEN_SPEAKERS = ("777", "845")
HELD_OUT_BOOKS = ("2308", "712")
TRAIN_SPEAKERS = tuple(id for id in READERS if id not in UNSEEN_SPEAKERS)
TRAIN_BOOKS = tuple(id for id in STORIES if id not in HELD_OUT_BOOKS)

_READINGS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("14", "2301", (1, 2)),
    ("61", "2302", (1,)),
    ("61", "712", (1,)),
    ("118", "2303", (1, 2, 3)),  # a whole book
    ("203", "2304", (1,)),
    ("203", "2308", (2,)),
    ("311", "2305", (1, 2)),
    ("405", "2306", (1,)),
    ("512", "2307", (1,)),
    ("640", "2301", (3,)),
    ("640", "2304", (3,)),
    ("777", "2308", (1,)),
    ("777", "2306", (2,)),
    ("845", "712", (2,)),
)
_STATES_UNKNOWN_BOOK = ("640", "2304", 3)

ASSIGNMENTS = tuple(
    Assignment(
        reader=reader,
        book_id=book_id,
        chapter=chapter,
        stated_book_id=(
            UNKNOWN_BOOK_ID if (reader, book_id, chapter) == _STATES_UNKNOWN_BOOK else book_id
        ),
    )
    for reader, book_id, numbers in _READINGS
    for chapter in numbers
)


@dataclass(frozen=True, kw_only=True)
class Cast:
    """The readers of one language's corpus, and what they read.

    times: by how many training voices each passage is read in the labelled split
    """

    language: str
    readers: Mapping[str, Reader]
    unseen_speakers: tuple[str, ...]
    held_out_books: tuple[str, ...]
    assignments: tuple[Assignment, ...]
    times: int

    @property
    def train_speakers(self) -> tuple[str, ...]:
        return tuple(id for id in self.readers if id not in self.unseen_speakers)

    @property
    def books(self) -> tuple[str, ...]:
        return tuple(id for id, s in EVERY_STORY.items() if s.language == self.language)

    @property
    def train_books(self) -> tuple[str, ...]:
        return tuple(id for id in self.books if id not in self.held_out_books)


# Of each voice its id, a name, the variant of espeak-ng's voice and how it speaks.
_OTHER_VOICES: dict[str, tuple[tuple[str, str, str, int, int], ...]] = {
    "de": (
        ("21", "Anna Weber", "gmw/de+f2", 165, 50), ("22", "Karl Voss", "gmw/de+m3", 172, 50),
        ("23", "Jonas Behr", "gmw/de+m7", 170, 42), ("24", "Lena Kurz", "gmw/de+f4", 176, 58),
        ("25", "Uwe Stein", "gmw/de+john", 164, 50), ("26", "Ilse Hahn", "gmw/de+f5", 170, 44),
        ("27", "Paul Rieck", "gmw/de+m2", 178, 55), ("28", "Max Ott", "gmw/de+m1", 168, 46),
        ("29", "Otto Lang", "gmw/de+Mario", 170, 40), ("30", "Ruth Adler", "gmw/de+f3", 168, 48),
    ),
    "fr": (
        ("31", "Anne Morel", "roa/fr+f2", 165, 50), ("32", "Jean Petit", "roa/fr+m3", 172, 50),
        ("33", "Luc Garnier", "roa/fr+m7", 170, 42), ("34", "Zoé Faure", "roa/fr+f4", 176, 58),
        ("35", "Marc Roche", "roa/fr-BE+john", 164, 50), ("36", "Inès Roux", "roa/fr+f5", 170, 44),
        ("37", "Paul Henry", "roa/fr-CH+m2", 178, 55), ("38", "Yves Colin", "roa/fr+m1", 168, 46),
        ("39", "Alain Noël", "roa/fr+Mario", 170, 40), ("40", "Rose Blanc", "roa/fr+f3", 168, 48),
    ),
    "es": (
        ("41", "Ana Gil", "roa/es+f2", 165, 50), ("42", "Luis Vega", "roa/es+m3", 172, 50),
        ("43", "Juan Sanz", "roa/es+m7", 170, 42), ("44", "Eva Ríos", "roa/es-419+f4", 176, 58),
        ("45", "Raúl Soto", "roa/es+john", 164, 50), ("46", "Pilar Mora", "roa/es+f5", 170, 44),
        ("47", "Hugo Paz", "roa/es-419+m2", 178, 55), ("48", "Iván Rey", "roa/es+m1", 168, 46),
        ("49", "Óscar Cruz", "roa/es+Mario", 170, 40), ("50", "Rosa León", "roa/es+f3", 168, 48),
    ),
}  # fmt: skip
# (voice, book, chapter), as places in the language's lists; the last book is held out, the last
# two voices are unseen.
_OTHER_READINGS = (
    (0, 0, 1), (0, 0, 2), (1, 1, 1), (2, 1, 2), (3, 2, 1), (3, 2, 2), (4, 3, 1), (5, 3, 2),
    (6, 4, 1), (7, 4, 2), (8, 4, 2), (8, 0, 1), (9, 4, 1), (9, 2, 2),
)  # fmt: skip


def _other_cast(language: str) -> Cast:
    readers = tuple(
        Reader(
            id=id,
            name=name,
            voice=Voice(name=voice, rate_wpm=rate_wpm, pitch=pitch),
            has_voice_activity=id[1] not in "49",
        )
        for id, name, voice, rate_wpm, pitch in _OTHER_VOICES[language]
    )
    books = [id for id, story in EVERY_STORY.items() if story.language == language]
    return Cast(
        language=language,
        readers={reader.id: reader for reader in readers},
        unseen_speakers=tuple(reader.id for reader in readers[-2:]),
        held_out_books=(books[-1],),
        assignments=tuple(
            Assignment(
                reader=readers[voice].id,
                book_id=books[book],
                chapter=chapter,
                stated_book_id=books[book],
            )
            for voice, book, chapter in _OTHER_READINGS
        ),
        times=7,
    )


CASTS = {
    "en": Cast(
        language="en",
        readers=READERS,
        unseen_speakers=UNSEEN_SPEAKERS,
        held_out_books=HELD_OUT_BOOKS,
        assignments=ASSIGNMENTS,
        times=2,
    ),
    **{language: _other_cast(language) for language in _OTHER_VOICES},
}
EVERY_READER = {id: reader for cast in CASTS.values() for id, reader in cast.readers.items()}
