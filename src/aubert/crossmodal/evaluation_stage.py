"""From a trained AuBERT and a run's pairs to figures and pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from aubert import tables
from aubert.corpus.books import Bookshelf
from aubert.crossmodal.evaluation import (
    evaluate_pairs,
    features,
    mean_pooled,
    model_scorer,
    trained_embeddings,
)
from aubert.crossmodal.examples import (
    AubertExamples,
    ngrams_of,
    read_pairs,
    recording_references,
)
from aubert.crossmodal.network import AubertModel
from aubert.crossmodal.options import AubertEvaluateOptions, AubertTrainOptions
from aubert.crossmodal.pairs import HELD_OUT_BOOK, HELD_OUT_SPEAKER, TRAIN
from aubert.crossmodal.pictures import pictures_of
from aubert.crossmodal.retrieval import LinearBaseline
from aubert.evaluate.metrics import Figure
from aubert.learn.distributed import Processes
from aubert.learn.utterances import COLUMNS, recordings_of

# What is measured, and what follows `<key>.` in its figures' keys: held-out books read by voices
# of the training, and unseen voices.
SPLITS = {HELD_OUT_BOOK: "", HELD_OUT_SPEAKER: "unseen_"}
_GROUPS = 50  # times what is measured, of a large corpus's pairs, are read and drawn from


def evaluate_aubert(
    results: Path,
    directory: Path,
    encoders: tuple[str, str],
    corpus_root: Path,
    shelf: Bookshelf,
    key: str,
    options: AubertEvaluateOptions,
) -> tuple[dict[str, Figure | None], dict]:
    """(figures, what aubert_draw draws) of the model in `directory`, on the held-out pairs below
    `results`.

    encoders: of text and of audio, as they were before the training: the baseline's. Raises
    ValueError where they or the model cannot be read.
    """
    recordings = recordings_of(results, ["num_samples"])
    utterances = tables.all_columns(results, "utterances", ["utterance_id", *COLUMNS])
    model = AubertModel.load(directory)
    # Mean-pooled over segments that are normalised alike, without any weight that was trained.
    untrained = AubertModel.from_encoders(*encoders, replace(model.options, audio_layers="last"))
    for each in (model, untrained):
        each.to(Processes(options.device).device)
    references = recording_references(recordings, utterances, corpus_root, model)

    def examples(pairs: pa.Table, **arguments) -> AubertExamples:
        common = (recordings, corpus_root, shelf, model, AubertTrainOptions(), references)
        return AubertExamples(pairs, *common, **arguments)

    learned_from = _drawn(results, TRAIN, options.max_pairs)
    plain = features(untrained, mean_pooled(untrained), examples(learned_from))
    baseline = LinearBaseline(plain.text, plain.audio)
    seen_ngrams = ngrams_of(results, TRAIN)
    score = model_scorer(model)
    figures: dict[str, Figure | None] = {}
    measured = {}
    for split, prefix in SPLITS.items():
        pairs = _drawn(results, split, options.max_pairs)
        if not len(pairs):
            continue
        bare = examples(pairs, with_context=False)
        own = features(model, trained_embeddings(model), examples(pairs), bare)
        others = features(untrained, mean_pooled(untrained), examples(pairs))
        rows = pairs.to_pylist()
        measured[split] = (rows, own)
        figures |= evaluate_pairs(
            f"{key}.{prefix}", rows, own, score, (others, baseline), seen_ngrams,
            options.k, options.max_words,
        )  # fmt: skip
    return figures, pictures_of(measured, score, shelf)


def _drawn(results: Path, split: str, most: int) -> pa.Table:
    pairs = read_pairs(results, split, _GROUPS * most)
    if len(pairs) <= most:
        return pairs
    kept = np.sort(np.random.default_rng(0).permutation(len(pairs))[:most])
    return pairs.take(kept)
