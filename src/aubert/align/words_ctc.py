"""Word times by CTC forced alignment: torchaudio.functional.forced_align with a star.

The script of an utterance says what was read; speech that the book does not hold is
covered by a star, a token that stands for anything (Pratap et al., "Scaling Speech
Technology to 1,000+ Languages", 2023). There and in torchaudio the star
has probability 1 in every frame, which lets it eat words of which the model is not
sure. Here it has the probability of the frame's most probable label: it explains any
frame as well as the best letter or blank does, and never better, so it gains nothing
from frames that belong to a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aubert import tables
from aubert.align.edges import Calibration, Loudness, Spikes, calibrate, word_edges
from aubert.align.script import ScriptItem, build_script
from aubert.align.timeline import Timeline, word_rows
from aubert.corpus.books import BookError, Bookshelf
from aubert.corpus.clips import drawn
from aubert.corpus.held_out import NOTHING, HeldOut
from aubert.encoders.network import utterance_audio
from aubert.options import options_class
from aubert.progress import progress
from aubert.stage import Reject
from aubert.text.languages import pack_of
from aubert.transcribe.ctc import CtcModel, EmissionOptions
from aubert.transcribe.vocabulary import SPACE, Vocabulary

VERSION = 5  # raise it when the words would come out different: the workflow then aligns again

# In log-probability, per frame. Without it star and blank tie, and where the two states
# behind a token tie forced_align (2.11) takes the third, however bad.
STAR_PENALTY = 0.01
CALIBRATION_UTTERANCES = 200  # whose pauses fix the median edge to a few milliseconds
# How much less probable the path through a token may be than the one without it, in
# log-probability, where the transcript lacks the token.
SKIP_COST = 24.0


@options_class
class WordsCtcOptions(EmissionOptions):
    """How a CTC checkpoint times words.

    edge_stars: let anything be spoken before the first and after the last word of an
      utterance; for transcripts that miss speech at the ends
    calibration: json file of the checkpoint's edge offsets (calibrate_ctc); none: edges in
      running speech stay where the spikes are, some 70 ms late at starts
    """

    edge_stars: bool = False
    calibration: str | None = None


class Span(NamedTuple):
    """One token on the path: frames [start, end) and its mean log-probability in them."""

    start: int
    end: int
    log_prob: float


def align_tokens(log_probs: np.ndarray, tokens: Sequence[int]) -> list[Span]:
    """The most probable CTC path that emits `tokens`: one span per token, in order.

    log_probs: float32 [num_frames, num_labels], the blank in column 0. Raises ValueError
    when there are fewer frames than the tokens, and a blank between equal ones, need.
    """
    from torchaudio.functional import merge_tokens

    needed = _frames_needed(tokens)
    if len(log_probs) < needed:
        raise ValueError(f"{needed} frames are needed to say this, the audio has {len(log_probs)}")
    path, scores = _best_path(log_probs, tokens)
    spans = [Span(s.start, s.end, s.score) for s in merge_tokens(path, scores, blank=0)]
    assert len(spans) == len(tokens), (len(spans), len(tokens))
    return spans


def _frames_needed(tokens: Sequence[int]) -> int:
    return len(tokens) + sum(a == b for a, b in pairwise(tokens))


def _best_path(log_probs: np.ndarray, tokens: Sequence[int]):
    """The label of every frame and its log-probability: tensors [num_frames]."""
    import torch
    from torchaudio.functional import forced_align

    # forced_align takes one utterance at a time (2.11); it is no bottleneck.
    path, scores = forced_align(
        torch.from_numpy(np.ascontiguousarray(log_probs))[None],
        torch.tensor([list(tokens)], dtype=torch.int32),
        blank=0,
    )
    return path[0], scores[0]


def emission_with_star(vocabulary: Vocabulary, log_probs: np.ndarray) -> np.ndarray:
    """[num_frames, num_tokens] -> [num_frames, num_labels + 1]: folded, the space counted as
    blank (a silence between words that need not be there), the star in the last column."""
    folded = vocabulary.fold(log_probs)
    if SPACE in vocabulary.labels:
        space = vocabulary.labels.index(SPACE)
        folded[:, 0] = np.logaddexp(folded[:, 0], folded[:, space])
        folded[:, space] = -np.inf
    # Growing, so that a star now and a blank then never weigh as much as the other way round.
    penalty = STAR_PENALTY * np.linspace(1, 2, len(folded), dtype=np.float32)
    star = folded.max(axis=1, keepdims=True) - penalty[:, None]
    return np.concatenate([folded, star], axis=1)


@dataclass(frozen=True)
class Aligned:
    """The spikes of an utterance's script.

    script: without the optional items that the audio does not support
    items: indices into the script of the words that have spikes of their own; words that
    are not in the book, and those without a letter of the vocabulary, have none
    spikes, confidences: per entry of `items`
    joined: per pair of neighbours in `items`, whether no star stands between them
    """

    script: list[ScriptItem]
    items: list[int]
    spikes: list[Spikes]
    confidences: list[float]
    joined: list[bool]


def align_script(
    model: CtcModel,
    log_probs: np.ndarray,
    script: Sequence[ScriptItem],
    edge_stars: bool = False,
    language: str = "en",
) -> Aligned:
    """Places a script in the emission of its utterance.

    language: BCP 47, of the script; letters that the checkpoint lacks are spelled by others.
    A word's confidence is exp(mean log-probability of its letters over their frames), 0..1.
    An optional word is left out where the path without it is more probable by SKIP_COST.
    Raises ValueError when the script holds no word to place or does not fit.
    """
    vocabulary = model.vocabulary(pack_of(language))
    emission = emission_with_star(vocabulary, log_probs)
    script = _supported(emission, script, vocabulary, edge_stars)
    tokens, spelled = _tokens(script, vocabulary, edge_stars)
    if not spelled:
        raise ValueError("the utterance holds no word of the book that the checkpoint can spell")
    spans = align_tokens(emission, tokens)
    words = [spans[part] for part in spelled.values()]
    return Aligned(
        script=script,
        items=list(spelled),
        spikes=[_spikes(word, model) for word in words],
        confidences=[_confidence(word) for word in words],
        joined=[a.stop == b.start for a, b in pairwise(spelled.values())],
    )


def _tokens(
    script: Sequence[ScriptItem], vocabulary: Vocabulary, edge_stars: bool
) -> tuple[list[int], dict[int, slice]]:
    """The letters of a script's words, a star for what has none, and where each word's are."""
    star = len(vocabulary.labels)
    tokens: list[int] = [star] if edge_stars else []
    spelled: dict[int, slice] = {}  # script index -> its tokens
    for index, item in enumerate(script):
        letters = [] if item.token is None else vocabulary.encode("".join(item.spoken))
        if letters:
            spelled[index] = slice(len(tokens), len(tokens) + len(letters))
            tokens.extend(letters)
        elif tokens[-1:] != [star]:
            tokens.append(star)
    if edge_stars and tokens[-1] != star:
        tokens.append(star)
    return tokens, spelled


def _supported(
    emission: np.ndarray, script: Sequence[ScriptItem], vocabulary: Vocabulary, edge_stars: bool
) -> list[ScriptItem]:
    """The script without the optional items that the audio does not support. They are few, and
    tried one after another: the words beside an item are there when it is judged."""

    def log_prob(items: list[ScriptItem]) -> float:
        tokens, spelled = _tokens(items, vocabulary, edge_stars)
        if not spelled or len(emission) < _frames_needed(tokens):
            return -np.inf
        return float(_best_path(emission, tokens)[1].sum())

    script = list(script)
    optional = [item for item in script if item.optional]
    best = log_prob(script) if optional else 0.0
    for item in optional:
        without = [other for other in script if other is not item]
        found = log_prob(without)
        if found > best + SKIP_COST:
            script, best = without, found
    return script


def _spikes(word: Sequence[Span], model: CtcModel) -> Spikes:
    """A frame stands for one stride in the middle of what it sees."""
    margin = (model.receptive_samples - model.stride_samples) / 2

    def seconds(frame: int) -> float:
        return (frame * model.stride_samples + margin) / model.sample_rate_hz

    return Spikes(tuple((seconds(span.start), seconds(span.end)) for span in word))


def _confidence(word: Sequence[Span]) -> float:
    frames = [span.end - span.start for span in word]
    mean = np.average([span.log_prob for span in word], weights=frames)
    # Rounded, for the last digits depend on the batch that the emission was computed in.
    return round(min(float(np.exp(mean)), 1.0), 4)


def words_ctc(
    recordings: Iterable[Mapping],
    utterances: Iterable[Mapping],
    transcripts: Iterable[Mapping],
    refined: Iterable[Mapping],
    corpus_root: Path,
    shelf: Bookshelf,
    options: WordsCtcOptions,
    jobs: int = 1,
) -> Iterator[dict | Reject]:
    """Yields rows of `words`, or a reject, for each row of `refined`, in their order.

    A word without a letter that the checkpoint knows gets what lies between its neighbours,
    with confidence 0. Rejects carry audio's and the book's reasons, or alignment_failed.
    jobs: no effect; the time goes into emissions, which one process computes.
    """
    calibration = Calibration.load(options.calibration) if options.calibration else Calibration()
    recordings = {recording["recording_id"]: recording for recording in recordings}
    utterances = {utterance["utterance_id"]: utterance for utterance in utterances}
    results = _aligned(recordings, utterances, transcripts, refined, corpus_root, shelf, options)
    for result in results:
        if isinstance(result, Reject):
            yield result
            continue
        utterance = utterances[result.utterance_id]
        rate_hz = recordings[utterance["recording_id"]]["sample_rate_hz"]
        aligned = result.aligned
        edges = word_edges(aligned.spikes, aligned.joined, result.loudness, calibration)
        yield from word_rows(
            result.utterance_id,
            Timeline(utterance["slices"], rate_hz),
            result.book_text,
            aligned.script,
            _times(aligned, edges, result.loudness.duration_s),
        )


def calibrate_ctc(
    recordings: Iterable[Mapping],
    utterances: Iterable[Mapping],
    transcripts: Iterable[Mapping],
    refined: Iterable[Mapping],
    corpus_root: Path,
    shelf: Bookshelf,
    options: WordsCtcOptions,
) -> Calibration:
    """The checkpoint's edge offsets, from the pauses of the utterances of `refined`
    (calibration_tables). Once per checkpoint: all shards share the result."""
    refined = list(refined)
    recordings = {recording["recording_id"]: recording for recording in recordings}
    utterances = {utterance["utterance_id"]: utterance for utterance in utterances}
    results = _aligned(recordings, utterances, transcripts, refined, corpus_root, shelf, options)
    return calibrate(
        (result.aligned.spikes, result.loudness)
        for result in progress(results, what="calibrate", total=len(refined), unit="utterance")
        if not isinstance(result, Reject)
    )


def calibration_tables(
    results: Path, held_out: HeldOut = NOTHING
) -> tuple[list[dict], list[dict], list[dict], list[dict]]:
    """Rows of recordings, utterances, transcripts and refined of CALIBRATION_UTTERANCES utterances
    below `results` that are not held out, drawn by hash from all shards."""

    def ids(refined: Path) -> Iterator[str]:
        shard = (results / name / refined.name for name in ("recordings", "utterances"))
        without = held_out.utterances_of(*shard)
        found = tables.read(refined, "refined", ["utterance_id"])["utterance_id"].to_pylist()
        return (name for name in found if name not in without)

    shards = tables.shards(results, "refined")
    chosen = drawn(chain.from_iterable(map(ids, shards)), CALIBRATION_UTTERANCES)
    utterances, transcripts, refined = (
        tables.rows_of_ids(results, name, chosen)
        for name in ("utterances", "transcripts", "refined")
    )
    of = {row["recording_id"] for row in utterances}
    return tables.rows_of_ids(results, "recordings", of), utterances, transcripts, refined


class _Utterance(NamedTuple):
    utterance_id: str
    book_text: str
    aligned: Aligned
    loudness: Loudness


def _aligned(
    recordings: Mapping[str, Mapping],
    utterances: Mapping[str, Mapping],
    transcripts: Iterable[Mapping],
    refined: Iterable[Mapping],
    corpus_root: Path,
    shelf: Bookshelf,
    options: WordsCtcOptions,
) -> Iterator[_Utterance | Reject]:
    model = CtcModel.load(options)
    refined = list(refined)
    book_text = lru_cache(maxsize=2)(shelf.text)  # utterances come book by book
    texts = {row["utterance_id"]: row["text"] for row in transcripts}
    wanted = (utterances[row["utterance_id"]] for row in refined)
    sound = utterance_audio(recordings, wanted, corpus_root, model.sample_rate_hz)
    loudness: dict[str, Loudness] = {}  # of the utterances whose emissions are under way

    def measured() -> Iterator[tuple[str, np.ndarray] | Reject]:
        for item in sound:
            if not isinstance(item, Reject):
                loudness[item[0]] = Loudness(item[1], model.sample_rate_hz)
            yield item

    for row, item in zip(refined, model.emissions(measured()), strict=True):
        if isinstance(item, Reject):
            yield item
            continue
        utterance_id, log_probs = item
        silences = loudness.pop(utterance_id)
        try:
            text = book_text(row["book_id"])
            script = build_script(text, row, texts[utterance_id])
            aligned = align_script(model, log_probs, script, options.edge_stars, row["language"])
        except BookError as error:
            yield Reject(utterance_id, error.reason, error.detail)
        except ValueError as error:
            yield Reject(utterance_id, "alignment_failed", str(error))
        else:
            yield _Utterance(utterance_id, text, aligned, silences)


def _times(
    aligned: Aligned, edges: Sequence[tuple[float, float]], duration_s: float
) -> list[tuple[float, float, float]]:
    """(start_s, end_s, confidence) of every item of the script."""
    placed = {
        item: (*edge, confidence)
        for item, edge, confidence in zip(aligned.items, edges, aligned.confidences, strict=True)
    }
    times: list[tuple[float, float, float]] = []
    for index, item in enumerate(aligned.script):
        if index in placed:
            times.append(placed[index])
            continue
        start = times[-1][1] if times else 0.0
        following = next((placed[i][0] for i in aligned.items if i > index), duration_s)
        # What is not in the book has no row: it must not push the word behind it.
        times.append((start, start if item.token is None else following, 0.0))
    return times
