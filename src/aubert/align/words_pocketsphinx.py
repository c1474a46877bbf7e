"""Word times from pocketsphinx's forced aligner, on a CPU, for any book.

The script of an utterance is decoded as a chain of its words with optional silence
between them (and the variants that the dictionary holds of each). Tokens that the
transcript lacks may be passed by: the chain has an arc around each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from aubert import audio
from aubert.align.script import ScriptItem, build_script
from aubert.align.timeline import Timeline, word_rows
from aubert.align.trim import FRAME_S, edges_of, loud_frames
from aubert.corpus.books import BookError, Bookshelf, read_text
from aubert.corpus.languages import named
from aubert.options import options_class
from aubert.processes import in_processes, parts
from aubert.stage import Reject
from aubert.text.languages import pack_of
from aubert.text.pronunciations import pronunciations, spelled
from aubert.transcribe.pocketsphinx import decode, plain_word, unread

# No pruning: where script and speech differ, the right path is far from the best one for
# seconds. pocketsphinx's own beams lose it in 12 of 32 utterances with 6% wrong words; 1e-300
# loses it behind four seconds of another language.
_BEAM = 0.0

_SCORE_UNIT = 1024  # pocketsphinx reports the scores of an alignment divided by it
# What it costs to leave out a word that may not have been read, in log-likelihood.
SKIP_COST = 40.0


@options_class
class WordsPocketsphinxOptions:
    """How pocketsphinx aligns words.

    model: folder of an acoustic model that reads corpus.language; null: the English one that
      pocketsphinx carries
    dictionary: its pronouncing dictionary, a word and its phones on a line, needed with model;
      words that it lacks get the time between their neighbours, with confidence 0
    """

    model: str | None = None
    dictionary: str | None = None

    def __post_init__(self) -> None:
        if self.model and not self.dictionary:
            raise ValueError("model is given, but not its dictionary: give both")


_DEFAULTS = WordsPocketsphinxOptions()


class AlignedPhone(NamedTuple):
    """One of the 39 CMU phones; times on the decoder's grid of 10 ms."""

    phone: str
    start_s: float
    end_s: float


class AlignedWord(NamedTuple):
    """One spoken word of a script; times in seconds from the utterance's start, 5 ms grid."""

    start_s: float
    end_s: float
    confidence: float  # 0..1, see `confidence`
    phones: tuple[AlignedPhone, ...] = ()


class Aligner:
    """A decoder that aligns scripts; one is enough for any number of books of a language."""

    def __init__(self, language: str = "en", options: WordsPocketsphinxOptions = _DEFAULTS):
        """language: BCP 47, of the scripts."""
        import pocketsphinx

        self._language, self._dictionary = language, options.dictionary
        own: dict[str, str | None] = {"hmm": options.model} if options.model else {}
        if options.model or pack_of(language).base != "en":
            own["dict"] = None  # not English's: "die" is no English word in German
        self._decoder = pocketsphinx.Decoder(
            **own,
            lm=None,
            cmn="batch",
            # The lattice search moves the edges of words to where phones cannot fit.
            bestpath=False,
            beam=_BEAM,
            wbeam=_BEAM,
            pbeam=_BEAM,
            # Readers pause about once in ten words; pocketsphinx's 0.005 gives short pauses
            # to the word that follows.
            silprob=0.1,
            loglevel="FATAL",
        )

    def lacks(self, words: Iterable[str]) -> set[str]:
        """Those that have no pronunciation: a model of its own has no phones for letters."""
        if self._dictionary is None:
            return set()
        return set(words) - pronunciations(words, self._language, self._dictionary).keys()

    def align(
        self,
        samples: np.ndarray,
        script: Sequence[str],
        *,
        optional: Sequence[range] = (),
        with_phones: bool = False,
    ) -> list[AlignedWord | None] | None:
        """The times of `script` ([a-z'] words) in one utterance, one entry per word.

        samples: float32 [num_samples] at 16 kHz in [-1, 1]. optional: ranges of the script that
        may not have been read, in order; their words are None where the audio fits better
        without them, by more than SKIP_COST. with_phones: a second pass over the utterance.
        None when the script has no path through the audio; it may be too long for it.
        """
        if not script or not len(samples):
            return None
        names = list(script)
        for number, part in enumerate(optional):
            for at in part:
                names[at] = f"{script[at]}?{number}"
        self._learn(names)
        decoder = self._decoder
        self._search(names, optional)
        decode(decoder, samples)
        path = list(decoder.seg() or ())
        segments = [segment for segment in path if plain_word(segment.word)]
        places = _places([plain_word(s.word) for s in segments], names, optional)
        if not places:
            return None
        num_phones = [len(decoder.lookup_word(segment.word).split()) for segment in segments]
        phones = self._phones(samples) if with_phones else [()] * len(segments)
        if phones is None:
            return None
        edges = edges_of(path, loud_frames(samples))
        confidences = _confidences(segments, edges, num_phones)
        words: list[AlignedWord | None] = [None] * len(script)
        for place, own, *rest in zip(places, edges, confidences, phones, strict=True):
            words[place] = AlignedWord(*own, *rest)
        return words

    def _search(self, names: Sequence[str], optional: Sequence[range]) -> None:
        """Makes the decoder follow a chain of words, with arcs around what is optional."""
        arcs: list[tuple] = [(at, at + 1, 1.0, name) for at, name in enumerate(names)]
        for number, part in enumerate(optional):
            end, log_prob = part.start, 0.0
            for other in optional[number:]:  # the decoder takes one arc without a word at a time
                if other.start != end:
                    break
                end, log_prob = other.stop, max(log_prob - SKIP_COST, -700.0)
                arcs.append((part.start, end, math.exp(log_prob)))
        self._decoder.add_fsg("script", self._decoder.create_fsg("script", 0, len(names), arcs))
        self._decoder.activate_search("script")

    def _learn(self, names: Iterable[str]) -> None:
        """Adds names to the dictionary, "word" and "word?number" with the word's pronunciations."""
        unknown = {name for name in names if self._decoder.lookup_word(name) is None}
        words = {_word(name) for name in unknown}
        known = pronunciations(words, self._language, self._dictionary)
        for name in sorted(unknown):
            first, *variants = known.get(_word(name)) or (spelled(_word(name)),)
            self._decoder.add_word(name, first, update=False)
            for number, phones in enumerate(variants, start=2):
                self._decoder.add_word(f"{name}({number})", phones, update=False)

    def _phones(self, samples: np.ndarray) -> list[tuple[AlignedPhone, ...]] | None:
        """The phones of each word, from a second pass that is held to the words of the first."""
        self._decoder.set_alignment()
        try:
            decode(self._decoder, samples)
        except RuntimeError:  # pocketsphinx's way to say that there is no path
            return None
        found: list[tuple[AlignedPhone, ...]] = []
        # Its iterators must not be turned into lists: entries die with the next step.
        for word in self._decoder.get_alignment():
            if not plain_word(word.name):
                continue
            phones: list[AlignedPhone] = []
            for phone in word:
                end = phone.start + phone.duration
                phones.append(AlignedPhone(phone.name, phone.start * FRAME_S, end * FRAME_S))
            found.append(tuple(phones))
        return found


