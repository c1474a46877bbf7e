"""Trainings of a tiny AuBERT on a book of tones, also in processes of their own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
from safetensors.torch import save_file
from tiny_aubert import ToyCorpus, save_encoders
from two_processes import as_torchrun

from aubert.crossmodal.examples import AubertExamples, recording_references
from aubert.crossmodal.network import AubertModel
from aubert.crossmodal.options import AubertOptions, AubertTrainOptions
from aubert.crossmodal.task import AubertTask
from aubert.learn.distributed import Processes
from aubert.learn.loop import train

MODEL = AubertOptions(
    reference_seconds=0.2, projection_dim=16, scorer_hidden=32, max_tokens=24, dropout=0.0
)
TRAIN = AubertTrainOptions(
    steps=8,
    lr=3e-3,
    warmup_steps=2,
    batch_pairs=12,
    batch_seconds=100,
    max_seconds=3,
    freeze_audio_steps=2,
    negatives="mixed",
    log_every=1,
    checkpoint_every=2,
    validate_every=8,
    device="cpu",
)


def toy_model(root: Path, options: AubertOptions = MODEL) -> AubertModel:
    torch.manual_seed(0)
    return AubertModel.from_encoders(root / "text", root / "audio", options)


def toy_examples(
    root: Path, corpus: ToyCorpus, model: AubertModel, options: AubertTrainOptions, split="train",
    **arguments,
) -> AubertExamples:  # fmt: skip
    recordings, utterances, pairs = corpus.columns(split)
    return AubertExamples(
        pairs, recordings, corpus.root, corpus.shelf, model, options,
        recording_references(recordings, [utterances], corpus.root, model), **arguments,
    )  # fmt: skip


def prepare(root: Path) -> ToyCorpus:
    save_encoders(root)
    return ToyCorpus(root / "corpus")


def main(root: Path, directory: Path, corpus: ToyCorpus, options=TRAIN, model=MODEL) -> AubertTask:
    torch.set_num_threads(1)
    task = AubertTask(toy_model(root, model), options)
    processes = Processes("cpu")
    examples = toy_examples(
        root, corpus, task.model, options,
        rank=processes.rank, world_size=processes.world_size,
    )  # fmt: skip
    train(task, examples, options, directory, config={})
    if processes.is_first:
        save_file(task.model.state_dict(), directory / "final.safetensors")
    return task


def one_of_two(root: Path, directory: Path, corpus: ToyCorpus, rank: int, port: int) -> None:
    as_torchrun(rank, port)
    for negatives in ("same_token", "mixed"):
        options = dataclasses.replace(TRAIN, negatives=negatives, steps=4, freeze_audio_steps=0)
        for scorer in ("cosine", "mlp"):
            model = dataclasses.replace(MODEL, scorer=scorer)
            main(root, directory / negatives / scorer, corpus, options, model)
