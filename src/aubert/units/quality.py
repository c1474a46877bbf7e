"""Information that units hold about phones, and about speakers.

The definitions are those of HuBERT (Hsu et al. 2021, section IV-D) and of fairseq's
measure_teacher_quality: phones and units of all frames are counted jointly, p(y, z).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_HALF_WINDOW_S = 0.0125  # of MFCC and of the usual encoders: a frame sees 25 ms


@dataclass(frozen=True)
class UnitQuality:
    """pnmi: mutual information of phone and unit / entropy of the phones: the share of what
      the phones' entropy that the unit explains, 0..1
    phone_purity: frames right when each unit is taken for its most frequent phone
    cluster_purity: frames right when each phone is taken for its most frequent unit; falls
      with more units
    unit_entropy: of the units, in nats; log(num_clusters) when all are as frequent
    dead_clusters: units that no frame has
    mean_unit_ms: mean length of a run of one unit
    speaker_nmi: mutual information of unit and speaker / entropy of the speakers: the part of
      the voice that leaks into units; nan with one speaker
    num_frames: with a phone
    """

    pnmi: float
    phone_purity: float
    cluster_purity: float
    unit_entropy: float
    dead_clusters: int
    mean_unit_ms: float
    speaker_nmi: float
    num_frames: int


class QualityTally:
    """Counts of phones, units and speakers, utterance by utterance.

    speakers: of each utterance, in their order
    """

    def __init__(self, num_clusters: int, rate_hz: float):
        self._num_clusters = num_clusters
        self._rate_hz = rate_hz
        self._phones: dict[str, int] = {}
        self._speakers: dict[str, np.ndarray] = {}
        self.speakers: list[str] = []
        # Of each utterance: phone x num_clusters + unit of its frames, and how many have it.
        self._codes: list[np.ndarray] = []
        self._counts: list[np.ndarray] = []
        self._num_runs = 0

    def add(self, speaker: str, units: np.ndarray, intervals: Sequence[Mapping]) -> None:
        """units: int [num_frames]. intervals: rows of the table reference_phones, with start_s
        and end_s from the beginning of the units. Frames in no phone (silence that is not
        labelled) count for unit length, entropy and speaker, not for phones."""
        units = np.asarray(units, np.int64)
        self.speakers.append(speaker)
        counts = self._speakers.setdefault(speaker, np.zeros(self._num_clusters, np.int64))
        counts += np.bincount(units, minlength=self._num_clusters)
        self._num_runs += int(len(units) > 0) + int((units[1:] != units[:-1]).sum())
        phones = frame_phones(intervals, len(units), self._rate_hz, self._phones)
        known = phones >= 0
        codes = phones[known] * self._num_clusters + units[known]
        for held, new in zip(
            (self._codes, self._counts), np.unique(codes, return_counts=True), strict=True
        ):
            held.append(new)

    def quality(self) -> UnitQuality:
        """Raises ValueError when there is no frame with a phone."""
        if not sum(map(len, self._codes)):
            raise ValueError(
                "no frame has a phone; check that phones and units are of the same utterances"
            )
        _, table = self.joint()
        by_speaker = np.stack([self._speakers[name] for name in sorted(self._speakers)])
        of_units = by_speaker.sum(axis=0)
        return UnitQuality(
            pnmi=_share_explained(table),
            phone_purity=float(table.max(axis=0).sum() / table.sum()),
            cluster_purity=float(table.max(axis=1).sum() / table.sum()),
            unit_entropy=_entropy(of_units),
            dead_clusters=int((of_units == 0).sum()),
            mean_unit_ms=float(of_units.sum() / self._rate_hz * 1000 / self._num_runs),
            speaker_nmi=_share_explained(by_speaker),
            num_frames=int(table.sum()),
        )

    def joint(self) -> tuple[list[str], np.ndarray]:
        """The phones, and how many frames have each with each unit: int64 [phones, units]."""
        return list(self._phones), self._table(
            np.concatenate(self._codes), np.concatenate(self._counts)
        )

    def pnmi_of_draws(self) -> Callable[[np.ndarray], float]:
        """pnmi as a function of how often each utterance counts, int64 [num_utterances]; nan where
        none of these has a phone."""
        codes, counts = np.concatenate(self._codes), np.concatenate(self._counts)
        owner = np.repeat(np.arange(len(self._codes)), list(map(len, self._codes)))

        def pnmi(times: np.ndarray) -> float:
            table = self._table(codes, counts * times[owner])
            return _share_explained(table) if table.any() else float("nan")

        return pnmi

    def _table(self, codes: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Joint counts int64 [num_phones, num_clusters]."""
        size = len(self._phones) * self._num_clusters
        flat = np.bincount(codes, weights=counts, minlength=size)
        return flat.astype(np.int64).reshape(-1, self._num_clusters)


def frame_phones(
    intervals: Sequence[Mapping], num_frames: int, rate_hz: float, phones: dict[str, int]
) -> np.ndarray:
    """The phone at the middle of each frame's window: int64 [num_frames], -1 in no interval.

    intervals: {phone, start_s, end_s}, half-open, in order of time. phones: numbers of the
    phones, to which new ones are added.
    """
    found = np.full(num_frames, -1, np.int64)
    if not len(intervals):
        return found
    # To the microsecond: an edge that falls on a frame's middle must not depend on rounding.
    middles = np.round((np.arange(num_frames) / rate_hz + _HALF_WINDOW_S) * 1e6)
    starts = np.round(np.array([row["start_s"] for row in intervals]) * 1e6)
    ends = np.round(np.array([row["end_s"] for row in intervals]) * 1e6)
    numbers = np.array([phones.setdefault(row["phone"], len(phones)) for row in intervals])
    position = np.searchsorted(starts, middles, side="right") - 1
    inside = (position >= 0) & (middles < ends[position])
    found[inside] = numbers[position[inside]]
    return found


def mutual_information(table: np.ndarray) -> float:
    """Of the two sides of a table of joint counts [m, n], in nats."""
    joint = table / table.sum()
    rows, columns = joint.sum(axis=1, keepdims=True), joint.sum(axis=0, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / (rows * columns)[seen])).sum())


def _share_explained(table: np.ndarray) -> float:
    """The share of the entropy of the rows that the columns explain; nan where there is none."""
    entropy = _entropy(table.sum(axis=1))
    return mutual_information(table) / entropy if entropy > 0 else float("nan")


def _entropy(counts: np.ndarray) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())
