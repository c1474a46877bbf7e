"""Pairs of text and audio: n-grams in the book, and their audio.

A pair is one occurrence of an n-gram of 1-4 spoken words: a span of the book with the text
around it, and slices of a recording. Nothing is copied. AuBERT contrasts the occurrences of
one n-gram by one speaker, which is why they are counted, and capped, by speaker.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

from aubert.corpus.books import BookError, Bookshelf
from aubert.corpus.held_out import NOTHING, HeldOut
from aubert.corpus.slices import slices_within
from aubert.options import NaturalInt, PositiveInt, options_class
from aubert.stage import Reject
from aubert.text.sentences import within_sentence

TRAIN, HELD_OUT_BOOK, HELD_OUT_SPEAKER = "train", "held_out_book", "held_out_speaker"


@options_class
class PairsOptions:
    """Which n-grams become pairs. Counts are within a speaker and a split.

    max_words: spoken words of the longest n-gram; AuBERT's 4
    min_occurrences: fewest occurrences of an n-gram; AuBERT's 10
    max_occurrences: occurrences of an n-gram; of more, so many are drawn; 0: no limit; AuBERT's 128
    max_ngrams: different n-grams; of more, so many are drawn; 0: no limit; AuBERT's 64, 512 on a
      cluster
    min_utterances: fewest utterances of a speaker; AuBERT's 100
    min_ms: shortest audio, in ms; AuBERT's 400, which few single words reach
    max_ms: longest audio, in ms; AuBERT crops at 5000
    context_chars: book text before and after the span, in characters; AuBERT's 512
    within_sentence: whether the context ends with the span's sentence; AuBERT's goes on. The length
      of what stands before a word is then its place in the sentence, which a small encoder learns
    seed: of the draws
    """

    max_words: PositiveInt = 4
    min_occurrences: PositiveInt = 10
    max_occurrences: NaturalInt = 128
    max_ngrams: NaturalInt = 512
    min_utterances: NaturalInt = 100
    min_ms: PositiveInt = 400
    max_ms: PositiveInt = 5000
    context_chars: NaturalInt = 512
    within_sentence: bool = False
    seed: NaturalInt = 0

    def __post_init__(self) -> None:
        if self.max_ms < self.min_ms:
            raise ValueError(f"max_ms is {self.max_ms}; it must not be below min_ms {self.min_ms}")


def pairs(
    recordings: Iterable[Mapping],
    utterances: Iterable[Mapping],
    refined: Iterable[Mapping],
    words: Iterable[Mapping],
    corpus_root: Path,
    shelf: Bookshelf,
    options: PairsOptions,
    *,
    held_out: HeldOut = NOTHING,
) -> Iterator[dict | Reject]:
    """Yields rows of `pairs`, or one Reject, for every utterance of `words`, in order.

    All rows are of one shard, so a speaker's are all there. A word that cannot be used (its span is
    not in the book, it has no audio, its recording is missing) rejects its utterance. The split of
    a pair is held_out_speaker when the speaker is held out, whatever was read, else held_out_book
    when the book is that it was found in, or that the recording states. An n-gram never crosses
    what was skipped or added.
    """
    by_utterance: dict[str, list[Mapping]] = defaultdict(list)
    for row in words:
        by_utterance[row["utterance_id"]].append(row)
    corpus = _Corpus(recordings, utterances, refined, corpus_root, shelf)

    found: dict[str, list[dict] | Reject] = {}
    for utterance_id, rows in by_utterance.items():
        found[utterance_id] = _utterance_pairs(utterance_id, rows, corpus, held_out, options)
    chosen = _chosen(found, options)
    for utterance_id, result in found.items():
        yield from [result] if isinstance(result, Reject) else chosen[utterance_id]


def _split(held_out: HeldOut, recording: Mapping, book_id: str) -> str:
    """book_id: that the utterance was found in; the recording may state another."""
    if held_out.has_speaker(recording["speaker"]):
        return HELD_OUT_SPEAKER
    books = (book_id, recording["book_id"])
    return HELD_OUT_BOOK if any(map(held_out.has_book, books)) else TRAIN


class _Corpus:
    """The other tables of the shard, by id."""

    def __init__(self, recordings, utterances, refined, corpus_root: Path, shelf: Bookshelf):
        self._recordings = {row["recording_id"]: row for row in recordings}
        self._utterances = {row["utterance_id"]: row for row in utterances}
        self._refined = {row["utterance_id"]: row for row in refined}
        self._root, self._shelf = corpus_root, shelf
        self._texts: dict[str, str | BookError] = {}
        self._exists: dict[str, bool] = {}

    def of(self, utterance_id: str) -> tuple[Mapping, Mapping, Mapping, str] | Reject:
        """(recording, utterance, refined, text of the book) of an utterance."""
        utterance = self._utterances.get(utterance_id)
        refined = self._refined.get(utterance_id)
        recording = self._recordings.get(utterance["recording_id"]) if utterance else None
        if recording is None or refined is None:
            tables = {"utterances": utterance, "recordings": recording, "refined": refined}
            absent = next(name for name, row in tables.items() if row is None)
            return Reject(utterance_id, "row_missing", f"the table {absent} has no row for it")
        path = recording["path"]
        if path not in self._exists:
            self._exists[path] = (self._root / path).is_file()
        if not self._exists[path]:
            return Reject(utterance_id, "audio_missing", f"{path} is not below the corpus's root")
        text = self._text(refined["book_id"])
        if isinstance(text, BookError):
            return Reject(utterance_id, text.reason, text.detail)
        return recording, utterance, refined, text

    def _text(self, book_id: str) -> str | BookError:
        if book_id not in self._texts:
            try:
                self._texts[book_id] = self._shelf.text(book_id)
            except BookError as error:
                self._texts[book_id] = error
        return self._texts[book_id]


def _utterance_pairs(
    utterance_id: str,
    words: Sequence[Mapping],
    corpus: _Corpus,
    held_out: HeldOut,
    options: PairsOptions,
) -> list[dict] | Reject:
    """Every pair of one utterance, before counting."""
    known = corpus.of(utterance_id)
    if isinstance(known, Reject):
        return known
    recording, utterance, refined, text = known
    words = sorted(words, key=lambda row: row["index"])
    fault = _fault(utterance_id, words, text, utterance, recording["sample_rate_hz"])
    if fault is not None:
        return fault
    common = {
        "utterance_id": utterance_id,
        "recording_id": recording["recording_id"],
        "speaker": recording["speaker"],
        "book_id": refined["book_id"],
        "split": _split(held_out, recording, refined["book_id"]),
    }
    rate_hz = recording["sample_rate_hz"]
    rows = []
    for first, last, num_words in _ngrams(words, refined["runs"], options.max_words):
        start_ms, end_ms = words[first]["start_ms"], words[last]["end_ms"]
        if not options.min_ms <= end_ms - start_ms <= options.max_ms:
            continue
        char_start, char_end = words[first]["char_start"], words[last]["char_end"]
        start, end = (ms * rate_hz // 1000 for ms in (start_ms, end_ms))
        slices = slices_within(utterance["slices"], start, end)
        context = _context(text, (char_start, char_end), options, refined["language"])
        rows.append(
            {
                **common,
                "word_index": words[first]["index"],
                "num_words": num_words,
                "ngram": " ".join(word["spoken"] for word in words[first : last + 1]),
                "char_start": char_start,
                "char_end": char_end,
                "context_start": context[0],
                "context_end": context[1],
                "slices": slices,
                "num_samples": end - start,
            }
        )
    return rows


def _fault(
    utterance_id: str, words: Sequence[Mapping], text: str, utterance: Mapping, rate_hz: int
) -> Reject | None:
    """What makes the utterance's words unusable."""
    duration_ms = utterance["num_samples"] * 1000 // rate_hz
    for word in words:
        name = f"word {word['index']} ({word['word']!r})"
        start, end = word["char_start"], word["char_end"]
        if not 0 <= start < end <= len(text):
            detail = f"{name} has the span {start}:{end}; the book has {len(text)} characters"
            return Reject(utterance_id, "span_not_in_book", detail)
        if text[start:end] != word["word"]:
            detail = f"{name}: the book holds {text[start:end]!r} at {start}:{end}"
            return Reject(utterance_id, "span_not_in_book", detail)
        start_ms, end_ms = word["start_ms"], word["end_ms"]
        if not 0 <= start_ms < end_ms <= duration_ms:
            detail = f"{name} lies at {start_ms}-{end_ms} ms of {duration_ms} ms of audio"
            return Reject(utterance_id, "word_without_audio", detail)
    return None


