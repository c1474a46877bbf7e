"""AuBERT as a task of the loop, and the stage of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from aubert import tables
from aubert.corpus.books import Bookshelf
from aubert.crossmodal.batch import AubertBatch
from aubert.crossmodal.examples import PLACE, AubertExamples, read_pairs, recording_references
from aubert.crossmodal.network import AubertModel
from aubert.crossmodal.options import VERSION, AubertOptions, AubertTrainOptions, check_room
from aubert.crossmodal.pairs import TRAIN
from aubert.learn.card import Card
from aubert.learn.checkpoints import hash_of_weights
from aubert.learn.distributed import Processes
from aubert.learn.run import train_model
from aubert.learn.utterances import COLUMNS, recordings_of


class AubertTask:
    """The contrast of each batch; the audio encoder waits for the heads."""

    def __init__(self, model: AubertModel, options: AubertTrainOptions):
        self.model = model
        self._freeze_audio_steps = options.freeze_audio_steps

    def start_step(self, step: int) -> None:
        self.model.freeze_audio(step <= self._freeze_audio_steps)

    def loss(self, batch: AubertBatch) -> tuple[torch.Tensor, int, Mapping[str, torch.Tensor]]:
        return self.model(batch)


def aubert_model(
    text: str | Path, audio: str | Path, options: AubertOptions, seed: int
) -> AubertModel:
    """Both encoders as they are, under heads of new weights. Raises as from_encoders does."""
    torch.manual_seed(seed)
    return AubertModel.from_encoders(text, audio, options)


def train_aubert(
    out: Path,
    results: Path,
    corpus_root: Path,
    shelf: Bookshelf,
    encoders: tuple[str, str],
    model_options: AubertOptions,
    options: AubertTrainOptions,
    *,
    restart: str = "never",
) -> str:
    """Trains on the training pairs below `results`; writes the model directory `out` with
    train.jsonl, and returns a summary line.

    encoders: of text and of audio, directories or Hugging Face ids. restart: as of train_model, by
    which a killed one goes on. Raises ValueError without training pairs; AudioError, BookError.
    """
    check_room(model_options, options)
    # No more than its steps take.
    pairs = read_pairs(results, TRAIN, options.steps * options.batch_pairs)
    if not len(pairs):
        raise ValueError(
            f"no row of pairs below {results} is of the split {TRAIN}: hold out fewer books and "
            f"speakers, or lower min_occurrences and min_utterances"
        )
    model = aubert_model(*encoders, model_options, options.seed)
    processes = Processes(options.device)
    recordings = recordings_of(results, ["num_samples"])
    utterances = tables.all_columns(results, "utterances", ["utterance_id", *COLUMNS])
    examples = AubertExamples(
        pairs,
        recordings,
        corpus_root,
        shelf,
        model,
        options,
        recording_references(recordings, utterances, corpus_root, model),
        rank=processes.rank,
        world_size=processes.world_size,
    )
    config = {
        "version": VERSION,
        "model": asdict(model_options),
        "encoders": [
            hash_of_weights(encoder) for encoder in (model.text_encoder, model.audio_encoder)
        ],
        "pairs": _hash(pairs),
    }
    num_pairs = len(pairs)
    del pairs  # the examples hold what is needed of them
    trained = train_model(
        out,
        AubertTask(model, options),
        examples,
        options,
        config=config,
        save=model.save,
        restart=restart,
        card=_card(model_options, options, num_pairs),
    )
    num_used = sum(len(micro.pieces) for micro in examples.plan(0))
    return (
        f"aubert: {trained.steps} steps ({trained.skipped} skipped), {num_used} of {num_pairs} "
        f"training pairs"
    )


def _card(model: AubertOptions, options: AubertTrainOptions, num_pairs: int) -> Card:
    return Card(
        title="AuBERT",
        what="Text in context and the audio of a span of it in one space: a score says how well "
        "they go together.",
        data=f"{num_pairs:,} pairs of a span of text and its audio",
        usage='aubert score "I [said] no." span.wav --model MODEL',
        limits="Scores compare candidates for one text; they are no probabilities.",
        options=(model, options),
    )


def _hash(pairs: pa.Table) -> str:
    digest = blake2b(digest_size=8)
    for batch in pairs.select(["utterance_id", *PLACE, "num_samples"]).to_batches():
        names, *numbers = batch.columns
        digest.update("".join(f"{name}\n" for name in names.to_pylist()).encode())
        digest.update(np.stack([column.to_numpy() for column in numbers], axis=1).astype("<i8"))
    return digest.hexdigest()
