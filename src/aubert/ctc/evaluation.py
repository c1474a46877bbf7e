"""Word and character error rates of a CTC checkpoint on labelled folders."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from aubert import audio
from aubert.corpus.books import BookError, Bookshelf
from aubert.corpus.held_out import NOTHING, HeldOut
from aubert.corpus.labelled import LabelledUtterance, read_labelled
from aubert.ctc.alphabet import notes
from aubert.evaluate.metrics import Figure, error_rate
from aubert.evaluate.wer import character_errors, word_errors
from aubert.progress import progress
from aubert.text.book_lm import training_sentences
from aubert.text.language import Language
from aubert.text.languages import pack_of
from aubert.text.lm import build_arpa
from aubert.transcribe.ctc import CtcModel
from aubert.transcribe.decode import DecodeOptions, Decoder

PLAIN = "seen"  # the folder whose figures have no name in their key: the voices of the training


def evaluate_ctc(
    folders: Mapping[str, Path],
    options: DecodeOptions,
    shelf: Bookshelf | None = None,
    language: str = "en",
    held_out: HeldOut = NOTHING,
) -> dict[str, Figure | None]:
    """`wer` with a language model (n words), `wer_greedy` without one, `cer_greedy` (n
    characters, spaces counted) of the folder called "seen"; `<name>_wer` and so on of others.

    The language model is options.lm_path or, without it, one of the shelf's books that are not held
    out; without either, and without such a book, there is no `wer`. language: BCP 47, of the
    transcripts. Utterances with letters that neither its pack nor the checkpoint has, with audio
    that cannot be decoded or holds more than their text are left out, with a warning. Raises
    ValueError for folders that are not labelled or have nothing left.
    """
    model = CtcModel.load(options)
    pack = pack_of(language).with_letters(model.letters)
    utterances = {name: _written(folder, pack) for name, folder in folders.items()}
    greedy = Decoder(model.vocabulary(pack), replace(options, beam_width=1), pack)
    beam = Decoder(model.vocabulary(pack), options, pack)
    figures: dict[str, Figure | None] = {}
    with _language_model(options.lm_path, shelf, pack.base, held_out) as lm_path:
        for name, labelled in utterances.items():
            prefix = "" if name == PLAIN else f"{name}_"
            emissions, labelled = _emissions(model, labelled, folders[name])
            references = [utterance.text.split() for utterance in labelled]
            rate = partial(_rate, labelled, references)
            hypotheses = [_words(greedy, emission, None) for emission in emissions]
            figures[f"{prefix}wer_greedy"] = rate(word_errors, hypotheses, references)
            letters = [utterance.text for utterance in labelled]
            figures[f"{prefix}cer_greedy"] = rate(character_errors, hypotheses, letters)
            if lm_path is not None:
                hypotheses = [_words(beam, emission, lm_path) for emission in emissions]
                figures[f"{prefix}wer"] = rate(word_errors, hypotheses, references)
    return figures


def _written(folder: Path, pack: Language) -> list[LabelledUtterance]:
    utterances = read_labelled([folder], pack)
    for note in notes(utterances, pack):
        warnings.warn(f"{folder}: {note}", stacklevel=3)
    whole = [each for each in utterances if not each.has_extra]
    if len(whole) < len(utterances):
        number = len(utterances) - len(whole)
        warnings.warn(f"{folder}: {number} utterances hold more than their text", stacklevel=3)
    return [each for each in whole if not each.unwritten]


def _emissions(
    model: CtcModel, labelled: Sequence[LabelledUtterance], folder: Path
) -> tuple[list[np.ndarray], list[LabelledUtterance]]:
    """And the utterances that they are of: those whose audio can be decoded."""
    faults: list[str] = []

    def sounds() -> Iterator[tuple[str, np.ndarray]]:
        for each in progress(labelled, what="ctc", total=len(labelled), unit="utterance"):
            try:
                yield each.utterance_id, each.decode(model.sample_rate_hz)
            except audio.AudioError as error:
                faults.append(error.detail)

    found = dict(model.emissions(sounds()))
    if faults:
        named = "; ".join(faults[:5]) + ("; ..." if len(faults) > 5 else "")
        warnings.warn(f"{folder}: {len(faults)} utterances are left out: {named}", stacklevel=3)
    if not found:
        raise ValueError(f"{folder}: none of its utterances can be measured on")
    kept = [each for each in labelled if each.utterance_id in found]
    return [found[each.utterance_id] for each in kept], kept


def _words(decoder: Decoder, emission: np.ndarray, lm_path: str | None) -> list[str]:
    return decoder(emission, lm_path).text.split() if len(emission) else []


def _rate(
    labelled: Sequence[LabelledUtterance],
    references: Sequence[list[str]],
    errors: Callable[[list[str], list[str]], int],
    hypotheses: Sequence[list[str]],
    counted: Sequence[Sequence],
) -> Figure | None:
    """counted: what an utterance's errors are counted against."""
    pairs = zip(references, hypotheses, strict=True)
    owners = {
        "speakers": [each.speaker for each in labelled],
        "utterances": [each.utterance_id for each in labelled],
    }
    return error_rate([errors(*pair) for pair in pairs], [len(each) for each in counted], owners)


@contextmanager
def _language_model(
    lm_path: str | None, shelf: Bookshelf | None, base: str, held_out: HeldOut
) -> Iterator[str | None]:
    if lm_path is not None or shelf is None:
        yield lm_path
        return
    texts = _texts(shelf, base, held_out)
    first = next(texts, None)
    if first is None:
        yield None
        return
    with TemporaryDirectory(prefix="aubert-lm-") as folder:
        path = Path(folder) / "books.arpa"
        build_arpa(training_sentences(chain([first], texts), base), path)
        yield str(path)


def _texts(shelf: Bookshelf, base: str, held_out: HeldOut) -> Iterator[str]:
    """Of one language."""
    for book_id in shelf:
        if held_out.has_book(book_id) or pack_of(shelf.language(book_id)).base != base:
            continue
        try:
            yield shelf.text(book_id)
        except BookError:  # the stage `books` rejects it
            continue
