"""Figures of a trained AuBERT: retrieval on books and speakers that it never saw."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from aubert.crossmodal.batch import AubertBatch
from aubert.crossmodal.examples import AubertExamples
from aubert.crossmodal.network import AubertModel
from aubert.crossmodal.pooling import Pooler, spans
from aubert.crossmodal.retrieval import (
    Scorer,
    all_tokens,
    figure,
    figures,
    majority_top1,
    same_token,
    token_queries,
)
from aubert.evaluate.metrics import Figure
from aubert.learn.data import Piece

Rows = Callable[[AubertBatch], torch.Tensor]


class Embedder(NamedTuple):
    """What turns a batch into rows of features: of its texts, and of its audio."""

    text: Rows
    audio: Rows


@dataclass(frozen=True)
class Features:
    """Rows of pairs: text and audio float32 [pairs, width]; bare_text: of the span alone."""

    text: np.ndarray
    audio: np.ndarray
    bare_text: np.ndarray | None = None


def trained_embeddings(model: AubertModel) -> Embedder:
    """As the model compares them."""
    return Embedder(model.embed_text, model.embed_audio)


def mean_pooled(model: AubertModel) -> Embedder:
    """Means of the encoders' last layers, without any head."""
    mean = Pooler("mean", 0)

    def text(batch: AubertBatch) -> torch.Tensor:
        inside = spans(model.text_states(batch), batch.span_starts, batch.span_lengths)
        return mean(inside, batch.span_lengths)

    return Embedder(text, lambda batch: mean(*model.audio_states(batch)))


def features(
    model: AubertModel,
    embedder: Embedder,
    examples: AubertExamples,
    bare: AubertExamples | None = None,
    batch_pairs: int = 64,
) -> Features:
    """Of every pair of `examples`. bare: the same pairs without their contexts.

    A pair's features do not depend on the batch that it is in."""
    text, audio = _embedded(model, embedder, examples, batch_pairs)
    if bare is None:
        return Features(text, audio)
    (bare_text,) = _embedded(model, (embedder.text,), bare, batch_pairs)
    return Features(text, audio, bare_text)


@torch.no_grad()
def _embedded(
    model: AubertModel, kinds: Sequence[Rows], examples: AubertExamples, batch_pairs: int
) -> list[np.ndarray]:
    model.eval()
    device = next(model.parameters()).device
    order = np.argsort(examples.num_samples, kind="stable")  # little padding
    rows: list[list[np.ndarray]] = [[] for _ in kinds]
    for indices in _batches(order, batch_pairs):
        pieces = [Piece(int(index), 0, int(examples.num_samples[index])) for index in indices]
        batch = examples.batch(pieces, np.random.default_rng(0)).unmasked().to(device)
        for found, kind in zip(rows, kinds, strict=True):
            found.append(kind(batch).float().cpu().numpy())
    back = np.argsort(order, kind="stable")
    return [np.concatenate(found)[back] for found in rows]


def _batches(order: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (order[start : start + size] for start in range(0, len(order), size))


def model_scorer(model: AubertModel) -> Scorer:
    """The model's own comparison, of numpy rows."""
    device = next(model.parameters()).device

    @torch.no_grad()
    def score(text: np.ndarray, audio: np.ndarray) -> np.ndarray:
        rows = (torch.from_numpy(np.ascontiguousarray(x)).to(device) for x in (text, audio))
        return model.score(*rows).cpu().numpy()

    return score


def evaluate_pairs(
    key: str,
    pairs: Sequence[Mapping],
    found: Features,
    score: Scorer,
    baseline: tuple[Features, Scorer],
    seen_ngrams: Collection[str],
    k: int = 4,
    max_words: int = 2_000,
) -> dict[str, Figure | None]:
    """Every figure of one held-out split; their keys begin with `key` ("aubert.").

    pairs: rows of the pairs table; found: the trained model's features of them; baseline: the
    untrained encoders' features of them, and their scorer; seen_ngrams: of the training pairs;
    max_words: that all-word retrieval is among; of more, that many are drawn.

    `same_token`: text -> its own utterance among k of the same n-gram by the same speaker, the
    mean over every choice of the others;
    `same_token_no_context`: with the span alone as text; `context_helps`: the difference in
    top-1; `retrieval`: audio -> text over single words; `text_to_audio`: the other way;
    `new_words`: audio -> text of the words that no training pair holds, among all words.
    """
    figures_of_words = _all_words(key, pairs, found, score, baseline, seen_ngrams, max_words)
    return _same_token(key, pairs, found, score, baseline, k) | figures_of_words


def _same_token(
    key: str,
    pairs: Sequence[Mapping],
    found: Features,
    score: Scorer,
    baseline: tuple[Features, Scorer],
    k: int,
) -> dict[str, Figure | None]:
    ngrams = [row["ngram"] for row in pairs]
    groups = [(row["speaker"], row["ngram"]) for row in pairs]
    texts = [(row["book_id"], row["char_start"], row["char_end"]) for row in pairs]
    queries = token_queries(groups, texts, k)
    untrained, untrained_score = baseline
    with_context = same_token(queries, k, found.text, found.audio, score, ngrams)
    others = same_token(queries, k, untrained.text, untrained.audio, untrained_score, ngrams)
    results = figures(f"{key}same_token", with_context, others)
    if found.bare_text is not None:
        without = same_token(queries, k, found.bare_text, found.audio, score, ngrams)
        results |= figures(f"{key}same_token_no_context", without)
        difference = with_context.top1 - without.top1
        results[f"{key}context_helps"] = figure(difference, with_context.ngrams)
    return results


def _all_words(
    key: str,
    pairs: Sequence[Mapping],
    found: Features,
    score: Scorer,
    baseline: tuple[Features, Scorer],
    seen_ngrams: Collection[str],
    max_words: int,
) -> dict[str, Figure | None]:
    single = np.array([i for i, row in enumerate(pairs) if row["num_words"] == 1], np.int64)
    if not len(single):
        return {}
    chosen = np.sort(np.random.default_rng(0).permutation(single)[:max_words])
    words = [pairs[index]["ngram"] for index in chosen]
    untrained, untrained_score = baseline
    scores = score(found.text[chosen], found.audio[chosen])
    untrained_scores = untrained_score(untrained.text[chosen], untrained.audio[chosen])
    by_audio, by_audio_untrained = (
        all_tokens(scores.T, words),
        all_tokens(untrained_scores.T, words),
    )
    read, read_untrained = all_tokens(scores, words), all_tokens(untrained_scores, words)
    unseen = np.array([word not in seen_ngrams for word in words])
    return {
        **figures(f"{key}retrieval", by_audio, by_audio_untrained),
        f"{key}retrieval_top1.majority": figure(majority_top1(words, words), words),
        **figures(f"{key}text_to_audio", read, read_untrained),
        **figures(f"{key}new_words", by_audio.subset(unseen), by_audio_untrained.subset(unseen)),
    }
