"""AuBERT as a task of the loop, and the stage of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path

import torch

from aubert.corpus.books import Bookshelf
from aubert.crossmodal.batch import AubertBatch
from aubert.crossmodal.examples import AubertExamples, PairTables, recording_references
from aubert.crossmodal.network import AubertModel
from aubert.crossmodal.options import VERSION, AubertOptions, AubertTrainOptions
from aubert.crossmodal.pairs import TRAIN
from aubert.learn.checkpoints import hash_of_weights
from aubert.learn.distributed import Processes
from aubert.learn.run import train_model


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
) -> str:
    """Trains on the training pairs below `results`; writes the model directory `out` with
    train.jsonl, and returns a summary line.

    encoders: of text and of audio, directories or Hugging Face ids. Killed, it goes on where it
    was (run.train_model). Raises ValueError without training pairs; AudioError, BookError.
    """
    found = PairTables.read(results)
    pairs = found.of_split(TRAIN)
    if not pairs:
        raise ValueError(
            f"no row of pairs below {results} is of the split {TRAIN}: hold out fewer books and "
            f"speakers, or lower min_occurrences and min_utterances"
        )
    model = aubert_model(*encoders, model_options, options.seed)
    processes = Processes(options.device)
    examples = AubertExamples(
        pairs,
        found.recordings,
        corpus_root,
        shelf,
        model,
        options,
        recording_references(found.recordings, found.utterances, corpus_root, model),
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
    trained = train_model(
        out, AubertTask(model, options), examples, options, config=config, save=model.save
    )
    num_used = sum(len(micro.pieces) for micro in examples.plan(0))
    return (
        f"aubert: {trained.steps} steps ({trained.skipped} skipped), {num_used} of {len(pairs)} "
        f"training pairs"
    )


def _hash(pairs: Sequence[Mapping]) -> str:
    digest = blake2b(digest_size=8)
    for row in pairs:
        places = [row[key] for key in ("utterance_id", "char_start", "char_end", "num_samples")]
        digest.update(f"{places}\n".encode())
    return digest.hexdigest()