def _ngrams(
    words: Sequence[Mapping], runs: Sequence[Mapping], max_words: int
) -> Iterator[tuple[int, int, int]]:
    """(first, last, number of spoken words) of the words that follow each other in book and
    speech. A written word that is spoken as several counts as several."""
    reads = [run for run in runs if run["label"] == "READ"]
    starts = sorted(run["char_start"] for run in reads)  # a reader may jump in the book
    run_of = [bisect_right(starts, (w["char_start"] + w["char_end"]) // 2) for w in words]
    sizes = [len(word["spoken"].split()) for word in words]
    for first in range(len(words)):
        num_words = 0
        for last in range(first, len(words)):
            gap = words[last]["index"] - words[first]["index"] - (last - first)
            num_words += sizes[last]
            if gap or run_of[last] != run_of[first] or num_words > max_words:
                break
            yield first, last, num_words


def _context(
    text: str, span: tuple[int, int], options: PairsOptions, language: str
) -> tuple[int, int]:
    """The span with the text around it, without the halves of words at the edges."""
    start, end = span
    low = max(0, start - options.context_chars)
    high = min(len(text), end + options.context_chars)
    while 0 < low < start and not text[low - 1].isspace():
        low += 1
    while end < high < len(text) and not text[high].isspace():
        high -= 1
    if not options.within_sentence:
        return low, high
    return within_sentence(text, span, (low, high), language)


def _chosen(
    found: Mapping[str, list[dict] | Reject], options: PairsOptions
) -> dict[str, list[dict | Reject]]:
    """The rows that counts and caps leave to each utterance, or why there are none."""
    groups: dict[tuple, dict[str, list[dict]]] = defaultdict(lambda: defaultdict(list))
    num_utterances: dict[str, int] = defaultdict(int)
    speakers: dict[str, str] = {}
    kept: dict[str, list[dict]] = {}
    for utterance_id, rows in found.items():
        if isinstance(rows, Reject):
            continue
        kept[utterance_id] = []
        for row in rows:
            groups[row["speaker"], row["split"]][row["ngram"]].append(row)
        if rows:
            speakers[utterance_id] = rows[0]["speaker"]
            num_utterances[rows[0]["speaker"]] += 1
    for (speaker, _), ngrams in groups.items():
        if num_utterances[speaker] >= options.min_utterances:
            for row in _capped(ngrams, options):
                kept[row["utterance_id"]].append(row)
    return {
        utterance_id: sorted(rows, key=lambda row: (row["word_index"], row["num_words"]))
        or [_nothing(utterance_id, speakers, num_utterances, options)]
        for utterance_id, rows in kept.items()
    }


def _capped(ngrams: Mapping[str, list[dict]], options: PairsOptions) -> Iterator[dict]:
    """Drawn by hash, so that a row's fate hangs on no order of rows."""
    often = [ngram for ngram, rows in ngrams.items() if len(rows) >= options.min_occurrences]
    often.sort(key=lambda ngram: (_hash(options.seed, ngram), ngram))
    for ngram in often[: options.max_ngrams or None]:
        yield from sorted(
            ngrams[ngram],
            key=lambda row: (_hash(options.seed, _name(row)), _name(row)),
        )[: options.max_occurrences or None]


def _name(row: Mapping) -> str:
    return f"{row['utterance_id']}/{row['word_index']}/{row['num_words']}"


def _nothing(
    utterance_id: str,
    speakers: Mapping[str, str],
    num_utterances: Mapping[str, int],
    options: PairsOptions,
) -> Reject:
    speaker = speakers.get(utterance_id)
    if speaker is None:
        detail = f"no n-gram lasts {options.min_ms} to {options.max_ms} ms"
        return Reject(utterance_id, "no_pairs", detail)
    if num_utterances[speaker] < options.min_utterances:
        detail = f"speaker {speaker} has {num_utterances[speaker]} utterances"
        return Reject(utterance_id, "too_little_speech", detail)
    detail = f"none of its n-grams occurs {options.min_occurrences} times, or all were over a cap"
    return Reject(utterance_id, "no_pairs", detail)


def _hash(seed: int, *parts: str) -> int:
    digest = blake2b("\x00".join([str(seed), *parts]).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")
