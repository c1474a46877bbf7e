"""Mixtures as lists: who speaks where in which file, and how loud. Audio only when asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from aubert import audio
from aubert.corpus.slices import within
from aubert.files import write_bytes, write_json
from aubert.separation.options import SAMPLE_RATE_HZ, ListOptions, MixOptions
from aubert.separation.voices import Clip, by_speaker

_PEAK = 0.9  # of a mixture: none is clipped when it is written
_BLOCK = SAMPLE_RATE_HZ * 32 // 1000
_ACTIVE_DB = 30.0  # blocks so far below the loudest are pauses
_MIN_CLIP_SECONDS = 0.1


class Piece(NamedTuple):
    """Part of a clip. slices: of the file, in its own samples"""

    clip: str
    path: str
    slices: tuple[tuple[int, int], ...]


class Source(NamedTuple):
    """One voice of a mixture: pieces one after another, times `gain`."""

    speaker: str
    gain: float
    pieces: tuple[Piece, ...]


class Mixture(NamedTuple):
    """split: seen (training speakers, in held-out clips) or unseen.
    num_samples: at SAMPLE_RATE_HZ"""

    id: str
    split: str
    num_samples: int
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class MixtureList:
    """What is tested, and what is therefore held out of training."""

    mixtures: tuple[Mixture, ...]
    unseen_speakers: tuple[str, ...]
    held_out_clips: tuple[str, ...]

    def save(self, path: str | Path) -> None:
        mixtures = [
            {**mixture._asdict(), "sources": [_plain(source) for source in mixture.sources]}
            for mixture in self.mixtures
        ]
        write_json(path, {**asdict(self), "sample_rate_hz": SAMPLE_RATE_HZ, "mixtures": mixtures})

    @classmethod
    def load(cls, path: str | Path) -> MixtureList:
        """Raises ValueError when the file is no such list."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            if content["sample_rate_hz"] != SAMPLE_RATE_HZ:
                raise ValueError(
                    f"{path} is of mixtures at {content['sample_rate_hz']} Hz; they must have "
                    f"{SAMPLE_RATE_HZ}: write it again with aubert separation mix"
                )
            return cls(
                tuple(_mixture(row) for row in content["mixtures"]),
                tuple(content["unseen_speakers"]),
                tuple(content["held_out_clips"]),
            )
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(
                f"{path} is no list of mixtures ({error!r}); write it with aubert separation mix"
            ) from None

    def trainable(self, clips: Sequence[Clip]) -> list[Clip]:
        """The clips of which the list holds neither speech nor speaker."""
        unseen, held_out = set(self.unseen_speakers), set(self.held_out_clips)
        return [
            clip
            for clip in clips
            if not clip.held_out and clip.speaker not in unseen and clip.id not in held_out
        ]


class Pool:
    """Voices to draw mixtures from.

    Raises ValueError when no collection has two speakers.
    """

    def __init__(self, clips: Sequence[Clip]):
        voices = by_speaker([clip for clip in clips if clip.seconds >= _MIN_CLIP_SECONDS])
        collections: dict[str, dict[str, list[Clip]]] = {}
        for speaker, own in voices.items():
            collections.setdefault(own[0].collection, {})[speaker] = own
        self.collections = [own for _, own in sorted(collections.items()) if len(own) > 1]
        if not self.collections:
            raise ValueError(
                f"a mixture needs two speakers of one collection, and there are {len(voices)} "
                f"speakers in {len(collections)} collections: add voices"
            )

    def draw(
        self,
        rng: np.random.Generator,
        num_samples: int,
        options: MixOptions,
        max_speed: float = 1.0,
        num_speakers: int | None = None,
        draw_by: Literal["collections", "speakers"] = "collections",
    ) -> tuple[tuple[Source, ...], np.ndarray]:
        """(sources, float32 [sources, num_samples], the gains applied) of one mixture.

        The speakers of a collection are as probable as each other; so are collections, or, as
        draw_by says, all speakers. num_speakers: of collections that have so many; None: drawn, as
        options.max_speakers says. max_speed: each voice is played at a rate between 1 / max_speed
        and max_speed, higher or lower and with another throat (what is drawn so cannot be rendered
        from the sources alone).
        Raises audio.AudioError when a file cannot be decoded.
        """
        large = [one for one in self.collections if len(one) >= (num_speakers or 2)]
        if draw_by == "speakers":
            counts = np.array(list(map(len, large)))
            voices = large[rng.choice(len(large), p=counts / counts.sum())]
        else:
            voices = large[rng.integers(len(large))]
        if num_speakers is None:
            num_speakers = int(rng.integers(2, min(options.max_speakers, len(voices)) + 1))
        names = sorted(voices)
        chosen = [names[index] for index in rng.permutation(len(names))[:num_speakers]]
        speech, pieces = [], []
        for speaker in chosen:
            speed = max_speed ** rng.uniform(-1, 1) if max_speed > 1 else 1.0
            drawn = draw_pieces(rng, voices[speaker], num_samples * speed / SAMPLE_RATE_HZ)
            pieces.append(drawn)
            speech.append(read_pieces(drawn, num_samples, round(SAMPLE_RATE_HZ / speed)))
        gains = balanced(speech, rng.uniform(-1, 1, num_speakers) * options.gain_db)
        sources = tuple(
            Source(speaker, float(gain), own)
            for speaker, gain, own in zip(chosen, gains, pieces, strict=True)
        )
        return sources, np.stack(speech) * gains[:, None]


