"""Speech that a manifest lists: fairseq's tsv, lhotse's sets, Hugging Face datasets."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from aubert.corpus.manifest import digests, index_manifest, of_shard, read_manifest
from aubert.stage import Reject

RATE_HZ = 16_000


def record(path: Path, seconds: float = 1.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).normal(0, 0.1, round(seconds * RATE_HZ))
    soundfile.write(path, noise, RATE_HZ)
    return path


def rows(manifest: Path, embedded: Path, shard: int = 0, num_shards: int = 1) -> list:
    return list(index_manifest(of_shard(manifest, shard, num_shards), embedded))


def audio_of(row: dict) -> Path:
    return Path("/", row["path"])


@pytest.fixture
def tsv(tmp_path) -> Path:
    for name in ("19/198/19-198-0000", "26/495/26-495-0000"):
        record(tmp_path / "LibriSpeech" / "clean" / f"{name}.flac")
    record(tmp_path / "LibriSpeech" / "flat.wav")
    path = tmp_path / "train.tsv"
    path.write_text(
        f"{tmp_path}/LibriSpeech\n"
        "clean/19/198/19-198-0000.flac\t16000\n"
        "clean/26/495/26-495-0000.flac\t16000\n"
        "flat.wav\t16000\n"
    )
    return path


def test_fairseqs_tsv(tsv, tmp_path):
    found = rows(tsv, tmp_path / "out")
    assert [(row["recording_id"], row["speaker"]) for row in found] == [
        ("train/clean/19/198/19-198-0000", "19"),
        ("train/clean/26/495/26-495-0000", "26"),
        ("train/unknown/flat", "unknown"),
    ]
    assert [row["num_samples"] for row in found] == [16_000] * 3
    assert all(row["voice_activity"] is None and audio_of(row).is_file() for row in found)


def test_a_byte_order_mark_and_crlf_are_no_part_of_a_path(tsv, tmp_path):
    plain = rows(tsv, tmp_path / "out")
    tsv.write_bytes(b"\xef\xbb\xbf" + tsv.read_bytes().replace(b"\n", b"\r\n"))
    assert rows(tsv, tmp_path / "out") == plain


def test_a_third_column_names_the_speaker(tsv, tmp_path):
    tsv.write_text(tsv.read_text().replace("flat.wav\t16000", "flat.wav\t16000\tann"))
    assert rows(tsv, tmp_path / "out")[2]["recording_id"] == "train/ann/flat"


def test_audio_that_is_missing_or_shorter_than_counted_is_a_reject(tsv, tmp_path):
    (tmp_path / "LibriSpeech/flat.wav").unlink()
    tsv.write_text(tsv.read_text().replace("0000.flac\t16000", "0000.flac\t16001", 1))
    short, good, missing = rows(tsv, tmp_path / "out")
    assert short == Reject(
        "train/clean/19/198/19-198-0000",
        "audio_truncated",
        f"{tmp_path}/LibriSpeech/clean/19/198/19-198-0000.flac holds 16000 samples, the manifest "
        f"counts 16001",
    )
    assert isinstance(good, dict)
    assert (missing.id, missing.reason) == ("train/unknown/flat", "audio_missing")


def test_a_name_that_stands_twice_is_a_reject(tsv, tmp_path):
    tsv.write_text(tsv.read_text() + "flat.wav\t16000\n")
    *_, first, again = rows(tsv, tmp_path / "out")
    assert first["recording_id"] == "train/unknown/flat"
    assert (again.id, again.reason) == ("train/unknown/flat#3", "name_repeated")


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("a.flac\t16000\nb.flac\t16000\n", "line 1 is not the folder"),
        ("/data\na.flac 16000\n", "line 2 is not <path><tab><number of samples>"),
        ("/data\na.flac\tmany\n", "line 2 is not"),
    ],
)
def test_what_is_no_tsv_is_one_line(tmp_path, lines, fault):
    path = tmp_path / "train.tsv"
    path.write_text(lines)
    with pytest.raises(ValueError, match=fault):
        list(read_manifest(path))


def test_shards_divide_a_manifest_and_keep_a_speaker_together(tmp_path):
    for number in range(40):
        record(tmp_path / f"a/s{number % 8}/{number}.wav", 0.1)
    names = [f"s{number % 8}/{number}.wav" for number in range(40)]
    path = tmp_path / "all.tsv"
    path.write_text("\n".join([f"{tmp_path}/a", *(f"{name}\t1600" for name in names)]))
    shards = [{row["recording_id"] for row in rows(path, tmp_path, n, 4)} for n in range(4)]
    assert sum(map(len, shards)) == len(set.union(*shards)) == 40
    speakers = [{name.split("/")[1] for name in shard} for shard in shards]
    assert sum(map(len, speakers)) == 8


def test_a_changed_file_changes_its_shard_alone(tmp_path):
    names = [f"s{number}/{number}.wav" for number in range(8)]
    for name in names:
        record(tmp_path / name, 0.1)
    path = tmp_path / "all.tsv"
    path.write_text("\n".join([f"{tmp_path}", *(f"{name}\t1600" for name in names)]))
    before = digests(path, 4)
    assert digests(path, 4) == before
    record(tmp_path / names[3], 0.2)
    after = digests(path, 4)
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 1


# --- lhotse


@pytest.fixture
def recordings(tmp_path):
    lhotse = pytest.importorskip("lhotse")
    paths = [record(tmp_path / f"audio/{name}.wav", 4.0) for name in "ab"]
    return lhotse.RecordingSet.from_recordings(map(lhotse.Recording.from_file, paths))


def test_lhotses_recordings(recordings, tmp_path):
    recordings.to_file(tmp_path / "recordings.jsonl.gz")
    found = rows(tmp_path / "recordings.jsonl.gz", tmp_path / "out")
    assert [row["recording_id"] for row in found] == [
        "recordings/unknown/a",
        "recordings/unknown/b",
    ]
    assert all(row["voice_activity"] is None for row in found)


def test_lhotses_cuts_are_intervals_of_speech_of_their_recordings(recordings, tmp_path):
    from lhotse import CutSet, MonoCut, SupervisionSegment

    a, b = recordings
    cuts = [
        MonoCut(
            id=f"{recording.id}{start}", start=start, duration=1.0, channel=0, recording=recording,
            supervisions=[SupervisionSegment(id=f"{start}", recording_id=recording.id, start=0,
                                             duration=1, speaker=f"speaker-{recording.id}")],
        )
        for recording, start in ((a, 2.5), (b, 1.0), (a, 0.0))
    ]  # fmt: skip
    CutSet.from_cuts(cuts).to_file(tmp_path / "cuts.jsonl.gz")
    first, second = rows(tmp_path / "cuts.jsonl.gz", tmp_path / "out")
    assert first["recording_id"] == "cuts/speaker-a/a"
    assert first["voice_activity"] == [
        {"start_s": 0.0, "end_s": 1.0},
        {"start_s": 2.5, "end_s": 3.5},
    ]
    assert second["voice_activity"] == [{"start_s": 1.0, "end_s": 2.0}]


def test_tracks_of_a_mixed_cut_are_intervals_too_and_padding_is_none(recordings, tmp_path):
    from lhotse import CutSet

    whole = CutSet.from_manifests(recordings=recordings)
    first, second = whole
    mixed = first.truncate(duration=1).append(second.truncate(offset=2, duration=1)).pad(5)
    CutSet.from_cuts([mixed]).to_file(tmp_path / "mixed.jsonl")
    found = rows(tmp_path / "mixed.jsonl", tmp_path / "out")
    assert [row["voice_activity"] for row in found] == [
        [{"start_s": 0.0, "end_s": 1.0}],
        [{"start_s": 2.0, "end_s": 3.0}],
    ]


def test_audio_that_is_no_file_is_a_reject_with_its_line(recordings, tmp_path):
    lines = [recording.to_dict() for recording in recordings]
    lines[1]["sources"][0]["type"] = "command"
    path = tmp_path / "recordings.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    good, reject = rows(path, tmp_path / "out")
    assert isinstance(good, dict)
    assert reject.reason == "no_audio_file" and f"{path}: line 2" in reject.detail


def test_a_cut_of_features_alone_is_a_reject(tmp_path):
    path = tmp_path / "cuts.jsonl"
    path.write_text(json.dumps({"type": "MonoCut", "id": "x", "start": 0, "duration": 1}))
    (reject,) = rows(path, tmp_path / "out")
    assert (reject.id, reject.reason) == ("x", "no_audio_file")


def test_a_broken_manifest_is_one_line(tmp_path):
    path = tmp_path / "cuts.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"id": "a"}\n')[:-9])
    with pytest.raises(ValueError, match="cannot be read as lhotse's manifest"):
        list(read_manifest(path))


def test_the_workflows_own_export_is_read_back(tmp_path):
    path = record(tmp_path / "a.wav", 4.0)
    recording = {"id": "s/Ann/b/c", "sources": [{"type": "file", "channels": [0],
                 "source": str(path)}], "sampling_rate": RATE_HZ, "num_samples": 64_000,
                 "duration": 4.0, "channel_ids": [0]}  # fmt: skip
    cut = {"id": "u", "start": 1.0, "duration": 2.0, "channel": 0, "type": "MonoCut",
           "supervisions": [{"speaker": "Ann"}], "recording": recording}  # fmt: skip
    with gzip.open(tmp_path / "cuts.jsonl.gz", "wt") as file:
        file.write(json.dumps(cut) + "\n")
    (row,) = rows(tmp_path / "cuts.jsonl.gz", tmp_path / "out")
    assert row["recording_id"] == "cuts/s/Ann/b/c" and row["speaker"] == "Ann"


# --- Hugging Face


@pytest.fixture(params=["embedded", "beside it"])
def table(tmp_path, request):
    datasets = pytest.importorskip("datasets")
    paths = [record(tmp_path / f"audio/{name}.flac") for name in "ab"]
    audio = [{"bytes": None, "path": str(path)} for path in paths]
    if request.param == "embedded":
        audio = [{"bytes": path.read_bytes(), "path": path.name} for path in paths]
    columns = {"id": ["x", "y"], "speaker_id": [7, 8], "audio": audio}
    return datasets.Dataset.from_dict(columns).cast_column("audio", datasets.Audio())


def test_a_saved_dataset_with_its_audio(table, tmp_path):
    table.save_to_disk(tmp_path / "set")
    found = rows(tmp_path / "set", tmp_path / "out")
    assert [(row["recording_id"], row["speaker"]) for row in found] == [
        ("set/7/x", "7"),
        ("set/8/y", "8"),
    ]
    original = soundfile.read(tmp_path / "audio/a.flac")[0]
    assert np.array_equal(soundfile.read(audio_of(found[0]))[0], original)


def test_all_splits_of_a_dataset_dict(table, tmp_path):
    from datasets import DatasetDict

    DatasetDict({"train": table, "test": table}).save_to_disk(tmp_path / "sets")
    found = rows(tmp_path / "sets", tmp_path / "out")
    names = ["sets/7/train/x", "sets/8/train/y", "sets/7/test/x", "sets/8/test/y"]
    assert [row["recording_id"] for row in found] == names
    assert len({row["path"] for row in found}) == 4


def test_a_dataset_without_audio_names_its_columns(tmp_path):
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_dict({"text": ["a"]}).save_to_disk(tmp_path / "set")
    with pytest.raises(ValueError, match=r"has 0 columns of type Audio \(text\)"):
        list(read_manifest(tmp_path / "set"))


@pytest.mark.parametrize("name", ["nothing.tsv", "a.csv", "folder"])
def test_what_is_no_manifest_names_those_that_are(tmp_path, name):
    (tmp_path / "a.csv").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match=r"fairseq's \.tsv, lhotse's cuts or recordings"):
        list(read_manifest(tmp_path / name))
