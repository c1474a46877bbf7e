"""Utterances as audio files in AuBERT's layout, and as bytes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from operator import attrgetter
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from aubert import audio
from aubert.export.corpus import Corpus, Utterance
from aubert.files import complete_directory
from aubert.processes import in_processes


def export_audio(corpus: Corpus, out: Path, jobs: int = 1) -> str:
    """<out>/<speaker>/<book_id>/<chapter>/<chapter>_<index>.flac of every utterance.

    Mono, 16 kHz, 16 bits; the pauses between an utterance's slices are cut out.
    """
    with complete_directory(out) as part:
        done = sum(piece is not None for _, piece in written_pieces(corpus, part, jobs))
    return f"audio: {done} files in {out}"


class Piece(NamedTuple):
    name: str  # relative to the folder
    num_samples: int  # at 16 kHz


def written_pieces(
    corpus: Corpus,
    folder: Path,
    jobs: int = 1,
    name_of: Callable[[Utterance], PurePosixPath] = attrgetter("piece"),
) -> Iterator[tuple[Utterance, Piece | None]]:
    """Writes every utterance's file below `folder`, and yields them in order; None where the
    audio cannot be decoded, with a line on stderr. name_of: its path below the folder, a function
    that processes can be sent. Raises ValueError when two recordings have the same speaker, book
    and chapter."""
    chapters: dict[Path, str] = {}
    for _, utterances in corpus.by_shard():
        for utterance in utterances:
            recording_id = utterance.recording["recording_id"]
            first = chapters.setdefault(Path(utterance.piece.parent), recording_id)
            if first != recording_id:
                raise ValueError(
                    f"{first} and {recording_id} would both be {utterance.piece.parent}: they are "
                    f"the same chapter of the same speaker; leave one of them out of the corpus"
                )
        write = partial(_write_piece, corpus.root, folder, name_of)
        yield from zip(utterances, in_processes(write, utterances, jobs), strict=True)


def flac(corpus_root: Path, utterance: Utterance) -> bytes | None:
    """The utterance as a FLAC file; None, and a line on stderr, where it cannot be decoded."""
    samples = _decoded(corpus_root, utterance)
    return None if samples is None else audio.encoded(samples)


def _write_piece(
    corpus_root: Path,
    folder: Path,
    name_of: Callable[[Utterance], PurePosixPath],
    utterance: Utterance,
) -> Piece | None:
    samples = _decoded(corpus_root, utterance)
    if samples is None:
        return None
    name = name_of(utterance)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(audio.encoded(samples))
    return Piece(str(name), len(samples))


def _decoded(corpus_root: Path, utterance: Utterance) -> np.ndarray | None:
    try:
        return audio.decode(corpus_root / utterance.recording["path"], utterance.slices)
    except audio.AudioError as error:
        print(f"left out {utterance.utterance_id!r}: {error}", file=sys.stderr)
        return None