def draw_pieces(
    rng: np.random.Generator, clips: Sequence[Clip], seconds: float
) -> tuple[Piece, ...]:
    """Pieces of a speaker's clips, `seconds` long together: a random part of a random clip, and,
    where that ends too early, more clips behind it."""
    pieces: list[Piece] = []
    while seconds > 0:
        clip = clips[rng.integers(len(clips))]
        wanted = int(np.ceil(seconds * clip.sample_rate_hz))
        start = int(rng.integers(max(0, clip.num_samples - wanted) + 1))
        slices = tuple(within(clip.slices, start, wanted))
        pieces.append(Piece(clip.id, clip.path, slices))
        seconds -= sum(end - first for first, end in slices) / clip.sample_rate_hz
    return tuple(pieces)


def read_pieces(
    pieces: Sequence[Piece], num_samples: int, sample_rate_hz: int = SAMPLE_RATE_HZ
) -> np.ndarray:
    """float32 [num_samples]; what resampling leaves short is silent."""
    read = [audio.decode(piece.path, piece.slices, sample_rate_hz) for piece in pieces]
    samples = np.concatenate(read)[:num_samples]
    return np.pad(samples, (0, num_samples - len(samples)))


def render(mixture: Mixture) -> np.ndarray:
    """float32 [sources, num_samples] at SAMPLE_RATE_HZ; their sum is the mixture.
    Raises audio.AudioError when a file cannot be decoded."""
    return np.stack(
        [
            np.float32(source.gain) * read_pieces(source.pieces, mixture.num_samples)
            for source in mixture.sources
        ]
    )


def write_audio(mixtures: Sequence[Mixture], folder: Path) -> None:
    """Writes <folder>/<id>/mixture.wav and 1.wav, 2.wav and so on, its sources."""
    for mixture in mixtures:
        sources = render(mixture)
        named = {"mixture": sources.sum(0)}
        named |= {str(number): samples for number, samples in enumerate(sources, start=1)}
        for name, samples in named.items():
            wav = audio.encoded(samples, SAMPLE_RATE_HZ, format="WAV", subtype="FLOAT")
            write_bytes(folder / mixture.id / f"{name}.wav", wav)


def balanced(speech: Sequence[np.ndarray], gains_db: Sequence[float]) -> np.ndarray:
    """float32 [voices]: factors that make the voices equally loud, then louder by `gains_db`,
    their sum below full scale. A silent voice keeps its silence."""
    factors = np.array(
        [
            10 ** (gain / 20) / level if (level := loudness(samples)) > 0 else 0.0
            for samples, gain in zip(speech, gains_db, strict=True)
        ]
    )
    peak = np.abs(sum(factor * one for factor, one in zip(factors, speech, strict=True))).max()
    return (factors * (_PEAK / peak if peak > 0 else 1.0)).astype(np.float32)


