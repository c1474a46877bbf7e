"""Counts errors of a run against a reference, a shard at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from aubert.align.coverage import read_spans
from aubert.align.timeline import Timeline
from aubert.corpus.books import Bookshelf
from aubert.corpus.held_out import NOTHING, HeldOut
from aubert.evaluate.metrics import Figure, error_rate, proportion, quantile, share
from aubert.evaluate.reference import Reference, spoken, words_within
from aubert.evaluate.wer import aligned_pairs, word_errors
from aubert.text.normalise import Token, tokenize

CLOSE_CHARS = 5  # a boundary this near is at the right word


class Tally:
    """Collects the errors of every utterance; `figures_of` sums up the `values` of all shards.

    values: name -> speaker -> of each utterance (of each recording, for `skipped`) its outcomes
    """

    TABLES = ("recordings", "utterances", "transcripts", "refined", "words")

    def __init__(self, shelf: Bookshelf, reference: Reference, held_out: HeldOut = NOTHING):
        """held_out: of the run, whose books and speakers have error rates of their own."""
        self._shelf = shelf
        self._reference = reference
        self._held_out = held_out
        self._tokens: dict[str, list[Token]] = {}
        self.values: dict[str, dict[str, list[list]]] = defaultdict(lambda: defaultdict(list))

    def add(
        self,
        recordings: Iterable[dict],
        utterances: Iterable[dict],
        transcripts: Iterable[dict],
        refined: Iterable[dict],
        words: Iterable[dict],
    ) -> None:
        """Adds one shard, given the rows of its tables."""
        texts = {row["utterance_id"]: row["text"] for row in transcripts}
        spans = {row["utterance_id"]: row for row in refined}
        aligned = _grouped(words, "utterance_id")
        pieces = _grouped(utterances, "recording_id")
        for recording in recordings:
            truth = self._reference.words.get(recording["recording_id"])
            if truth is None:
                continue
            placed: list[tuple[dict, list[dict]]] = []
            self._speaker = recording["speaker"]
            for utterance in pieces[recording["recording_id"]]:
                name = utterance["utterance_id"]
                uttered = words_within(truth, utterance["slices"], recording["sample_rate_hz"])
                transcript = texts.get(name, "").split()
                span = spans.get(name)
                self._add_transcript(recording, truth, uttered, transcript)
                self._add_place(truth, uttered, span)
                self._add_extra(uttered, texts.get(name, ""), span)
                self._add_words(recording, utterance, uttered, aligned[name])
                placed += [(span, aligned[name])] if span else []
            self._add_skipped(truth, placed)

    def _put(self, name: str, outcomes: list) -> None:
        """Of one utterance, or recording."""
        if outcomes:
            self.values[name][self._speaker].append(outcomes)

    def _add_transcript(self, recording, truth, uttered, transcript) -> None:
        group = "train"
        if self._held_out.has_book(truth[0]["book_id"]):
            unseen = self._held_out.has_speaker(recording["speaker"])
            group = "unseen_voices" if unseen else "held_out"
        errors = (word_errors(spoken(uttered), transcript), len(spoken(uttered)))
        guess = (
            word_errors(spoken(uttered), self._guess_words(truth, uttered)),
            len(spoken(uttered)),
        )
        for name in {"all", group}:
            self._put(f"wer.{name}", [errors])
            self._put(f"wer.{name}.baseline", [guess])

    def _guess_words(self, truth, uttered) -> list[str]:
        """The book's words where an even pace through the chapter would be."""
        if not uttered:
            return []
        start, end = _even_pace(truth, uttered[0]["start_s"], uttered[-1]["end_s"])
        tokens = self._book_tokens(truth[0]["book_id"])
        return [word for t in tokens if start <= t.char_start < end for word in t.spoken]

    def _add_place(self, truth, uttered, span) -> None:
        read = [word for word in uttered if word["label"] == "READ"]
        if not read:
            return
        start, end = read[0]["char_start"], read[-1]["char_end"]
        guess = _even_pace(truth, read[0]["start_s"], read[-1]["end_s"])
        near = bool(max(abs(guess[0] - start), abs(guess[1] - end)) <= CLOSE_CHARS)
        self._put("placed.baseline", [near])
        placed = (
            span is not None
            and span["book_id"] == truth[0]["book_id"]
            and abs(span["char_start"] - start) <= CLOSE_CHARS
            and abs(span["char_end"] - end) <= CLOSE_CHARS
        )
        self._put("placed", [placed])

    def _add_extra(self, uttered, text, span) -> None:
        """Whether each word of the transcript is rightly EXTRA; unplaced utterances are all so."""
        transcript = text.split()
        labels = [word["label"] for word in uttered for _ in word["spoken"].split()]
        extra = _extra_words(text, span)
        pairs = aligned_pairs(spoken(uttered), transcript)
        self._put("extra", [(labels[true] == "EXTRA", extra[found]) for true, found in pairs])

    def _add_skipped(self, truth, placed) -> None:
        """Whether each token inside the chapter's range is rightly called SKIPPED."""
        read = {word["char_start"] for word in truth if word["label"] == "READ"}
        if not read or not placed:
            return
        text = self._shelf.text(truth[0]["book_id"])
        called_read = np.zeros(len(text), bool)
        for span, words in placed:
            places = [(word["char_start"], word["char_end"]) for word in words]
            for start, end in read_spans(span["runs"], places, text):
                called_read[start:end] = True
        outcomes = []
        for token in self._book_tokens(truth[0]["book_id"]):
            if min(read) <= token.char_start <= max(read):
                middle = (token.char_start + token.char_end) // 2
                truly = token.char_start not in read
                outcomes.append((truly, not called_read[middle]))
        self._put("skipped", outcomes)

    def _add_words(self, recording, utterance, uttered, aligned) -> None:
        timeline = Timeline(utterance["slices"], recording["sample_rate_hz"])
        read = [word for word in uttered if word["label"] == "READ"]
        by_place = {word["char_start"]: word for word in aligned}
        outcomes: dict[str, list] = defaultdict(list)
        for true, (guess_start, guess_end) in zip(read, _even_letters(read), strict=True):
            outcomes["guess_start"].append(abs(guess_start - true["start_s"]) * 1000)
            outcomes["guess_end"].append(abs(guess_end - true["end_s"]) * 1000)
            found = by_place.get(true["char_start"])
            outcomes["timed"].append(found is not None)
            if found is None:
                continue
            start_ms = found["recording_start_ms"]
            # The end belongs to the slice that holds the word's last millisecond.
            end_ms = timeline.recording_ms(found["end_ms"] - 1) + 1
            outcomes["start"].append(abs(start_ms - true["start_s"] * 1000))
            outcomes["end"].append(abs(end_ms - true["end_s"] * 1000))
        for name, found in outcomes.items():
            self._put(name, found)

    def _book_tokens(self, book_id: str) -> list[Token]:
        if book_id not in self._tokens:
            tokens = tokenize(self._shelf.text(book_id), self._shelf.language(book_id))
            self._tokens[book_id] = [token for token in tokens if token.spoken]
        return self._tokens[book_id]


