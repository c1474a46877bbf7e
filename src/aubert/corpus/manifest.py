"""Speech that lies anywhere, as a manifest lists it: fairseq's tsv, lhotse's cuts and recordings,
Hugging Face datasets that were saved to disk. No audio is copied, but for what such a dataset
embeds."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import Any

from aubert import audio
from aubert.corpus.index import printable
from aubert.corpus.shards import shard_of
from aubert.files import write_bytes
from aubert.stage import Reject

UNKNOWN = "unknown"  # speaker
KINDS = (
    "fairseq's .tsv, lhotse's cuts or recordings (.jsonl, .jsonl.gz), or the folder of a Hugging "
    "Face dataset (Dataset.save_to_disk)"
)
_SPEAKER_COLUMNS = ("speaker_id", "speaker", "client_id", "spk_id")
_ID_COLUMNS = ("id", "utterance_id", "utt_id", "segment_id")


@dataclass
class Entry:
    """A recording of a manifest.

    name: unique in the manifest; with folders where it has any
    path: of the audio; None where the manifest embeds it
    speaker: UNKNOWN where the manifest names none
    num_samples: that the manifest counts, at the file's rate; None: it does not
    intervals_s: (start_s, end_s) of speech; None: voice activity detection finds it
    embedded: reads the audio file's bytes and names its suffix
    """

    name: str
    path: Path | None
    speaker: str = UNKNOWN
    num_samples: int | None = None
    intervals_s: list[tuple[float, float]] | None = None
    embedded: Callable[[], tuple[bytes, str]] | None = field(default=None, repr=False)


def read_manifest(path: Path) -> Iterator[Entry | Reject]:
    """Every recording of a manifest, in its order; what aubert cannot read as a reject.

    Raises ValueError that names the file, the line and the remedy where it is no manifest.
    """
    if path.is_dir():
        return _hugging_face(path)
    if not path.is_file():
        raise ValueError(f"corpus.root: {path} is not there; with source manifest it is {KINDS}")
    if path.suffix == ".tsv":
        return _fairseq(path)
    if path.name.endswith((".jsonl", ".jsonl.gz", ".json", ".json.gz")):
        return _lhotse(path)
    raise ValueError(f"corpus.root: {path} is no manifest that aubert reads: {KINDS}")


def of_shard(manifest: Path, shard: int, num_shards: int) -> list[tuple[str, Entry | Reject]]:
    """The shard's entries with their recording ids, each id once."""
    found: dict[str, Entry | Reject] = {}
    for number, one in enumerate(read_manifest(manifest)):
        if _shard_of(one, num_shards) != shard:
            continue
        recording_id = id_of(manifest, one)
        if printable(recording_id) != recording_id:
            recording_id = printable(recording_id)
            one = Reject(recording_id, "name_not_utf8", f"{manifest}: rename the file")
        if recording_id in found:
            recording_id = f"{recording_id}#{number}"
            one = Reject(recording_id, "name_repeated", f"{manifest} has this name twice")
        found[recording_id] = one
    return list(found.items())


def digests(manifest: Path, num_shards: int) -> list[str]:
    """One per shard: of its entries, and of each audio file's size and time; what a dataset embeds
    counts by the dataset's own files."""
    found = [blake2b(digest_size=16) for _ in range(num_shards)]
    if manifest.is_dir():
        arrow = "".join(
            f"{path.name} {_state(path)}\n" for path in sorted(manifest.rglob("*.arrow"))
        )
        for one in found:
            one.update(arrow.encode())
    for one in read_manifest(manifest):
        state = _state(one.path) if isinstance(one, Entry) and one.path else ""
        line = f"{one!r} {state}\n".encode("utf-8", "surrogateescape")
        found[_shard_of(one, num_shards)].update(line)
    return [one.hexdigest() for one in found]


def _state(path: Path) -> str:
    try:
        stat = path.stat()
    except OSError:  # the index rejects it
        return "absent"
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _shard_of(one: Entry | Reject, num_shards: int) -> int:
    """The shard of its speaker, or of its name where no speaker is known."""
    if isinstance(one, Reject):
        return shard_of(one.id, num_shards)
    return shard_of(one.name if one.speaker == UNKNOWN else one.speaker, num_shards)


def id_of(manifest: Path, one: Entry | Reject) -> str:
    """<manifest>/<speaker>/<name>, the form of Libri-Light's ids; the speaker stands once."""
    if isinstance(one, Reject):
        return one.id
    named = one.speaker in PurePosixPath(one.name).parts
    name = one.name if named else f"{one.speaker}/{one.name}"
    return f"{manifest.name.split('.')[0]}/{name}"


