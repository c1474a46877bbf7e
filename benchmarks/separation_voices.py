"""Voices by the dozen, spoken by espeak-ng: what a training of deep clustering wants most."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

from aubert.mini.books import STORIES, chapters, story_text
from aubert.mini.cast import READERS
from aubert.mini.files import generator, write_flac
from aubert.mini.reading import read_plainly
from aubert.mini.sound import Room, perform
from aubert.text import espeak
from aubert.text.espeak import Voice

# espeak-ng's variants that sound like people; with a language of English each.
VARIANTS = (
    "Alex Alicia Andrea Andy Annie Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Michael "
    "Mike adam anika antonio aunty belinda benjamin boris caleb david ed edward edward2 f1 f3 "
    "grandma grandpa gustave ian iven iven2 iven3 kaukovalta linda m1 m4 m5 m6 m8 marcelo max "
    "michel miguel mike2 norbert pablo paul pedro quincy rob robert sandro shelby steph steph2 "
    "steph3 travis victor zac"
).split()
LANGUAGES = ("en-us", "gmw/en-GB-x-rp", "gmw/en", "gmw/en-US-nyc", "gmw/en-GB-x-gbclan")
WOMEN = set(
    "Alicia Andrea Annie anika aunty belinda f1 f3 grandma linda steph steph2 steph3 reader14 "
    "reader203 reader405 reader640 reader845".split()
)
CLIPS, SENTENCES = 14, 2  # of a voice, and of a clip


def write_voices(folder: Path, seed: int = 0) -> int:
    """Writes <folder>/<voice>/<number>.flac: the miniature corpus's readers and VARIANTS, each
    with a pitch and a rate of its own, in a room of its own. Returns how many voices."""
    voices = {f"reader{each.id}": each.voice for each in READERS.values()}
    for variant, language in zip(VARIANTS, cycle(LANGUAGES), strict=False):
        random = generator(seed, variant)
        voices[variant] = Voice(
            name=f"{language}+{variant}",
            rate_wpm=int(random.integers(155, 195)),
            pitch=int(random.integers(30, 70)),
            pitch_range=int(random.integers(35, 65)),
        )
    passages = _passages()
    for number, (name, voice) in enumerate(voices.items()):
        _write_voice(folder / name, voice, passages[number:], generator(seed, f"{name} speaks"))
    return len(voices)


def _write_voice(folder: Path, voice: Voice, passages, random) -> None:
    snr_db, noise = random.uniform(20, 35), ("white", "pink", "hum")[random.integers(3)]
    # A session for each voice: what it says depends on no other.
    with espeak.session(int(random.integers(1 << 30))) as engine:
        for number in range(CLIPS):
            book_id, sentences = passages[(number * 97) % len(passages)]
            room = Room(level_db=-25, snr_db=snr_db, noise=noise, lead_s=0.05, tail_s=0.05)
            lines = read_plainly(story_text(book_id), sentences)
            performance = perform(engine, lines, voice, room, random)
            write_flac(folder / f"{number:02}.flac", performance.samples)


def _passages() -> list:
    found = []
    for book_id in STORIES:
        for chapter in chapters(book_id):
            texts = [each.sentences for each in chapter.paragraphs if each.kind == "text"]
            spoken = [sentence for each in texts for sentence in each]
            found += [
                (book_id, tuple(spoken[start : start + SENTENCES]))
                for start in range(0, len(spoken) - SENTENCES + 1, SENTENCES)
            ]
    return found