def _word(name: str) -> str:
    return name.partition("?")[0]


def _places(
    path: Sequence[str], names: Sequence[str], optional: Sequence[range]
) -> list[int] | None:
    """Where the words of a decoder's path stand among the names; None where one is missing that
    is not optional."""
    rest = iter(enumerate(names))
    places = [next((at for at, name in rest if name == word), -1) for word in path]
    missing = set(range(len(names))).difference(places, *optional)
    return None if missing else places


def _confidences(
    segments: Sequence, edges: Sequence[tuple[float, float]], num_phones: Sequence[int]
) -> list[float]:
    paces = [
        math.log((end_s - start_s) / phones)
        for (start_s, end_s), phones in zip(edges, num_phones, strict=True)
    ]
    usual = median(paces)
    fits = [
        _SCORE_UNIT * math.log(segment.ascore) / (segment.end_frame + 1 - segment.start_frame)
        for segment in segments
    ]
    return [confidence(fit, pace - usual) for fit, pace in zip(fits, paces, strict=True)]


def confidence(fit: float, pace: float) -> float:
    """The probability that both edges of a word are within 80 ms of the truth.

    fit: acoustic log-likelihood per frame, relative to the best active senone of each
    frame (<= 0; -3 is usual). pace: log of the word's duration per phone over the median
    of its utterance. A logistic function fitted to synthetic speech whose scripts had
    words left out, put in and replaced; there it is calibrated.
    """
    log_odds_against = -5.0 - 0.25 * fit + 5.0 * abs(pace)
    return 1 / (1 + math.exp(min(log_odds_against, 700.0)))  # beyond it exp overflows


def words_pocketsphinx(
    recordings: Iterable[dict],
    utterances: Iterable[dict],
    transcripts: Iterable[dict],
    refined: Iterable[dict],
    corpus_root: str | Path,
    shelf: Bookshelf,
    options: WordsPocketsphinxOptions,
    jobs: int = 1,
) -> Iterator[dict | Reject]:
    """Yields rows of `words`, or one reject, for each row of `refined`.

    Results come in the order of `recordings`, and are the same for any number of `jobs`
    (processes that take a part of a recording each). A token that the transcript lacks and the
    audio does not support has no row. Rejects: alignment_failed when no path says the script or
    nothing of the book was read, language_unread, and the reasons of audio and books.
    """
    utterance_of = {row["utterance_id"]: row for row in utterances}
    text_of = {row["utterance_id"]: row["text"] for row in transcripts}
    jobs_of: dict[str, list[tuple[dict, str, dict]]] = {}
    for row in refined:
        utterance = utterance_of[row["utterance_id"]]
        job = (utterance, text_of[row["utterance_id"]], row)
        jobs_of.setdefault(utterance["recording_id"], []).append(job)
    tasks = [
        (recording, part)
        for recording in recordings
        for part in parts(jobs_of.get(recording["recording_id"], []), jobs)
    ]
    work = partial(_align_recording, root=Path(corpus_root), shelf=shelf, options=options)
    for results in in_processes(work, tasks, jobs):
        yield from results