def index_manifest(
    entries: Iterable[tuple[str, Entry | Reject]], embedded: Path
) -> Iterator[dict | Reject]:
    """A row of `recordings` or a reject for each entry of `of_shard`; paths are relative to /.

    embedded: folder for audio that the manifest holds itself; it is written there as it is.
    """
    embedded.mkdir(parents=True, exist_ok=True)
    for index, (recording_id, one) in enumerate(entries):
        if isinstance(one, Reject):
            yield replace(one, id=recording_id)
            continue
        try:
            path = _path_of(one, embedded, index)
            header = audio.probe(path)
            _check_length(one, header.num_samples)
        except audio.AudioError as error:
            yield Reject(recording_id, error.reason, error.detail)
            continue
        yield {
            "recording_id": recording_id,
            "path": str(path.absolute().relative_to("/")),
            "speaker": one.speaker,
            "book_id": None,
            "chapter": PurePosixPath(recording_id).name,
            "chapter_index": 0,
            "sample_rate_hz": header.sample_rate_hz,
            "num_samples": header.num_samples,
            "language": None,
            "snr_db": None,
            "voice_activity": _voice_activity(one, header.num_samples / header.sample_rate_hz),
        }


def _path_of(one: Entry, embedded: Path, index: int) -> Path:
    if one.embedded is None:
        return one.path
    content, suffix = one.embedded()
    path = embedded / f"{index:08}{suffix}"
    write_bytes(path, content)
    return path


def _check_length(one: Entry, num_samples: int) -> None:
    if one.num_samples is not None and num_samples < one.num_samples:
        raise audio.AudioError(
            "audio_truncated",
            f"{one.path} holds {num_samples} samples, the manifest counts {one.num_samples}",
        )


def _voice_activity(one: Entry, duration_s: float) -> list[dict] | None:
    if one.intervals_s is None:
        return None
    clipped = [(max(0.0, start), min(end, duration_s)) for start, end in sorted(one.intervals_s)]
    return [{"start_s": start, "end_s": end} for start, end in clipped if start < end] or None


# --- fairseq


def _fairseq(path: Path) -> Iterator[Entry]:
    """The folder, then a line per file: path, samples; aubert takes a speaker in a third column.

    Without one the speaker is the folder above the file's folder (<speaker>/<chapter>/<file>), or
    the file's folder where there is one alone.
    """
    lines = path.read_bytes().decode("utf-8-sig", "surrogateescape").split("\n")
    root = Path(lines[0].rstrip("\r"))
    if "\t" in lines[0] or not lines[0].strip():
        raise ValueError(f"{path}: line 1 is not the folder that the paths below it are in")
    for number, line in enumerate(lines[1:], 2):
        name, *more = line.rstrip("\r").split("\t")
        if not name and not more:
            continue
        if not 1 <= len(more) <= 2 or not more[0].strip().isdigit():
            raise ValueError(f"{path}: line {number} is not <path><tab><number of samples>")
        *folders, _ = PurePosixPath(name).parts
        speaker = more[1].strip() if len(more) == 2 else (folders[-2:] or [UNKNOWN])[0]
        yield Entry(_stem(name), root / name, speaker, int(more[0]))


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix("")).lstrip("/")


# --- lhotse


def _lhotse(path: Path) -> Iterator[Entry | Reject]:
    """A RecordingSet, or a CutSet, whose cuts of one recording are its intervals of speech."""
    found: dict[str, Entry | Reject] = {}
    for where, item in items(path):
        kind = item.get("type")
        try:
            parts = _tracks(item) if kind else [(item, None, UNKNOWN)]
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"{path}: {where} is no recording and no cut of lhotse ({error})"
            ) from None
        if not parts:
            detail = f"{path}: {where} is a {kind} without a recording"
            found.setdefault(f"cut {item.get('id')}", Reject(str(item.get("id")), "no_audio_file",
                                                             detail))  # fmt: skip
        for recording, interval, speaker in parts:
            name = str(recording.get("id"))
            if name not in found:
                found[name] = _recording(recording, f"{path}: {where}")
            one = found[name]
            if isinstance(one, Entry) and interval is not None:
                one.intervals_s = [*(one.intervals_s or []), interval]
                one.speaker = speaker if one.speaker == UNKNOWN else one.speaker
    yield from found.values()


