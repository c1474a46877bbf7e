"""How the cost of matching grows: with the book, with the transcripts, with the number of books.

Synthetic books of words from a Zipf distribution over a made-up vocabulary; in the transcripts
every tenth word is another one. Prints CPU seconds of this process (median of three)
and the exponent of a power law through them: 1 is linear. Then one chapter of each of 1,000
books is found by content and placed.

    python benchmarks/scale_match.py
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from figures import figure, keep, table

from aubert import tables
from aubert.align.book import prepared
from aubert.align.find_book import StoredSketches, find_book, sketch_books
from aubert.align.match import MatchOptions, match, place
from aubert.corpus.books import Bookshelf

NUM_BOOKS, BOOK_WORDS = 1_000, 20_000
UTTERANCES, UTTERANCE_WORDS = 40, 30  # of a chapter
ERRORS = 0.1
REPEATS = 3
SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in ("a", "e", "i", "o", "u", "an", "er")]


def main() -> None:
    random = np.random.default_rng(0)
    words = vocabulary(random)
    sizes = [25_000, 50_000, 100_000, 200_000, 400_000]
    texts = [book(random, words, size) for size in sizes]
    chapters = [read_aloud(random, words, text) for text in texts]
    rows = [report(
        "words of the book (1,200 in the transcripts)",
        sizes,
        [lambda pair=pair: placed(*pair) for pair in zip(texts, chapters, strict=True)],
    )]  # fmt: skip
    numbers = [100, 200, 400, 800, 1600]
    long = texts[2]
    chapters = [read_aloud(random, words, long, number) for number in numbers]
    ready = prepared(long)
    rows.append(report(
        "transcripts of 30 words (book of 100,000, prepared)",
        numbers,
        [lambda chapter=chapter: place(chapter, ready) for chapter in chapters],
    ))  # fmt: skip
    with tempfile.TemporaryDirectory() as directory:
        rows += whole_shelf(random, words, Path(directory))
    columns = ["what grows", "from", "to", "CPU s, from", "CPU s, to", "exponent"]
    keep("scale-match", columns, rows, command="python benchmarks/scale_match.py",
         seconds=time.process_time())  # fmt: skip
    print(table("scale-match"))


def vocabulary(random: np.random.Generator) -> np.ndarray:
    made = {"".join(random.choice(SYLLABLES, random.integers(1, 5))) for _ in range(30_000)}
    return np.array(sorted(made))


def book(random: np.random.Generator, words: np.ndarray, num_words: int) -> str:
    ranks = random.permutation(len(words)) + 10.0
    chosen = random.choice(words, num_words, p=(1 / ranks) / (1 / ranks).sum())
    lines = (" ".join(chosen[at : at + 12]) for at in range(0, num_words, 12))
    return ".\n".join(lines)


def read_aloud(
    random: np.random.Generator, words: np.ndarray, text: str, number: int = UTTERANCES
) -> list[str]:
    """Transcripts of a chapter from the middle of the book, with a recogniser's errors."""
    spoken = np.array(text.replace(".", "").split())
    first = random.integers(len(spoken) - number * UTTERANCE_WORDS + 1)
    chapter = spoken[first : first + number * UTTERANCE_WORDS].astype(object)
    wrong = random.random(len(chapter)) < ERRORS
    chapter[wrong] = random.choice(words, wrong.sum())
    return [" ".join(piece) for piece in np.split(chapter, number)]


def placed(text: str, chapter: list[str]) -> None:
    prepared.cache_clear()
    assert place(chapter, prepared(text)).share > 0.8


def report(what: str, sizes: Sequence[int], tasks: Sequence[Callable[[], object]]) -> list:
    """A row: the smallest and the largest size, and the power that CPU seconds grow with."""
    seconds = [median_cpu_s(task) for task in tasks]
    exponent = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
    pairs = ", ".join(f"{n:,}: {s:.3f}" for n, s in zip(sizes, seconds, strict=True))
    print(f"{what}: {pairs} CPU s; exponent {exponent:.2f}", flush=True)
    ends = [figure(seconds[at]) for at in (0, -1)]
    return [what, sizes[0], sizes[-1], *ends, figure(float(exponent), digits=2)]


def median_cpu_s(task: Callable[[], object]) -> float:
    def once() -> float:
        started = time.process_time()
        task()
        return time.process_time() - started

    return float(np.median([once() for _ in range(REPEATS)]))


def whole_shelf(random: np.random.Generator, words: np.ndarray, house: Path) -> list[list]:
    (house / "books").mkdir()
    recordings, utterances, transcripts = [], [], []
    for number in range(NUM_BOOKS):
        text, name = book(random, words, BOOK_WORDS), f"{number:04}"
        (house / "books" / f"{name}.txt").write_text(text)
        recordings.append({"recording_id": name, "book_id": None, "speaker": "14"})
        for index, transcript in enumerate(read_aloud(random, words, text)):
            utterance_id = f"{name}_{index:04}"
            utterances.append({"utterance_id": utterance_id, "recording_id": name, "index": index})
            transcripts.append({"utterance_id": utterance_id, "text": transcript})
    shelf = Bookshelf(house / "books")
    started = time.process_time()
    tables.write(house / "books.parquet", "books", sketch_books(shelf))
    sketched_s = since(started)

    sketches = StoredSketches(house / "books.parquet")
    words_of_chapter = " ".join(row["text"] for row in transcripts[:UTTERANCES]).split()
    sizes = [125, 250, 500, 1_000]
    shelves = [{name: sketches[name] for name in sorted(sketches)[:size]} for size in sizes]
    rows = [report(
        "books to find a chapter in",
        sizes,
        [lambda some=some: find_book(words_of_chapter, some) for some in shelves],
    )]  # fmt: skip
    started = time.process_time()
    found = list(match(recordings, transcripts, utterances, shelf, sketches, MatchOptions()))
    found = [row for row in found if isinstance(row, dict)]
    right = sum(row["utterance_id"].startswith(row["book_id"]) for row in found)
    of = f"{NUM_BOOKS:,} books of {BOOK_WORDS:,} words"
    own = f"{right:,} of {len(transcripts):,} utterances in their own book"
    rows.append([f"sketches of {of}", "", "", "", figure(sketched_s, digits=0), ""])
    rows.append([f"a chapter of each, {own}", "", "", "", figure(since(started), digits=0), ""])
    return rows


def since(started: float) -> float:
    return time.process_time() - started


if __name__ == "__main__":
    main()
