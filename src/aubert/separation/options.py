"""How voices are mixed, what is tested, and how mixtures are taken apart. Light: no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SAMPLE_RATE_HZ = 8_000  # of mixtures and of what they are taken apart into, as in WSJ0-2mix


@dataclass(frozen=True, kw_only=True)
class MixOptions:
    """How voices are mixed.

    max_speakers: of a mixture; there are two at least, every number is as probable
    gain_db: each voice's loudness lies at most so far from the others' mean
    """

    max_speakers: int = 2
    gain_db: float = 2.5

    def __post_init__(self) -> None:
        if self.max_speakers < 2:
            raise ValueError(f"max_speakers is {self.max_speakers}; it must be at least 2")
        if self.gain_db < 0:
            raise ValueError(f"gain_db is {self.gain_db:g}; it must not be negative")


@dataclass(frozen=True, kw_only=True)
class ListOptions(MixOptions):
    """The fixed list of mixtures that figures are measured on.

    num_mixtures: for seen and for unseen speakers and for each number of speakers
    seconds: of a mixture
    unseen_share: of each collection's speakers, chosen by hash, whom no training hears
    held_out_share: of each other speaker's clips, chosen by hash, that no training hears
    seed: of the drawing
    """

    num_mixtures: int = 100
    seconds: float = 4.0
    unseen_share: float = 0.2
    held_out_share: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("unseen_share", "held_out_share"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name):g}; it must be at least 0 and below 1"
                )
        if self.num_mixtures < 1:
            raise ValueError(f"num_mixtures is {self.num_mixtures}; it must be at least 1")
        if self.seconds < 0.1:
            raise ValueError(f"seconds is {self.seconds:g}; it must be at least 0.1")


@dataclass(frozen=True, kw_only=True)
class SeparateOptions:
    """How a mixture is taken apart.

    num_speakers: how many voices there are; 0: estimated
    masks: hard gives each bin to one voice, soft to each its share by the distance from the
      voice's centroid, head takes the mask head's (a model with one, and no num_speakers)
    sharpness: of soft masks: what squared distances are multiplied by
    window_seconds: 0: one clustering of the whole mixture; else one for each window, the voices
      of neighbouring windows joined where they overlap by half: for recordings so long that
      memory is short, or voices change
    seed: of k-means
    device: auto takes a GPU where there is one
    """

    num_speakers: int = 2
    masks: Literal["hard", "soft", "head"] = "soft"
    sharpness: float = 5.0
    window_seconds: float = 0.0
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        if self.num_speakers < 0:
            raise ValueError(f"num_speakers is {self.num_speakers}; give 0 to have it estimated")
        if self.sharpness <= 0:
            raise ValueError(f"sharpness is {self.sharpness:g}; it must be above 0")
        if self.window_seconds and self.window_seconds < 0.5:
            raise ValueError(
                f"window_seconds is {self.window_seconds:g}; a voice is not told by less than half "
                f"a second: give 0 for the whole mixture, or 0.5 or more"
            )
