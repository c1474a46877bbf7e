"""Audio files in, representations out: one array per file, for whatever comes after aubert.

Beside each array is a json of its source and settings. It is written last:
where it is, the array is whole, and where it would not change, nothing is
done.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aubert import audio
from aubert.corpus.audio_files import find_audio
from aubert.files import complete, write_json
from aubert.progress import progress
from aubert.stage import Reject
from aubert.units.encoder_features import Encoder
from aubert.units.features import checked


@dataclass
class Encoded:
    """What became of the files; str() is a summary line.

    seconds: of audio, of the files that were written. passed_over: of files that are no audio
    """

    rate_hz: float
    num_written: int = 0
    num_there: int = 0
    num_frames: int = 0
    seconds: float = 0.0
    took_s: float = 0.0
    failures: list[Reject] = field(default_factory=list)
    passed_over: str = ""

    @property
    def num_files(self) -> int:
        return self.num_written + self.num_there + len(self.failures)

    def __str__(self) -> str:
        speed = self.seconds / max(self.took_s, 1e-9)
        written = (
            f" ({self.num_frames} frames at {self.rate_hz:g} Hz of {self.seconds:.0f} s of audio, "
            f"{speed:.0f} x real time)"
        )
        return (
            f"encode: {self.num_written} files written{written if self.num_written else ''}, "
            f"{self.num_there} were there already, {len(self.failures)} failed"
            f"{self.passed_over}"
        )


class _Waiting(NamedTuple):
    """A file that the encoder has: its json, and its length."""

    notes: dict
    seconds: float


def encode(inputs: Sequence[Path], encoder: Encoder, out: Path) -> Encoded:
    """Writes `<out>/<name>.npy` and `<name>.json` for each audio file.

    inputs: files, and folders of which every audio file at any depth is taken; of any sample
    rate. name: of a file, with its suffix; in a folder, its path below the folder. The arrays
    are float32 [num_frames, hidden size], or [layers, num_frames, hidden size] of all layers.
    A file that cannot be encoded is one of the failures, and the others go on. Raises
    ValueError as find_audio does.
    """
    found = find_audio(inputs)
    files = found.paths
    done = Encoded(encoder.rate_hz, passed_over=found.note)
    waiting: dict[str, _Waiting] = {}
    started = time.monotonic()
    with progress(what="encode", total=len(files), unit="file") as bar:
        for item in encoder.run(_sounds(files, encoder, out, done, waiting)):
            kept = item if isinstance(item, Reject) else checked(*item)
            if isinstance(kept, Reject):
                done.failures.append(kept)
            else:
                name, features = kept
                notes, seconds = waiting.pop(name)
                _write(out, name, encoder.by_layer(features), notes)
                done.seconds += seconds
                done.num_written += 1
                done.num_frames += len(features)
            bar.update(done.num_files - bar.n)
    done.took_s = time.monotonic() - started
    return done


def _sounds(
    files: Mapping[str, Path],
    encoder: Encoder,
    out: Path,
    done: Encoded,
    waiting: dict[str, _Waiting],
) -> Iterator[tuple[str, np.ndarray] | Reject]:
    """(name, samples) of the files that are to be encoded, which go into `waiting`."""
    for name, path in files.items():
        try:
            wanted = _notes(path, encoder)
            if _is_there(out, name, wanted):
                done.num_there += 1
                continue
            samples = audio.decode(path, sample_rate_hz=encoder.sample_rate_hz)
        except audio.AudioError as error:
            yield Reject(name, error.reason, error.detail)
        except OSError as error:
            yield Reject(name, "audio_unreadable", str(error))
        else:
            waiting[name] = _Waiting(wanted, len(samples) / encoder.sample_rate_hz)
            yield name, samples


def _notes(path: Path, encoder: Encoder) -> dict:
    """All that the features depend on."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8))
    kind = encoder.kind
    return {
        "audio_hash": digest.hexdigest(),
        "model_hash": kind.encoder,
        "layer": "all" if kind.layer is None else kind.layer,
        "rate_hz": kind.rate_hz,
        **encoder.settings,
    }


def _is_there(out: Path, name: str, notes: dict) -> bool:
    if not (out / f"{name}.npy").exists():
        return False
    try:
        return json.loads((out / f"{name}.json").read_text(encoding="utf-8")) == notes
    except (OSError, ValueError):
        return False


def _write(out: Path, name: str, layers: np.ndarray, notes: dict) -> None:
    """layers: [layers, num_frames, hidden size]"""
    array, json_path = out / f"{name}.npy", out / f"{name}.json"
    json_path.unlink(missing_ok=True)  # of other features: it must not stand beside these
    with complete(array) as part, part.open("wb") as file:
        np.save(file, layers if notes["layer"] == "all" else layers[0])
    write_json(json_path, notes)
