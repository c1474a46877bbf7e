"""The recordings table: which chapters there are, from headers and jsons alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path, PurePosixPath

from aubert import audio
from aubert.corpus.shards import AUDIO_SUFFIXES, CorpusFile, natural_key
from aubert.stage import Reject
from aubert.text.languages.codes import bcp47


def recording_ids(files: Iterable[CorpusFile]) -> list[str]:
    """Every recording that the files speak of, by audio or by json; sorted."""
    stems = {_stem(file.path) for file in files if _is_audio(file.path) or _is_json(file.path)}
    return sorted(printable(stem) for stem in stems)


def index(root: Path, files: Iterable[CorpusFile]) -> Iterator[dict | Reject]:
    """Yields a row of `recordings` or a reject for every recording among `files`.

    root: the corpus root that the files' paths are relative to. Audio is probed, not
    decoded: a file that breaks off in the middle is found by the stage that decodes it.
    """
    wanted = [file.path for file in files if _is_audio(file.path) or _is_json(file.path)]
    by_book_dir = groupby(sorted(wanted), key=lambda path: str(PurePosixPath(path).parent))
    for _, paths in by_book_dir:
        stems: dict[str, list[str]] = {}
        for path in paths:
            stems.setdefault(_stem(path), []).append(path)
        chapters = sorted(stems, key=lambda stem: natural_key(PurePosixPath(stem).name))
        found = [_recording(root, stem, stems[stem], at) for at, stem in enumerate(chapters)]
        # A json may give another order.
        yield from sorted(
            found, key=lambda one: one["chapter_index"] if isinstance(one, dict) else -1
        )


def _recording(root: Path, stem: str, paths: list[str], chapter_index: int) -> dict | Reject:
    """stem: the path without suffix; it is the recording's id."""
    audio_paths = [path for path in paths if _is_audio(path)]
    if printable(stem) != stem:
        return Reject(printable(stem), "name_not_utf8", "rename the file or its directory")
    if not audio_paths:
        return Reject(stem, "audio_missing", f"{stem}.json has no audio file beside it")
    if len(audio_paths) > 1:
        names = ", ".join(PurePosixPath(path).name for path in sorted(audio_paths))
        return Reject(stem, "audio_ambiguous", f"{names} are the same chapter: keep one")
    try:
        header = audio.probe(root / audio_paths[0])
    except audio.AudioError as error:
        return Reject(stem, error.reason, error.detail)
    if len(paths) == 1:
        return Reject(stem, "json_missing", f"{stem}.json is not there")
    duration_s = header.num_samples / header.sample_rate_hz
    try:
        described = _read_json(root / f"{stem}.json", duration_s)
    except ValueError as error:
        return Reject(stem, "json_broken", f"{stem}.json: {error}")
    return {
        "recording_id": stem,
        "path": audio_paths[0],
        "speaker": PurePosixPath(stem).parts[1],
        "chapter": PurePosixPath(stem).name,
        "chapter_index": chapter_index,
        "sample_rate_hz": header.sample_rate_hz,
        "num_samples": header.num_samples,
        **described,
    }


def _read_json(path: Path, duration_s: float) -> dict:
    """book_id, language, snr_db and voice_activity of a Libri-Light json, and chapter_index, which
    a folder of audiobooks adds where names do not tell the order. ValueError says what is wrong."""
    data = json.loads(path.read_bytes().decode("utf-8"))
    if not isinstance(data, dict):
        raise ValueError("not an object")
    meta = data.get("book_meta") or {}
    if not isinstance(meta, dict):
        raise ValueError("book_meta is not an object")
    book_id = meta.get("id")
    order = _number(data["chapter_index"], "chapter_index") if "chapter_index" in data else None
    return {
        "book_id": None if book_id in (None, "") else str(book_id),
        **({} if order is None else {"chapter_index": int(order)}),
        "language": _language(meta.get("language")),
        "snr_db": _number(data["snr"], "snr") if data.get("snr") is not None else None,
        "voice_activity": _voice_activity(data.get("voice_activity"), duration_s),
    }


def _language(named: object) -> str | None:
    """BCP 47; None where the json names none or an unknown one."""
    return bcp47(named) if isinstance(named, str) else None


def _voice_activity(pairs: object, duration_s: float) -> list[dict] | None:
    """Checked and clipped to the recording. An empty list counts as missing: the VAD must run."""
    if not pairs:
        return None
    if not isinstance(pairs, list):
        raise ValueError("voice_activity is not a list")
    intervals = []
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise ValueError(f"voice_activity holds {pair!r}, not [start, end] in seconds")
        start_s, end_s = (_number(edge, "voice_activity") for edge in pair)
        if not 0 <= start_s < end_s:
            raise ValueError(f"voice_activity holds {pair!r}: start must be below end")
        if start_s < duration_s:
            intervals.append({"start_s": start_s, "end_s": min(end_s, duration_s)})
    return sorted(intervals, key=lambda interval: interval["start_s"]) or None


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} holds {value!r}, not a number")
    return float(value)


def _stem(path: str) -> str:
    return path[: path.rindex(".")]


def _is_audio(path: str) -> bool:
    return path.lower().endswith(AUDIO_SUFFIXES)


def _is_json(path: str) -> bool:
    return path.endswith(".json")


def printable(name: str) -> str:
    """The name with bytes that are not UTF-8 shown as escapes: tables hold only UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
