"""A trained AuBERT for texts and audio files that are in no table."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
    model: AubertModel, files: Sequence[Path], reference: Path | None = None
) -> np.ndarray:
    """float32 [files, width] of files that each hold the audio of a span alone.

    reference: other speech of the same recording, where the model was trained with some. Raises
    ValueError where it is missing or in vain; AudioError."""
    hop = model.hop_samples
    wanted = round(model.options.reference_seconds * SAMPLE_RATE_HZ) // hop * hop
    if wanted and reference is None:
        raise ValueError(
            f"this model takes a word beside {model.options.reference_seconds:g} s of the same "
            f"recording: name a file that holds some with --reference"
        )
    if reference is not None and not wanted:
        raise ValueError("this model takes no reference: leave --reference out")
    before = NO_REFERENCE
    if wanted:
        before = audio.decode(reference)[:wanted]
        before = before[: len(before) // hop * hop]
    segments = [audio.decode(path) for path in files]
    columns = audio_columns(segments, [before] * len(segments), bool(model.extractor.do_normalize))
    with torch.no_grad():
        return model.embed_audio(Segments(**columns)).float().numpy()


def score(
    model: AubertModel, texts: Sequence[str], files: Sequence[Path], reference: Path | None = None
) -> np.ndarray:
    """float32 [texts, files]: the higher, the better they agree. Raises as the two above."""
    rows = embed_texts(model, texts), embed_audio(model, files, reference)
    with torch.no_grad():
        return model.score(*map(torch.from_numpy, rows)).numpy()


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
