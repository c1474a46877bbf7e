"""Units of any audio: files in, units out, nothing on the disk between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aubert import audio
from aubert.corpus.audio_files import find_audio
from aubert.encoders.network import NetworkOptions
from aubert.stage import Reject
from aubert.units.codebook import Codebook
from aubert.units.features import checked, extractor_for


class Encoded(NamedTuple):
    """The units of a file. units: int64 [num_frames]; durations: int64, frames of each unit, or
    None where no runs were joined; num_samples: of the audio at the model's rate"""

    name: str
    units: np.ndarray
    durations: np.ndarray | None
    num_samples: int


class Units:
    """A codebook with the model that it was learned from.

        units = Units("codebook", "facebook/hubert-base-ls960")
        units("speech.flac")

    num_units: of the codebook. rate_hz: units per second, before runs are joined.
    sample_rate_hz: of audio that is given as an array
    """

    def __init__(
        self,
        codebook: str | Path,
        model: str | Path | None = None,
        options: NetworkOptions | None = None,
    ):
        """codebook: path without suffix. model: a directory or a Hugging Face id; none for MFCC
        and random projections.
        Raises ValueError where the codebook was learned from other features."""
        self._book = Codebook.load(codebook)
        model = None if model is None else str(model)
        self._extractor = extractor_for(self._book, model, options or NetworkOptions())
        self.num_units = self._book.num_clusters
        self.rate_hz = self._extractor.kind.rate_hz
        self.sample_rate_hz = self._extractor.sample_rate_hz

    def __call__(self, sound: str | Path | np.ndarray) -> np.ndarray:
        """int64 [num_frames] of a file, or of mono samples in [-1, 1] at sample_rate_hz.

        Raises ValueError for audio that cannot be read, is shorter than a frame or not finite."""
        name = "samples"
        if not isinstance(sound, np.ndarray):
            name, sound = str(sound), audio.decode(sound, sample_rate_hz=self.sample_rate_hz)
        (found,) = self._labelled([(name, np.asarray(sound, np.float32))], False)
        if isinstance(found, Reject):
            raise ValueError(f"{name}: {found.reason}: {found.detail}")
        return found.units

    def encode(
        self, inputs: Sequence[str | Path], deduplicate: bool = False
    ) -> Iterator[Encoded | Reject]:
        """The units of each file, in order: files, and folders of which all audio is taken
        (find_audio). A file without units is a reject, with its reason. deduplicate: runs of a
        unit become one, with its duration."""
        return self.of_files(find_audio([Path(one) for one in inputs]).paths, deduplicate)

    def of_files(
        self, paths: dict[str, Path], deduplicate: bool = False
    ) -> Iterator[Encoded | Reject]:
        return self._labelled(self._sounds(paths), deduplicate)

    def _sounds(self, paths: dict[str, Path]) -> Iterator[tuple[str, np.ndarray] | Reject]:
        for name, path in paths.items():
            try:
                yield name, audio.decode(path, sample_rate_hz=self.sample_rate_hz)
            except audio.AudioError as error:
                yield Reject(name, error.reason, error.detail)

    def _labelled(
        self, sounds: Iterable[tuple[str, np.ndarray] | Reject], deduplicate: bool
    ) -> Iterator[Encoded | Reject]:
        lengths: dict[str, int] = {}  # of those that the network has

        def counted() -> Iterator[tuple[str, np.ndarray] | Reject]:
            for item in sounds:
                if not isinstance(item, Reject):
                    lengths[item[0]] = len(item[1])
                yield item

        device = getattr(self._extractor, "device", "cpu")
        for item in self._extractor.run(counted()):
            kept = item if isinstance(item, Reject) else checked(*item)
            if isinstance(kept, Reject):
                yield kept
                continue
            name, frames = kept
            units, durations = self._book.label(frames, device), None
            if deduplicate:
                units, durations = joined_runs(units)
            yield Encoded(name, units, durations, lengths.pop(name))


def joined_runs(units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each run of a unit as one, and the frames that it lasts; int64 [num_runs] each."""
    starts = np.flatnonzero(np.diff(units, prepend=-1))
    return units[starts], np.diff(starts, append=len(units))
