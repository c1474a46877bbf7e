"""Transcription with pocketsphinx: on a CPU, with the English model that it carries.

The language model is built from the book that is read (`book_biased`), which is what
makes this recogniser usable on audiobooks. Every utterance is decoded on its own:
cepstral means are taken over the utterance (`cmn=batch`) and noise statistics start
anew, so its transcript depends on its samples and the model alone, not on what was
decoded before it or on the number of jobs.
"""

from __future__ import annotations

import itertools
import math
import re
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aubert import audio
from aubert.corpus.books import BookError, Bookshelf, read_text
from aubert.corpus.languages import Languages, named
from aubert.options import PositiveFloat, options_class
from aubert.processes import in_processes, parts
from aubert.stage import Reject
from aubert.text.book_lm import training_sentences
from aubert.text.languages import PACKS, pack_of
from aubert.text.lm import arpa_vocabulary, build_arpa
from aubert.text.pronounce import SPOKEN_WITH_CMU
from aubert.text.pronunciations import (
    ESPEAK_HINT,
    INSTALL_HINT,
    can_pronounce,
    pronunciations,
    write_dictionary,
)

# A shelf up to this size (about five novels) makes one model for speech whose book is
# not known; more would cost more time and vocabulary than the carried model loses.
MASKING_SNR_DB = 25  # of 40 to 20: least errors on one real reading, near the least elsewhere
MAX_SHELF_BYTES = 5_000_000


@options_class
class PocketsphinxOptions:
    """How pocketsphinx transcribes.

    book_biased: whether the language model is built from the recording's book; speech without a
      usable book gets a model of all books (up to 5 MB of text), else pocketsphinx's own
    lm_path: ARPA file of a language model for all speech; null: pocketsphinx's own; no effect with
      book_biased
    language_weight: weight of the language model against the acoustic model; a book's own model
      deserves more than pocketsphinx's 6.5
    model: folder of an acoustic model that reads corpus.language; null: the English one that
      pocketsphinx carries
    dictionary: its pronouncing dictionary, a word and its phones on a line; null: that of the
      English model; no effect without `model`
    """

    book_biased: bool = True
    lm_path: str | None = None
    language_weight: PositiveFloat = 8.0
    model: str | None = None
    dictionary: str | None = None

    def __post_init__(self) -> None:
        if self.model and not self.dictionary:
            raise ValueError("model is given, but not its dictionary: give both")


class Transcript(NamedTuple):
    """The transcript of one utterance."""

    text: str  # lower-case words, one space between; empty: no word
    score: float  # acoustic log-likelihood per frame, against the best senone of each frame
    num_frames: int  # of 10 ms


class Recogniser:
    """A decoder with one language model and one dictionary (None: those that are carried)."""

    def __init__(
        self,
        options: PocketsphinxOptions,
        lm_path: str | Path | None = None,
        dictionary_path: str | Path | None = None,
    ):
        import pocketsphinx

        paths = {"hmm": options.model, "lm": lm_path, "dict": dictionary_path}
        self._decoder = pocketsphinx.Decoder(
            **{name: str(path) for name, path in paths.items() if path is not None},
            cmn="batch",
            # The three passes keep the proportions of pocketsphinx's defaults.
            lw=options.language_weight,
            fwdflatlw=options.language_weight * 8.5 / 6.5,
            bestpathlw=options.language_weight * 9.5 / 6.5,
            loglevel="FATAL",
        )

    def transcribe(self, samples: np.ndarray) -> Transcript:
        """Decodes one utterance: float32 [num_samples], mono, 16 kHz, in [-1, 1]."""
        decoder = self._decoder
        decode(decoder, _masked(samples))
        segments = list(decoder.seg() or ())
        words = [word for segment in segments if (word := plain_word(segment.word))]
        num_frames = decoder.n_frames()
        # A factor that underflows counts as the smallest that can be held.
        total = sum(math.log(max(segment.ascore, 5e-324)) for segment in segments)
        return Transcript(" ".join(words), total / max(num_frames, 1), num_frames)


def _masked(samples: np.ndarray) -> np.ndarray:
    """The samples with white noise MASKING_SNR_DB below them, the same noise every time.

    The acoustic model was trained on rooms, and misrecognises what is cleaner than they were:
    synthetic speech and edited recordings, whose pauses are digital silence.
    """
    noise = np.random.default_rng(0).standard_normal(len(samples), np.float32)
    return samples + noise * (np.std(samples) * 10 ** (-MASKING_SNR_DB / 20))


def decode(decoder, samples: np.ndarray) -> None:
    """Runs a decoder's active search over one whole utterance (float32, 16 kHz, [-1, 1])."""
    # Noise statistics reach from one utterance into the next, and nothing else resets them
    # but start_stream, which is deprecated.
    decoder.reinit_feat()
    decoder.start_utt()
    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    decoder.process_raw(pcm.tobytes(), full_utt=True)
    decoder.end_utt()


def plain_word(entry: str) -> str:
    """The word of a dictionary entry ("and(2)" -> "and"); "" for fillers such as <sil>."""
    if re.match(r"[<\[(+]", entry):
        return ""
    return re.sub(r"\(\d+\)$", "", entry).lower()


