"""A trained AuBERT for texts and audio files that are in no table."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from aubert import audio
from aubert.audio import SAMPLE_RATE_HZ
from aubert.crossmodal.batch import (
    NO_REFERENCE,
    Segments,
    Texts,
    TextWindows,
    Window,
    audio_columns,
    text_columns,
)
from aubert.crossmodal.network import AubertModel
from aubert.encoders import WINDOW_SAMPLES
from aubert.stage import Reject

BATCH_SECONDS = 120.0
_SPAN = re.compile(r"\[([^\[\]]+)\]")


def embed_texts(model: AubertModel, texts: Sequence[str]) -> np.ndarray:
    """float32 [texts, width]. The span of a text stands in brackets, "she [said] nothing"; without
    any it is the whole text. Raises ValueError for brackets that name no single span, and for a
    span without a token."""
    windows = TextWindows(model.tokenizer, model.options.max_tokens)
    columns = text_columns(
        [_window(windows, text) for text in texts],
        model.tokenizer.pad_token_id,
        model.tokenizer.mask_token_id,
        0.0,
        np.random.default_rng(0),
    )
    with torch.no_grad():
        return model.embed_text(Texts(**columns)).float().numpy()


def embed_audio(
    model: AubertModel,
    files: Sequence[Path],
    reference: Path | None = None,
    spans: Sequence[tuple[float, float]] = (),
    batch_seconds: float = BATCH_SECONDS,
    device: str = "cpu",
) -> list[np.ndarray | Reject]:
    """float32 [width] of each file, or of its part in `spans`: the audio of a span of text alone; a
    reject for one that cannot be read, is shorter than a frame or not finite.

    reference: other speech of the same recording, where the model was trained with some. spans:
    where a file's part begins and ends, in seconds; none: all of each file.
    batch_seconds: audio of a batch, padding included; files of like length are batched. Raises
    ValueError where the reference is missing, in vain, or no speech, and for spans that are none or
    missing; AudioError for the reference."""
    before = _reference(model, reference)
    places = _places(model, files, spans)
    found: dict[int, np.ndarray | Reject] = {}
    model = model.to(device)
    for batch in _batches(files, len(before), batch_seconds, found):
        rows = {}
        for index in batch:
            part = _part(model, files[index], places[index])
            if isinstance(part, Reject):
                found[index] = part
            else:
                rows[index] = part
        if rows:
            vectors = _embedded(model, list(rows.values()), before, device)
            found |= dict(zip(rows, vectors, strict=True))
    return [found[index] for index in range(len(files))]


def _reference(model: AubertModel, path: Path | None) -> np.ndarray:
    """Whole frames of it, as many as the model was trained with."""
    hop = model.hop_samples
    wanted = round(model.options.reference_seconds * SAMPLE_RATE_HZ) // hop * hop
    if wanted and path is None:
        raise ValueError(
            f"this model takes a word beside {model.options.reference_seconds:g} s of the same "
            f"recording: name a file that holds some with --reference"
        )
    if path is not None and not wanted:
        raise ValueError("this model takes no reference: leave --reference out")
    if path is None:
        return NO_REFERENCE
    before = _samples(path)
    if isinstance(before, Reject):
        raise ValueError(f"the reference {path}: {before.reason}: {before.detail}")
    return before[:wanted][: len(before) // hop * hop]


def _places(
    model: AubertModel, files: Sequence[Path], spans: Sequence[tuple[float, float]]
) -> Sequence[tuple[float, float] | None]:
    """Of each file its span; None: all of it."""
    around = model.options.audio_context_seconds
    if around and not spans:
        raise ValueError(
            f"this model attends to {around:g} s of audio on each side of a span: name the file "
            f"around it, and where it lies with --span START END in seconds"
        )
    if spans and len(spans) != len(files):
        raise ValueError(f"{len(files)} files have {len(spans)} spans: give --span once for each")
    for path, (start, end) in zip(files, spans, strict=False):
        if not 0 <= start < end < math.inf:
            raise ValueError(f"{path}: the span from {start:g} to {end:g} s is none")
    return spans or [None] * len(files)


def _part(
    model: AubertModel, path: Path, place: tuple[float, float] | None
) -> tuple[np.ndarray, tuple[int, int]] | Reject:
    """The samples of a span and what the encoder attends to around them, and how many of them are
    around it on each side."""
    samples = _samples(path)
    if isinstance(samples, Reject):
        return samples
    if place is None:
        return samples, (0, 0)
    start, end = (round(second * SAMPLE_RATE_HZ) for second in place)
    seconds = len(samples) / SAMPLE_RATE_HZ
    where = f"the span from {place[0]:g} to {place[1]:g} s of its {seconds:.2f} s"
    if end - len(samples) > WINDOW_SAMPLES:  # times are rounded
        return Reject(str(path), "audio_too_short", f"{where} goes on behind the end")
    end = min(end, len(samples))
    if end - start < WINDOW_SAMPLES:
        return Reject(str(path), "audio_too_short", f"{where} holds no frame")
    around = round(model.options.audio_context_seconds * SAMPLE_RATE_HZ)
    before = min(start, around) // model.hop_samples * model.hop_samples
    behind = min(len(samples) - end, around)
    return samples[start - before : end + behind], (before, behind)


def _batches(
    files: Sequence[Path],
    num_before: int,
    batch_seconds: float,
    found: dict[int, np.ndarray | Reject],
) -> Iterator[list[int]]:
    """Places of files of like length, the longest first. Those whose header cannot be read go into
    `found`."""
    lengths = {}
    for index, path in enumerate(files):
        try:
            header = audio.probe(path)
        except audio.AudioError as error:
            found[index] = Reject(str(path), error.reason, error.detail)
        else:
            lengths[index] = header.num_samples * SAMPLE_RATE_HZ // header.sample_rate_hz
    batch: list[int] = []
    for index in sorted(lengths, key=lambda index: -lengths[index]):
        longest = lengths[batch[0] if batch else index] + num_before
        if batch and longest * (len(batch) + 1) > batch_seconds * SAMPLE_RATE_HZ:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _samples(path: Path) -> np.ndarray | Reject:
    try:
        samples = audio.decode(path)
    except audio.AudioError as error:
        return Reject(str(path), error.reason, error.detail)
    if len(samples) < WINDOW_SAMPLES:
        detail = f"it has {len(samples)} samples at 16 kHz; a frame takes {WINDOW_SAMPLES}"
        return Reject(str(path), "audio_too_short", detail)
    if not np.isfinite(samples).all():
        return Reject(str(path), "features_not_finite", "its samples are not finite")
    return samples


def _embedded(
    model: AubertModel,
    parts: list[tuple[np.ndarray, tuple[int, int]]],
    before: np.ndarray,
    device: str,
) -> np.ndarray:
    segments, around = zip(*parts, strict=True)
    normalise = bool(model.extractor.do_normalize)
    columns = audio_columns(segments, [before] * len(segments), normalise, around)
    moved = {name: column.to(device) for name, column in columns.items()}
    with torch.no_grad():
        return model.embed_audio(Segments(**moved)).float().cpu().numpy()


def score(
    model: AubertModel,
    texts: Sequence[str],
    files: Sequence[Path],
    reference: Path | None = None,
    spans: Sequence[tuple[float, float]] = (),
    **how,
) -> list[np.ndarray | Reject]:
    """float32 [texts] of each file: the higher, the better they agree; or a reject. how: of
    embed_audio. Raises as the two above."""
    text = torch.from_numpy(embed_texts(model, texts))
    rows = embed_audio(model, files, reference, spans, **how)
    model = model.cpu()

    def scored(row: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model.score(text, torch.from_numpy(row)[None])[:, 0].numpy()

    return [row if isinstance(row, Reject) else scored(row) for row in rows]


def _window(windows: TextWindows, text: str) -> Window:
    found = list(_SPAN.finditer(text))
    if len(found) > 1:
        raise ValueError(f"{text!r} has {len(found)} spans in brackets; it must have one, or none")
    span, plain = (0, len(text)), text
    if found:
        start = found[0].start()
        plain = text[:start] + found[0][1] + text[found[0].end() :]
        span = (start, start + len(found[0][1]))
    if "[" in plain or "]" in plain:
        raise ValueError(f"{text!r} has a bracket that encloses no span: close it or leave it out")
    return windows.window(windows.tokens(plain), span, (0, len(plain)))