def _align_recording(
    task: tuple[dict, list[tuple[dict, str, dict]]],
    root: Path,
    shelf: Bookshelf,
    options: WordsPocketsphinxOptions,
) -> list[dict | Reject]:
    recording, jobs = task
    results: list[dict | Reject] = []
    with audio.Reader(root / recording["path"]) as reader:
        for utterance, text, refined in jobs:
            tag = refined["language"]
            if (why := unread(options.model, shelf.default_language, tag)) is not None:
                detail = f"the book was read in {named(tag)}, and {why}"
                results.append(Reject(utterance["utterance_id"], "language_unread", detail))
                continue
            try:
                book_text = _book_text(shelf.path(refined["book_id"]))
                script = build_script(book_text, refined, text)
                aligner = shared_aligner(tag, options)
                results += _align_utterance(
                    recording, utterance, book_text, script, reader, aligner
                )
            except (audio.AudioError, BookError) as error:
                results.append(Reject(utterance["utterance_id"], error.reason, error.detail))
    return results


def _align_utterance(
    recording: dict,
    utterance: dict,
    book_text: str,
    script: list[ScriptItem],
    reader: audio.Reader,
    aligner: Aligner,
) -> list[dict | Reject]:
    name = utterance["utterance_id"]
    nothing = [Reject(name, "alignment_failed", "nothing of the book was read")]
    lost = aligner.lacks([word for item in script for word in item.spoken])
    readable = [item for item in script if lost.isdisjoint(item.spoken)]
    if not any(item.token for item in readable):
        return nothing
    slices = [(piece["start_sample"], piece["end_sample"]) for piece in utterance["slices"]]
    samples = reader.decode(slices)
    spoken, optional = _words_of(readable)
    words = aligner.align(samples, spoken, optional=optional)
    if words is None:
        seconds = len(samples) / audio.SAMPLE_RATE_HZ
        text = " ".join(spoken)[:200]
        return [Reject(name, "alignment_failed", f"{seconds:.2f} s of sound for: {text}")]
    timeline = Timeline(utterance["slices"], recording["sample_rate_hz"])
    times = _with_lost(script, lost, _of_items(readable, words), timeline.duration_ms / 1000)
    read = [(item, found) for item, found in zip(script, times, strict=True) if found]
    return word_rows(name, timeline, book_text, *zip(*read, strict=True)) or nothing


def _words_of(script: Sequence[ScriptItem]) -> tuple[list[str], list[range]]:
    """The words of a script in order, and those of each optional item."""
    ends = list(accumulate(len(item.spoken) for item in script))
    optional = [
        range(end - len(item.spoken), end)
        for item, end in zip(script, ends, strict=True)
        if item.optional
    ]
    return [word for item in script for word in item.spoken], optional


def _of_items(
    script: Sequence[ScriptItem], words: Sequence[AlignedWord | None]
) -> list[tuple[float, float, float] | None]:
    """Of the words of each item: first start, last end, lowest confidence; None for what was
    not read."""
    remaining = iter(words)
    times: list[tuple[float, float, float] | None] = []
    for item in script:
        own = [word for word in (next(remaining) for _ in item.spoken) if word]
        confidences = [word.confidence for word in own]
        times.append((own[0].start_s, own[-1].end_s, min(confidences)) if own else None)
    return times


def _with_lost(
    script: Sequence[ScriptItem],
    lost: set[str],
    times: list[tuple[float, float, float] | None],
    duration_s: float,
) -> list[tuple[float, float, float] | None]:
    """The times of all items: those with a word that has no pronunciation lie between their
    neighbours, with confidence 0."""
    if not lost:
        return times
    rest = iter(times)
    found = [next(rest) if lost.isdisjoint(item.spoken) else () for item in script]
    for place, item in enumerate(script):
        if found[place] != ():
            continue
        start_s = next((each[1] for each in found[place - 1 :: -1] if each), 0.0) if place else 0.0
        end_s = next((each[0] for each in found[place + 1 :] if each), duration_s)
        found[place] = (start_s, start_s if item.token is None else end_s, 0.0)
    return found


@lru_cache(maxsize=2)
def shared_aligner(language: str = "en", options: WordsPocketsphinxOptions = _DEFAULTS) -> Aligner:
    return Aligner(language, options)


@lru_cache(maxsize=2)
def _book_text(path: Path) -> str:
    return read_text(path)
