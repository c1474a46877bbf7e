"""Emissions to words: pyctcdecode's beam search with a KenLM model, or greedy.

Source of the search: pyctcdecode 0.5. What it does silently and this module does not
leave to it: it takes words of an ARPA file without a back-off weight for unknown (they
are read here), guesses the meaning of the label "_" (labels come folded), keeps
<s> and <unk> as text (they count as blank), and lets a language model in capitals, such
as LibriSpeech's, find no word of a lower-case checkpoint (the case is the model's).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from aubert.corpus.books import BookError, Bookshelf
from aubert.corpus.languages import Languages
from aubert.encoders.network import utterance_audio
from aubert.options import NaturalFloat, PositiveInt, options_class
from aubert.processes import killed_workers_named, pool
from aubert.stage import Reject
from aubert.text.book_lm import training_sentences
from aubert.text.language import Language
from aubert.text.languages import pack_of
from aubert.text.lm import arpa_vocabulary, build_arpa
from aubert.text.normalise import spoken_words
from aubert.transcribe.ctc import CtcModel, EmissionOptions
from aubert.transcribe.vocabulary import SPACE, Vocabulary

# The transcripts cost GPU time, so an edit of this code does not make them again: raise
# this when they would come out different, and the workflow does.
VERSION = 3
_IMPOSSIBLE = -50.0  # a log-probability
LOOK_AHEAD = 8  # utterances per process that wait for their turn: bounds the memory


@options_class
class DecodeOptions(EmissionOptions):
    """How emissions are decoded to words.

    beam_width: hypotheses that are kept per frame; AuBERT's 20; 1 without a language model is
      greedy decoding
    lm_path: ARPA file of a language model; null: none
    alpha: weight of the language model against the emissions; AuBERT's 0.5; tune it per checkpoint;
      no effect without a language model
    beta: score added per word, against the language model's liking for few words; AuBERT's 1; no
      effect without a language model
    """

    beam_width: PositiveInt = 20
    lm_path: str | None = None
    alpha: NaturalFloat = 0.5
    beta: float = 1.0


@options_class
class CtcOptions(DecodeOptions):
    """How a CTC checkpoint transcribes.

    book_biased: whether the language model is built from the recording's book; speech without a
      usable book gets lm_path
    """

    book_biased: bool = False


@dataclass(frozen=True)
class Transcript:
    """The transcript of one utterance."""

    text: str  # lower-case spoken words, one space between; empty: no word
    score: float  # log-probability per frame of the path that was taken, without the model


class Decoder:
    """Turns emissions into text. Can be sent to another process, where it loads its models."""

    def __init__(
        self, vocabulary: Vocabulary, options: DecodeOptions, language: str | Language = "en"
    ):
        """language: BCP 47, or a pack, in whose spoken words the text comes."""
        self._vocabulary = vocabulary
        self._language = language
        self._options = options

    def __call__(
        self, log_probs: np.ndarray, lm_path: str | None, pauses: Sequence[int] = ()
    ) -> Transcript:
        """log_probs: [num_frames, num_tokens] of the checkpoint, at least one frame.

        pauses: frames at which no word goes on; there the emission is a space for certain.
        """
        folded = self._vocabulary.fold(log_probs)
        if len(pauses) and SPACE in self._vocabulary.labels:
            folded[pauses] = _IMPOSSIBLE
            folded[pauses, self._vocabulary.labels.index(SPACE)] = 0.0
        if lm_path is None and self._options.beam_width == 1:
            text, score = self._greedy(folded)
        else:
            text, score = self._beam(folded, lm_path)
        # Rounded, for the last digits depend on the batch that the emission was computed in.
        return Transcript(
            " ".join(spoken_words(text.lower(), self._language)), round(score / len(folded), 4)
        )

    def _greedy(self, folded: np.ndarray) -> tuple[str, float]:
        path = folded.argmax(axis=1).tolist()
        text = "".join(self._vocabulary.labels[label] for label, _ in groupby(path))
        return text, float(folded.max(axis=1).sum())

    def _beam(self, folded: np.ndarray, lm_path: str | None) -> tuple[str, float]:
        search = _search(self._vocabulary, lm_path, self._options.alpha, self._options.beta)
        # Pruning hypotheses that the model can no longer distinguish spares the best one.
        beams = search.decode_beams(folded, beam_width=self._options.beam_width, prune_history=True)
        text, _, _, score, _ = beams[0]
        return text, float(score)


@lru_cache(maxsize=1)  # utterances come book by book
def _search(vocabulary: Vocabulary, lm_path: str | None, alpha: float, beta: float):
    import logging

    from pyctcdecode.alphabet import Alphabet
    from pyctcdecode.decoder import BeamSearchDecoderCTC

    if SPACE not in vocabulary.labels:
        raise ValueError("the checkpoint's vocabulary has no token between words (| or a space)")
    logging.getLogger("pyctcdecode").setLevel(logging.ERROR)
    BeamSearchDecoderCTC.clear_class_models()  # it would keep every model that was ever loaded
    labels = list(vocabulary.labels)
    if lm_path is None:
        return BeamSearchDecoderCTC(Alphabet(labels, is_bpe=False))
    words = arpa_vocabulary(lm_path)
    if sum(word.isupper() for word in words) > len(words) / 2:
        labels = [label.upper() for label in labels]
    return BeamSearchDecoderCTC(
        Alphabet(labels, is_bpe=False), _language_model(lm_path, words, alpha, beta)
    )


def _language_model(lm_path: str, words: list[str], alpha: float, beta: float):
    import kenlm
    from pyctcdecode.language_model import LanguageModel

    config = kenlm.Config()
    config.show_progress = False
    config.arpa_complain = kenlm.ARPALoadComplain.NONE
    return LanguageModel(kenlm.Model(lm_path, config), words, alpha=alpha, beta=beta)


def transcribe_ctc(
    recordings: Iterable[Mapping],
    utterances: Iterable[Mapping],
    corpus_root: Path,
    shelf: Bookshelf,
    options: CtcOptions,
    jobs: int = 1,
) -> Iterator[dict | Reject]:
    """Yields a row of `transcripts`, or a reject, for each row of `utterances`, in their order.

    jobs: processes for the beam search, beside the one that computes emissions; the result
    does not depend on it. Rejects carry audio's reasons, no_words, or language_unread (first).
    """
    by_id = {recording["recording_id"]: recording for recording in recordings}
    model = CtcModel.load(options)
    languages = Languages(shelf, partial(_unread, model))
    unread = languages.rejects(list(by_id.values()))
    wanted = []
    for utterance in utterances:
        if (reject := unread.get(utterance["recording_id"])) is not None:
            yield replace(reject, id=utterance["utterance_id"])
        else:
            wanted.append(utterance)
    sound = utterance_audio(by_id, wanted, corpus_root, model.sample_rate_hz)
    with TemporaryDirectory(prefix="aubert-lm-") as folder:
        models = _BookModels(shelf, Path(folder), options)

        def task(utterance: Mapping) -> tuple[Decoder, str | None, list[int]]:
            recording = by_id[utterance["recording_id"]]
            tag = languages.of(recording)
            vocabulary = model.vocabulary(pack_of(tag))
            pauses = _pauses(utterance, recording["sample_rate_hz"], model)
            lm_path = models.path(recording["book_id"], tag, vocabulary)
            return Decoder(vocabulary, options, tag), lm_path, pauses

        yield from _decoded(model.emissions(sound), map(task, wanted), jobs)


def _unread(model: CtcModel, tag: str) -> str | None:
    """Why the checkpoint does not read a language: it lacks all letters that make its alphabet."""
    pack = pack_of(tag)
    letters = model.vocabulary(pack).letters
    is_own = model.language is not None and pack_of(model.language).base == pack.base
    if is_own or not pack.own_letters or set(pack.own_letters) & set(letters):
        return None
    return (
        f"the checkpoint writes no {' '.join(pack.own_letters)}: it reads another language; give "
        f"one that reads {pack.name} in transcribe.ctc.model"
    )


def _pauses(utterance: Mapping, sample_rate_hz: int, model: CtcModel) -> list[int]:
    """Frames at the joints of the utterance's slices. Between slices was silence, of which
    little is left: hardly enough for the network to see that a word ends."""
    lengths = [piece["end_sample"] - piece["start_sample"] for piece in utterance["slices"]]
    joints = np.cumsum(lengths[:-1]) * (model.sample_rate_hz / sample_rate_hz)
    frames = np.round((joints - model.receptive_samples / 2) / model.stride_samples).astype(int)
    num_frames = model.num_frames(round(sum(lengths) * model.sample_rate_hz / sample_rate_hz))
    return [frame for frame in frames.tolist() if 0 <= frame < num_frames]


class _BookModels:
    """The language model of each book, built when it is first asked for."""

    def __init__(self, shelf: Bookshelf, folder: Path, options: CtcOptions):
        self._shelf = shelf
        self._folder = folder
        self._options = options
        self._paths: dict[tuple[str, str], str | None] = {}

    def path(self, book_id: str | None, language: str, vocabulary: Vocabulary) -> str | None:
        """language: of the recording; vocabulary: what the checkpoint can spell."""
        if not self._options.book_biased:
            return self._options.lm_path
        if book_id is None:
            return self._options.lm_path
        key = (book_id, language)
        if key not in self._paths:
            self._paths[key] = self._build(book_id, language, vocabulary)
        return self._paths[key]

    def _build(self, book_id: str, language: str, vocabulary: Vocabulary) -> str | None:
        try:
            text = self._shelf.text(book_id)
        except BookError:
            return self._options.lm_path
        path = self._folder / f"{len(self._paths)}.arpa"
        sentences = training_sentences([text], language)
        if set(pack_of(language).letters) - set(vocabulary.letters):
            # What the checkpoint cannot spell would never be found.
            sentences = [[*map(vocabulary.spelled, words)] for words in sentences]
        build_arpa(sentences, path)
        return str(path)


def _decoded(
    emissions: Iterable[tuple[str, np.ndarray] | Reject],
    tasks: Iterable[tuple[Decoder, str | None, Sequence[int]]],
    jobs: int,
) -> Iterator[dict | Reject]:
    """tasks: of each emission its decoder, its language model and its pauses."""
    waiting: deque[tuple[str, int, Future] | Reject] = deque()
    with killed_workers_named(), _Processes(jobs) as processes:
        for item, (decoder, lm_path, pauses) in zip(emissions, tasks, strict=True):
            if isinstance(item, Reject):
                waiting.append(item)
            elif not len(item[1]):
                detail = "shorter than one frame of the checkpoint"
                waiting.append(Reject(item[0], "no_words", detail))
            else:
                utterance_id, log_probs = item
                future = processes.submit(decoder, log_probs, lm_path, pauses)
                waiting.append((utterance_id, len(log_probs), future))
            while len(waiting) > LOOK_AHEAD * jobs:
                yield _row(waiting.popleft())
        while waiting:
            yield _row(waiting.popleft())


def _row(item: tuple[str, int, Future] | Reject) -> dict | Reject:
    if isinstance(item, Reject):
        return item
    utterance_id, num_frames, future = item
    transcript: Transcript = future.result()
    if not transcript.text:
        return Reject(utterance_id, "no_words", f"no word in {num_frames} frames")
    return {"utterance_id": utterance_id, "num_frames": num_frames, **vars(transcript)}


class _Processes:
    """Runs calls in `jobs` processes; with one job, at once and in this one."""

    def __init__(self, jobs: int):
        self._pool = pool(jobs) if jobs > 1 else None

    def __enter__(self) -> _Processes:
        return self

    def __exit__(self, *_) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def submit(self, call: Callable, *arguments) -> Future:
        if self._pool:
            return self._pool.submit(call, *arguments)
        done: Future = Future()
        done.set_result(call(*arguments))
        return done