def loudness(samples: np.ndarray) -> float:
    """Root mean square of where there is speech: blocks of 32 ms that lie at most 30 dB below
    the loudest. 0 for silence."""
    num_blocks = max(1, len(samples) // _BLOCK)
    blocks = samples[: num_blocks * _BLOCK].reshape(num_blocks, -1).astype(np.float64)
    power = np.square(blocks).mean(axis=1)
    return float(np.sqrt(power[power >= power.max() * 10 ** (-_ACTIVE_DB / 10)].mean()))


def draw_list(clips: Sequence[Clip], options: ListOptions) -> MixtureList:
    """The mixtures that figures are measured on, the same for the same clips and options.

    Raises ValueError when there are too few voices, AudioError when a file cannot be decoded.
    """
    unseen, held_out = _left_to_testing(clips, options)
    pools = {
        "seen": Pool([clip for clip in clips if clip.id in held_out]),
        "unseen": Pool([clip for clip in clips if clip.speaker in unseen]),
    }
    mixtures = tuple(
        mixture
        for place, (split, pool) in enumerate(pools.items())
        for mixture in _drawn(split, pool, options, np.random.default_rng([options.seed, place]))
    )
    return MixtureList(mixtures, tuple(sorted(unseen)), tuple(sorted(held_out)))


def _drawn(
    split: str, pool: Pool, options: ListOptions, rng: np.random.Generator
) -> Iterator[Mixture]:
    num_samples = round(options.seconds * SAMPLE_RATE_HZ)
    wanted = dict.fromkeys(range(2, options.max_speakers + 1), options.num_mixtures)
    most = max(map(len, pool.collections))
    if most < options.max_speakers:
        raise ValueError(
            f"mixtures of {options.max_speakers} {split} speakers cannot be made of {most}: lower "
            f"max_speakers, or add voices"
        )
    while any(wanted.values()):
        sources, samples = pool.draw(rng, num_samples, options)
        # A silent voice has no SI-SDR.
        if wanted[len(sources)] and all(loudness(voice) > 0 for voice in samples):
            number = options.num_mixtures - wanted[len(sources)]
            wanted[len(sources)] -= 1
            yield Mixture(f"{split}_{len(sources)}_{number:04}", split, num_samples, sources)


def _left_to_testing(clips: Sequence[Clip], options: ListOptions) -> tuple[set[str], set[str]]:
    """Speakers, and clips of the other speakers, that are held out of training: those that the run
    holds out, then by hash as many more as the shares want."""
    collections: dict[str, dict[str, list[Clip]]] = {}
    for speaker, own in by_speaker(clips).items():
        collections.setdefault(own[0].collection, {})[speaker] = own
    unseen, held_out = set(), set()
    for own in collections.values():
        named = [name for name, spoken in own.items() if all(clip.held_out for clip in spoken)]
        unseen.update(named)
        if len(own) >= 4:  # two that are trained with, and two that are not
            num_unseen = max(2, round(options.unseen_share * len(own)))
            others = [name for name in _by_hash(own) if name not in named]
            unseen.update(others[: max(0, num_unseen - len(named))])
        for speaker, spoken in own.items():
            if speaker in unseen:
                continue
            named = [clip.id for clip in spoken if clip.held_out]
            held_out.update(named)
            if len(spoken) > 1:
                num_held_out = max(1, round(options.held_out_share * len(spoken)))
                others = [
                    name for name in _by_hash(clip.id for clip in spoken) if name not in named
                ]
                held_out.update(others[: max(0, num_held_out - len(named))])
    if not unseen:
        counts = ", ".join(f"{name} {len(own)}" for name, own in collections.items())
        raise ValueError(
            f"four speakers of one collection are needed, two of them held out; there are: {counts}"
        )
    return unseen, held_out


def _by_hash(names) -> list[str]:
    """In an order that is random but fixed: another name changes no other place."""
    return sorted(names, key=lambda name: hashlib.blake2b(name.encode(), digest_size=8).digest())


def _plain(source: Source) -> Mapping:
    return {**source._asdict(), "pieces": [piece._asdict() for piece in source.pieces]}


def _mixture(row: Mapping) -> Mixture:
    sources = tuple(
        Source(
            source["speaker"],
            source["gain"],
            tuple(
                Piece(one["clip"], one["path"], tuple(map(tuple, one["slices"])))
                for one in source["pieces"]
            ),
        )
        for source in row["sources"]
    )
    return Mixture(row["id"], row["split"], row["num_samples"], sources)