class _Outcomes:
    """All outcomes of one name, and what an interval may resample of them.

    values: of all words, or utterances. clusters: of evaluate.intervals
    """

    def __init__(self, found: Mapping[str, list[list]], pieces: str = "utterances"):
        """found: speaker -> of each of the `pieces` its outcomes."""
        self.values: list = []
        speakers, owners = [], []
        for speaker, own in sorted(found.items()):
            for number, outcomes in enumerate(own):
                self.values += outcomes
                speakers += [speaker] * len(outcomes)
                owners += [(speaker, number)] * len(outcomes)
        self.clusters = {"speakers": speakers, pieces: owners}

    def only(self, kept: Sequence[bool]) -> dict[str, list]:
        """The clusters of some of the values."""
        return {
            name: [owner for owner, keep in zip(owners, kept, strict=True) if keep]
            for name, owners in self.clusters.items()
        }


def figures_of(values: Mapping[str, Mapping[str, list[list]]]) -> dict[str, Figure | None]:
    """Every figure that collected utterances give. values: of Tally"""
    figures: dict[str, Figure | None] = {}

    def outcomes(name: str, pieces: str = "utterances") -> _Outcomes:
        return _Outcomes(values.get(name, {}), pieces)

    names = {"": "held_out", "_unseen_voices": "unseen_voices", "_all": "all"}
    for suffix, group in names.items():
        for control in ("", ".baseline"):
            found = outcomes(f"wer.{group}{control}")
            errors, lengths = np.array(found.values, np.int64).reshape(-1, 2).T
            rate = error_rate(errors, lengths, found.clusters)
            figures[f"transcribe.wer{suffix}{control}"] = rate
    for control in ("", ".baseline"):
        found = outcomes(f"placed{control}")
        figures[f"match.placed_within_5_chars{control}"] = share(found.values, found.clusters)
    for label, pieces in (("skipped", "recordings"), ("extra", "utterances")):
        figures.update(_precision_and_recall(f"match.{label}", outcomes(label, pieces)))
    timed = outcomes("timed")
    figures["words.timed"] = share(timed.values, timed.clusters)
    for edge in ("start", "end"):
        errors, guesses = outcomes(edge), outcomes(f"guess_{edge}")
        name = f"words.{edge}_error_ms"
        figures[f"{name}_median"] = quantile(errors.values, 0.5, errors.clusters)
        figures[f"{name}_median.baseline"] = quantile(guesses.values, 0.5, guesses.clusters)
        figures[f"{name}_p90"] = quantile(errors.values, 0.9, errors.clusters)
        for limit_ms in (50, 80):
            near = [error < limit_ms for error in errors.values]
            figures[f"words.{edge}_within_{limit_ms}_ms"] = share(near, errors.clusters)
    return figures


