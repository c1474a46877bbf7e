"""A read-aloud book: EPUB 3 with media overlays, the text highlighted while it is read.

EPUB 3.3 (W3C), "Media overlays" (section 9): a SMIL document beside each page lists which stretch
of audio belongs to which element of it. Audio is MP3, which every reader plays. A book that is an
EPUB is the reader's own with overlays added; of another text one is made.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from aubert.corpus.books import read_book
from aubert.export import epub_made, epub_own
from aubert.export.corpus import Corpus, Utterance
from aubert.export.epub_about import about, free_name
from aubert.export.epub_clips import Granularity, Reading, clips
from aubert.export.epub_marks import marks_of
from aubert.export.epub_text import body_of
from aubert.files import FULL, complete_directory
from aubert.options import options_class
from aubert.text.broken import unbroken

LEFT_OUT = "left-out.txt"


@options_class
class EpubOptions:
    """Read-aloud books.

    granularity: what is highlighted at a time
    """

    granularity: Granularity = "word"


def export_epub(
    corpus: Corpus, out: Path, options: EpubOptions | None = None, jobs: int = 1
) -> str:
    """<out>/<title>-<speaker>.epub for each book that each speaker read.

    A book that cannot be made leaves the others as they are: <out>/left-out.txt has its reason.
    Raises ValueError where none can be made.
    """
    options = options or EpubOptions()
    num_clips = num_books = 0
    left_out: list[str] = []
    with complete_directory(out) as part:
        for modified_s, utterances in _books(corpus):
            try:
                num_clips += _write(corpus, part, utterances, modified_s, options, jobs)
                num_books += 1
            except (ValueError, OSError) as error:
                if getattr(error, "errno", None) in FULL:
                    raise
                first = utterances[0]
                left_out.append(f"{first.book_id}, read by {first.speaker}: {error}")
                print(f"left out {left_out[-1]}", file=sys.stderr)
        if left_out and not num_books:
            raise ValueError("no book can be made:\n" + "\n".join(left_out))
        if left_out:
            (part / LEFT_OUT).write_text("\n".join([*left_out, ""]), encoding="utf-8")
    note = f"; {len(left_out)} left out, see {out / LEFT_OUT}" if left_out else ""
    unit = f"{options.granularity}s"
    return f"epub: {num_books} books, {num_clips} {unit} read aloud in {out}{note}"


def _books(corpus: Corpus) -> Iterator[tuple[float, list[Utterance]]]:
    """What one speaker read of one book, and when its words were aligned."""
    for shard, utterances in corpus.by_shard():
        modified_s = (corpus.results / "words" / f"{shard}.parquet").stat().st_mtime
        aligned = sorted((one for one in utterances if one.words), key=_reader)
        for _, group in groupby(aligned, key=_reader):
            yield modified_s, list(group)


def _reader(utterance: Utterance) -> tuple[str, str]:
    return utterance.book_id, utterance.speaker


def _write(
    corpus: Corpus,
    folder: Path,
    utterances: Sequence[Utterance],
    modified_s: float,
    options: EpubOptions,
    jobs: int,
) -> int:
    """Writes one EPUB; returns how many stretches of it are read aloud."""
    book_id = utterances[0].book_id
    source = corpus.shelf.path(book_id)
    book = read_book(source)
    text = book.text
    named = about(corpus, utterances, book.metadata, modified_s)
    readings = [
        Reading(recording_id, [word for one in group for word in one.words])
        for recording_id, group in groupby(utterances, lambda one: one.recording["recording_id"])
    ]
    for word in (word for one in utterances for word in one.words):
        if unbroken(text[word.char_start : word.char_end]) != word.word:
            raise ValueError(f"{source} is not the text that was aligned: run `snakemake dataset`")
    paragraphs = body_of(text, book.documents, readings, named.language)
    spans = [one[:2] for one in paragraphs]
    found = clips(text, readings, spans, options.granularity, named.language)
    sounds = {one.recording["recording_id"]: corpus.audio(one) for one in utterances}
    with TemporaryDirectory(dir=folder, prefix=".") as scratch:
        part = Path(scratch, "book.epub")
        with zipfile.ZipFile(part, "w") as archive:
            if source.suffix.lower() == ".epub":
                epub_own.write(archive, source, book.documents, found, sounds, named, jobs)
            else:
                marks = marks_of(book.documents, source.resolve().parent)
                epub_made.write(archive, text, paragraphs, found, sounds, named, marks, jobs)
        part.rename(folder / free_name(folder, named))
    return len(found)
