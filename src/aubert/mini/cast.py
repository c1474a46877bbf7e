"""Who reads what: the voices, the splits, and the chapters that are recorded."""

from __future__ import annotations

from dataclasses import dataclass

from aubert.mini.books import STORIES
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
        story = STORIES[self.book_id]
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
