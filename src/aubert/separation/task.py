"""Deep clustering as a task of the loop, on mixtures that are drawn for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from aubert.audio import SAMPLE_RATE_HZ as LOOP_RATE_HZ
from aubert.learn.card import Card
from aubert.learn.data import MicroBatch, Piece
from aubert.learn.run import train_model
from aubert.separation.counting import SpeakerCounter, spectrum
from aubert.separation.mixtures import MixtureList, Pool
from aubert.separation.network import DeepClustering, MixtureBatch, spectra
from aubert.separation.options import (
    SAMPLE_RATE_HZ,
    VERSION,
    DeepClusteringOptions,
    SeparationTrainOptions,
)
from aubert.separation.voices import Clip

_COUNTED = 60  # mixtures of each number that the counter is learned from
_COUNTING = 1  # the stream of random numbers that draws them


class SeparationExamples:
    """Mixtures drawn as the training goes. Picklable, for the workers."""

    def __init__(self, clips: Sequence[Clip], options: SeparationTrainOptions):
        self.pool = Pool(clips)
        self._options = options
        self.num_samples = np.array([round(clip.seconds * LOOP_RATE_HZ) for clip in clips])

    def plan(self, epoch: int) -> list[MicroBatch]:
        """The micro-batches of one step: an epoch is a step, as no mixture comes twice and the
        step sets their length (short ones first: Isik et al. 2016)."""
        options = self._options
        short = epoch < options.short_share * options.steps
        seconds = options.min_seconds if short else options.max_seconds
        num_samples = round(seconds * LOOP_RATE_HZ)
        num_rows = max(1, int(options.batch_seconds / seconds + 1e-9))
        micro_batches: list[MicroBatch] = []
        held = 0
        while held < options.step_seconds * LOOP_RATE_HZ:
            pieces = (Piece(0, 0, num_samples),) * num_rows
            micro_batches.append(MicroBatch(epoch, len(micro_batches), pieces))
            held += micro_batches[-1].num_samples
        return micro_batches

    def batch(self, pieces: Sequence[Piece], rng: np.random.Generator) -> MixtureBatch:
        """As many mixtures, each as long, as `pieces`. Raises AudioError."""
        options = self._options
        num_samples = pieces[0].num_samples * SAMPLE_RATE_HZ // LOOP_RATE_HZ
        sources = np.zeros((len(pieces), options.max_speakers, num_samples), np.float32)
        for row in sources:
            _, voices = self.pool.draw(
                rng, num_samples, options, options.max_speed, draw_by=options.draw_by
            )
            row[: len(voices)] = voices
        return MixtureBatch(torch.from_numpy(sources))


class SeparationTask:
    """Deep clustering, with a mask head where the options have one."""

    def __init__(self, options: DeepClusteringOptions, seed: int):
        """seed: of the initial weights."""
        torch.manual_seed(seed)
        self.model = DeepClustering(options)

    def start_step(self, step: int) -> None:
        pass

    def loss(self, batch: MixtureBatch) -> tuple[torch.Tensor, int, Mapping[str, torch.Tensor]]:
        return self.model(batch)


def train_separation(
    out: str | Path,
    clips: Sequence[Clip],
    tested: MixtureList,
    model: DeepClusteringOptions,
    options: SeparationTrainOptions,
    *,
    restart: str = "never",
) -> str:
    """Trains on every clip that `tested` leaves, and writes the model directory `out`.

    Returns one line of what was done. restart: as of train_model, by which a killed one goes on.
    Raises ValueError where there are too few voices, and for a mask head that has too few speakers.
    """
    if model.mask_weight and options.max_speakers > model.mask_speakers:
        raise ValueError(
            f"the mask head separates {model.mask_speakers} speakers, but max_speakers is "
            f"{options.max_speakers}: raise mask_speakers, or lower max_speakers"
        )
    used = tested.trainable(clips)
    task = SeparationTask(model, options.seed)
    config = {"version": VERSION, "model": asdict(model), "clips": _hash(used)}
    examples = SeparationExamples(used, options)

    def save(directory: Path) -> None:
        task.model.counter = learned_counter(task.model, examples.pool, options)
        task.model.save(directory)

    trained = train_model(
        out,
        task,
        examples,
        options,
        config=config,
        save=save,
        restart=restart,
        card=_card(model, options, used),
    )
    minutes = sum(clip.seconds for clip in used) / 60
    return (
        f"separation: {trained.steps} steps over mixtures of {len(used)} clips ({minutes:.1f} "
        f"minutes) of {len({clip.speaker for clip in used})} speakers"
    )


def _card(
    model: DeepClusteringOptions, options: SeparationTrainOptions, clips: Sequence[Clip]
) -> Card:
    minutes = sum(clip.seconds for clip in clips) / 60
    speakers = len({clip.speaker for clip in clips})
    return Card(
        title="Deep clustering",
        what=f"A separator of voices (Hershey et al. 2016): a mixture at {SAMPLE_RATE_HZ:,} Hz "
        f"goes in, a waveform for each voice comes out.",
        data=f"mixtures of {minutes:.1f} minutes of {speakers} speakers",
        usage="aubert separate mixture.wav voices --model MODEL",
        limits="It separates voices like those, best of different sexes; it was trained without "
        "noise and rooms but those of the recordings.",
        options=(model, options),
        tags=("audio", "audio-to-audio"),
    )


@torch.inference_mode()
def learned_counter(
    model: DeepClustering, pool: Pool, options: SeparationTrainOptions
) -> SpeakerCounter | None:
    """Counts one, two, three and up to options.max_speakers training voices by the network's
    embeddings; None where the pool gives silence alone. The model's mode stays. Raises AudioError.
    """
    rng = np.random.default_rng([options.seed, _COUNTING])
    most = min(max(3, options.max_speakers), max(map(len, pool.collections)))
    device = next(model.parameters()).device
    num_samples = round(options.max_seconds * SAMPLE_RATE_HZ)
    spectra_of, numbers = [], []
    was_training = model.training  # keep_every saves between two steps
    model.eval()
    for number in [*range(1, most + 1)] * _COUNTED:
        _, voices = pool.draw(rng, num_samples, options, num_speakers=number)
        mixture = spectra(torch.from_numpy(voices.sum(0)).to(device))
        own = model.counted(mixture)
        if own.any():
            spectra_of.append(spectrum(model.embed(mixture[None])[0][0][own]))
            numbers.append(number)
    model.train(was_training)
    return SpeakerCounter.learned(spectra_of, numbers) if len(set(numbers)) > 1 else None


def _hash(clips: Sequence[Clip]) -> str:
    lines = sorted(f"{clip.id}\t{clip.speaker}\t{clip.slices}" for clip in clips)
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()