def items(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(where it stands, object) of each of lhotse's manifest."""
    opened = gzip.open if path.suffix == ".gz" else open
    is_lines = path.name.removesuffix(".gz").endswith(".jsonl")
    try:
        with opened(path, "rt", encoding="utf-8-sig") as file:
            lines = enumerate(file, 1) if is_lines else enumerate(json.load(file), 1)
            for number, line in lines:
                item = json.loads(line) if is_lines else line
                if not isinstance(item, dict):
                    raise ValueError("not an object")
                yield f"{'line' if is_lines else 'item'} {number}", item
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path} cannot be read as lhotse's manifest: {error}") from None


def _tracks(cut: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], tuple[float, float], str]]:
    """(recording, interval of it, speaker) of a MonoCut, MultiCut or of a MixedCut's tracks."""
    if "tracks" in cut:
        tracks = [track["cut"] for track in cut["tracks"]]
        return [
            part for each in tracks if each.get("type") != "PaddingCut" for part in _tracks(each)
        ]
    if not isinstance(cut.get("recording"), dict):
        return []
    start_s = float(cut["start"])
    speakers = [one.get("speaker") for one in cut.get("supervisions") or []]
    speaker = next(filter(None, speakers), UNKNOWN)
    return [(cut["recording"], (start_s, start_s + float(cut["duration"])), str(speaker))]


def _recording(recording: Mapping[str, Any], where: str) -> Entry | Reject:
    name = str(recording.get("id"))
    sources = recording.get("sources") or []
    kinds = [source.get("type") for source in sources]
    if kinds != ["file"]:
        detail = f"{where}: its audio is {kinds or 'not given'}; aubert reads one file"
        return Reject(name, "no_audio_file", detail)
    if recording.get("transforms"):
        return Reject(name, "no_audio_file", f"{where}: it has transforms; save its audio first")
    return Entry(name, Path(sources[0]["source"]))


# --- Hugging Face


def _hugging_face(path: Path) -> Iterator[Entry | Reject]:
    """Every split of a DatasetDict, or the one Dataset. Only the columns of names are read before
    the audio."""
    if (path / "dataset_dict.json").is_file():
        splits = json.loads((path / "dataset_dict.json").read_bytes())["splits"]
        return (one for name in splits for one in _split(path / name, f"{name}/"))
    if not (path / "state.json").is_file():
        raise ValueError(
            f"corpus.root: {path} is no saved dataset; with source manifest it is {KINDS}"
        )
    return _split(path, "")


def _split(path: Path, prefix: str) -> Iterator[Entry | Reject]:
    import pyarrow as pa

    state = json.loads((path / "state.json").read_bytes())
    info = json.loads((path / "dataset_info.json").read_bytes())
    features = info.get("features") or {}
    columns = [name for name, kind in features.items() if kind.get("_type") == "Audio"]
    if len(columns) != 1:
        raise ValueError(
            f"{path} has {len(columns)} columns of type Audio ({', '.join(features)}): cast one "
            f"with datasets.Audio and save it again"
        )
    if state.get("_indices_data_files"):
        raise ValueError(f"{path} is a selection of rows: save it again with flatten_indices()")
    number = 0
    for file in state["_data_files"]:
        with pa.memory_map(str(path / file["filename"])) as source:
            for batch in pa.ipc.open_stream(source):
                for row in range(batch.num_rows):
                    yield _row(path, prefix, batch, row, columns[0], number)
                    number += 1


def _row(path: Path, prefix: str, batch, row: int, column: str, number: int) -> Entry | Reject:
    def value(names: Iterable[str]) -> str | None:
        found = (batch.column(name)[row].as_py() for name in names if name in batch.schema.names)
        return next((str(one) for one in found if one not in (None, "")), None)

    cell = batch.column(column)[row]
    name = prefix + (value(_ID_COLUMNS) or f"{number:08}")
    speaker = value(_SPEAKER_COLUMNS) or UNKNOWN
    given = cell["path"].as_py()
    if cell["bytes"].is_valid:
        suffix = PurePosixPath(given or "").suffix
        return Entry(name, None, speaker, embedded=lambda: (cell["bytes"].as_py(), suffix))
    if given and Path(given).is_file():
        return Entry(name, Path(given), speaker)
    detail = f"{path}: row {number} holds no audio, and {given} is not there"
    return Reject(name, "no_audio_file", detail)
