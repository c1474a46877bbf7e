"""What pictures of a trained AuBERT show, as data: one token's similarities, one word's map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from aubert.corpus.books import Bookshelf
from aubert.crossmodal.evaluation import Features
from aubert.crossmodal.retrieval import Scorer

MAX_ROWS, MAX_POINTS = 12, 300  # of the matrix; of the map
_SNIPPET_CHARS = 24


def pictures_of(
    measured: Mapping[str, tuple[Sequence[Mapping], Features]], score: Scorer, shelf: Bookshelf
) -> dict:
    """{"similarity": one token's texts x its utterances, "map": one word's utterances in the
    plane}; None for either where nothing is held out.

    measured: split -> (rows of pairs, their features)
    """
    if not measured:
        return {"similarity": None, "map": None}
    pairs, found = next(iter(measured.values()))
    return {
        "similarity": _similarity(pairs, found, score, shelf),
        "map": _map(measured, shelf),
    }


def _similarity(pairs: Sequence[Mapping], found: Features, score: Scorer, shelf: Bookshelf) -> dict:
    """The most frequent token of one speaker, in the order of the book."""
    tokens = Counter((row["speaker"], row["ngram"]) for row in pairs)
    (speaker, ngram), _ = max(tokens.items(), key=lambda item: (item[1], item[0]))
    chosen = [
        index
        for index, row in enumerate(pairs)
        if (row["speaker"], row["ngram"]) == (speaker, ngram)
    ][:MAX_ROWS]
    scores = score(found.text[chosen], found.audio[chosen])
    return {
        "ngram": ngram,
        "speaker": speaker,
        "texts": [_snippet(pairs[index], shelf) for index in chosen],
        "scores": [[round(float(value), 4) for value in row] for row in scores],
    }


def _map(measured: Mapping[str, tuple[Sequence[Mapping], Features]], shelf: Bookshelf) -> dict:
    """Principal components of the unit vectors of the most frequent word's utterances."""
    words = Counter(
        row["ngram"] for pairs, _ in measured.values() for row in pairs if row["num_words"] == 1
    )
    if not words:
        return {"word": None, "points": [], "explained": []}
    word, _ = max(words.items(), key=lambda item: (item[1], item[0]))
    rows, vectors = [], []
    for pairs, found in measured.values():
        for row, vector in zip(pairs, found.audio, strict=True):
            if row["ngram"] == word and len(rows) < MAX_POINTS:
                rows.append(row)
                vectors.append(vector / max(float(np.linalg.norm(vector)), 1e-12))
    centred = np.array(vectors, np.float64) - np.mean(vectors, axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    places = np.zeros((len(rows), 2))
    places[:, : min(2, left.shape[1])] = (left * sizes)[:, :2]
    shares = sizes**2 / max(float((sizes**2).sum()), 1e-12)
    return {
        "word": word,
        "explained": [round(float(share), 4) for share in shares[:2]],
        "points": [
            {
                "x": round(float(x), 5),
                "y": round(float(y), 5),
                "speaker": row["speaker"],
                "split": row["split"],
                "text": _snippet(row, shelf),
            }
            for row, (x, y) in zip(rows, places, strict=True)
        ],
    }


def _snippet(row: Mapping, shelf: Bookshelf) -> str:
    """A little of the context that the text encoder reads, the span in brackets."""
    text = shelf.text(row["book_id"])
    start, end = row["char_start"], row["char_end"]
    before = text[max(row["context_start"], start - _SNIPPET_CHARS) : start]
    after = text[end : min(row["context_end"], end + _SNIPPET_CHARS)]
    return " ".join(f"{before}[{text[start:end]}]{after}".split())