def recognise(
    recordings: Iterable[dict],
    utterances: Iterable[dict],
    corpus_root: str | Path,
    shelf: Bookshelf,
    options: PocketsphinxOptions,
    jobs: int = 1,
) -> Iterator[dict | Reject]:
    """Yields a row of `transcripts`, or a reject, for each row of `utterances`.

    Results come in the order of `recordings`, and are the same for any number of `jobs`
    (processes that take a part of a recording each). Utterances that cannot be decoded are
    rejected with audio's reason, those without a word as no_words, those of a language that
    the model does not read as language_unread.
    """
    if options.book_biased and not can_pronounce() and not options.model:
        warnings.warn(INSTALL_HINT, stacklevel=2)
    recordings = list(recordings)
    languages = Languages(shelf, partial(unread, options.model, shelf.default_language))
    faults = languages.rejects(recordings)
    by_recording: dict[str, list[dict]] = {}
    for utterance in utterances:
        by_recording.setdefault(utterance["recording_id"], []).append(utterance)
    tasks = []
    for row in recordings:
        own = by_recording.get(row["recording_id"], [])
        if (fault := faults.get(row["recording_id"])) is not None:
            yield from (replace(fault, id=each["utterance_id"]) for each in own)
        elif own:
            tag = languages.of(row)
            books = _books_of(row, tag, shelf, options)
            tasks += [(row, part, books, tag) for part in parts(own, jobs)]
    work = partial(_recognise_recording, root=Path(corpus_root), options=options)
    yield from itertools.chain.from_iterable(in_processes(work, tasks, jobs))


def unread(model: str | None, model_language: str, tag: str) -> str | None:
    """Why pocketsphinx does not read a language, a sentence; None where it does.

    model: of the options; model_language: BCP 47, what a given one reads; tag: BCP 47
    """
    base = pack_of(tag).base
    if model:
        if base == pack_of(model_language).base:
            return None
        return f"pocketsphinx's model {model} reads corpus.language {named(model_language)} alone"
    if base == "en" or (base in SPOKEN_WITH_CMU and can_pronounce()):
        return None
    others = ", ".join(PACKS[each].name for each in SPOKEN_WITH_CMU)
    return (
        f"pocketsphinx's own model reads English, and with espeak-ng ({ESPEAK_HINT}) {others}: "
        f"give the model and dictionary of its language in transcribe.pocketsphinx and "
        f"words.pocketsphinx, or a CTC checkpoint that reads it (transcribe.backend and "
        f"words.backend ctc)"
    )


def _recognise_recording(
    task: tuple[dict, list[dict], tuple[Path, ...], str], root: Path, options: PocketsphinxOptions
) -> list[dict | Reject]:
    recording, utterances, books, tag = task
    recogniser = _recogniser(books, tag, options)
    with audio.Reader(root / recording["path"]) as reader:
        return [_recognise_utterance(recogniser, reader, utterance) for utterance in utterances]


def _recognise_utterance(
    recogniser: Recogniser, reader: audio.Reader, utterance: dict
) -> dict | Reject:
    name = utterance["utterance_id"]
    slices = [(piece["start_sample"], piece["end_sample"]) for piece in utterance["slices"]]
    try:
        samples = reader.decode(slices)
    except audio.AudioError as error:
        return Reject(name, error.reason, error.detail)
    found = recogniser.transcribe(samples)
    if not found.text:
        return Reject(name, "no_words", f"{len(samples) / audio.SAMPLE_RATE_HZ:.2f} s of sound")
    return {"utterance_id": name, **found._asdict()}


def _books_of(
    recording: dict, tag: str, shelf: Bookshelf, options: PocketsphinxOptions
) -> tuple[Path, ...]:
    """The books that the recording's language model is built from; none: a general model."""
    if not options.book_biased:
        return ()
    book = _usable(recording["book_id"], shelf)
    return (book,) if book else _whole_shelf(shelf, tag)


@lru_cache(maxsize=4)
def _whole_shelf(shelf: Bookshelf, tag: str) -> tuple[Path, ...]:
    """Of one language."""
    base = pack_of(tag).base
    own = (book_id for book_id in shelf if pack_of(shelf.language(book_id)).base == base)
    books = tuple(path for book_id in own if (path := _usable(book_id, shelf)))
    return books if sum(path.stat().st_size for path in books) <= MAX_SHELF_BYTES else ()


@cache
def _usable(book_id: str | None, shelf: Bookshelf) -> Path | None:
    """Where the book lies; None when it is not known, not there or empty."""
    if book_id is None:
        return None
    try:
        shelf.text(book_id)
    except BookError:
        return None
    return shelf.path(book_id)


@lru_cache(maxsize=1)  # consecutive recordings are chapters of one book
def _recogniser(books: tuple[Path, ...], tag: str, options: PocketsphinxOptions) -> Recogniser:
    if not books and (options.book_biased or options.lm_path is None):
        return Recogniser(options)
    with tempfile.TemporaryDirectory(prefix="aubert-lm-") as folder:
        lm_path, dictionary_path = Path(folder, "book.arpa"), Path(folder, "words.dict")
        if books:
            sentences = training_sentences(map(read_text, books), tag)
            words = itertools.chain.from_iterable(sentences)
            entries = pronunciations(words, tag, options.dictionary)
            build_arpa(sentences, lm_path, vocabulary=entries)
        else:
            lm_path = Path(options.lm_path)
            entries = _pronunciations_of_arpa(lm_path, tag, options.dictionary)
        write_dictionary(entries, dictionary_path)
        return Recogniser(options, lm_path, dictionary_path)  # reads both files at once


def _pronunciations_of_arpa(
    path: Path, tag: str, dictionary: str | None
) -> dict[str, tuple[str, ...]]:
    """Pronunciations of an ARPA file's words, spelled as the file spells them."""
    words = arpa_vocabulary(path)
    known = pronunciations((word.lower() for word in words), tag, dictionary)
    return {word: known[word.lower()] for word in words if word.lower() in known}