def _grouped(rows: Iterable[dict], column: str) -> dict[str, list[dict]]:
    groups: dict[str, list[dict]] = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return groups


def _even_pace(truth: list[dict], start_s: float, end_s: float) -> tuple[float, float]:
    """Where in the book a reader of even pace would be at the two times."""
    read = [word for word in truth if word["label"] == "READ"]
    seconds = [read[0]["start_s"], read[-1]["end_s"]]
    chars = [read[0]["char_start"], read[-1]["char_end"]]
    return tuple(np.interp([start_s, end_s], seconds, chars))


def _even_letters(read: list[dict]) -> list[tuple[float, float]]:
    """Start and end of each word, were all letters between first and last equally long."""
    if not read:
        return []
    lengths = np.array([len(word["spoken"]) for word in read], np.float64)
    edges = np.concatenate([[0.0], np.cumsum(lengths)]) / lengths.sum()
    edges = read[0]["start_s"] + edges * (read[-1]["end_s"] - read[0]["start_s"])
    return list(pairwise(edges))


def _extra_words(text: str, span: dict | None) -> list[bool]:
    """Per word of the transcript, whether it is EXTRA."""
    if span is None:
        return [True] * len(text.split())
    flags = np.ones(len(text) + 1, bool)
    for run in span["runs"]:
        flags[run["text_start"] : run["text_end"]] = run["label"] == "EXTRA"
    middles, position = [], 0
    for word in text.split():
        start = text.index(word, position)
        position = start + len(word)
        middles.append((start + position) // 2)
    return [bool(flags[middle]) for middle in middles]


def _precision_and_recall(name: str, found: _Outcomes) -> dict[str, Figure | None]:
    """Of outcomes (truly so, called so) per word. The baseline calls every word so."""
    truly = [true for true, _ in found.values]
    called = [guess for _, guess in found.values]
    return {
        f"{name}_precision": share(
            [true for true, guess in found.values if guess], found.only(called)
        ),
        f"{name}_precision.baseline": proportion(sum(truly), len(truly)),
        f"{name}_recall": share([guess for true, guess in found.values if true], found.only(truly)),
    }
