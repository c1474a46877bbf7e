import json
import os

import numpy as np
import pytest
import soundfile

from aubert.corpus.index import index, recording_ids
from aubert.corpus.shards import scan_shard
from aubert.stage import Reject

BOOK = "small/100/a_book_0812_librivox_64kb_mp3"
JSON = {
    "speaker": "100",
    "book_meta": {"id": "812", "title": "A Book"},
    "snr": 11.5,
    "voice_activity": [[0.1, 0.4], [0.5, 3.0]],
    "file_length_sec": 1.0,
}


def write_chapter(root, stem, description=JSON, seconds=1.0, rate_hz=16_000, channels=1):
    path = root / f"{stem}.flac"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros((int(seconds * rate_hz), channels)), rate_hz)
    if description is not None:
        text = description if isinstance(description, str) else json.dumps(description)
        (root / f"{stem}.json").write_text(text)
    return path


def run(root):
    files = scan_shard(root, ["small"], 0, 1)
    results = list(index(root, files))
    ids = [r.id if isinstance(r, Reject) else r["recording_id"] for r in results]
    assert sorted(ids) == recording_ids(files)
    return results


def test_a_chapter(tmp_path):
    write_chapter(tmp_path, f"{BOOK}/ch_01")
    assert run(tmp_path) == [
        {
            "recording_id": f"{BOOK}/ch_01",
            "path": f"{BOOK}/ch_01.flac",
            "speaker": "100",
            "book_id": "812",
            "chapter": "ch_01",
            "chapter_index": 0,
            "sample_rate_hz": 16_000,
            "num_samples": 16_000,
            "language": None,
            "snr_db": 11.5,
            "voice_activity": [
                {"start_s": 0.1, "end_s": 0.4},
                {"start_s": 0.5, "end_s": 1.0},  # clipped to the recording
            ],
        }
    ]


def test_chapters_are_numbered_as_a_reader_would(tmp_path):
    for name in ("ch_10", "ch_2", "ch_1"):
        write_chapter(tmp_path, f"{BOOK}/{name}")
    assert [(row["chapter"], row["chapter_index"]) for row in run(tmp_path)] == [
        ("ch_1", 0),
        ("ch_2", 1),
        ("ch_10", 2),
    ]


@pytest.mark.parametrize("meta", [{}, {"id": None}, {"id": ""}])
def test_a_json_without_book_id_leaves_the_book_open(tmp_path, meta):
    write_chapter(tmp_path, f"{BOOK}/a", {"speaker": "100", "book_meta": meta})
    (row,) = run(tmp_path)
    assert row["book_id"] is None and row["voice_activity"] is None and row["snr_db"] is None


def test_numbers_as_book_ids(tmp_path):
    write_chapter(tmp_path, f"{BOOK}/a", {"book_meta": {"id": 812}})
    assert run(tmp_path)[0]["book_id"] == "812"


def test_stereo_at_another_rate_keeps_its_own_clock(tmp_path):
    write_chapter(tmp_path, f"{BOOK}/a", rate_hz=44_100, channels=2)
    (row,) = run(tmp_path)
    assert (row["sample_rate_hz"], row["num_samples"]) == (44_100, 44_100)


@pytest.mark.parametrize(
    ("description", "detail"),
    [
        ("{not json", "Expecting property name"),
        ("[1, 2]", "not an object"),
        ({"book_meta": "no"}, "book_meta is not an object"),
        ({"snr": "loud"}, "snr holds 'loud'"),
        ({"voice_activity": [[0.5]]}, "voice_activity holds [0.5]"),
        ({"voice_activity": [[2, 1]]}, "start must be below end"),
        ({"voice_activity": [[0, float("nan")]]}, "not a number"),
    ],
)
def test_a_broken_json_is_rejected_with_its_fault(tmp_path, description, detail):
    write_chapter(tmp_path, f"{BOOK}/a", description)
    (reject,) = run(tmp_path)
    assert reject.reason == "json_broken"
    assert f"{BOOK}/a.json" in reject.detail and detail in reject.detail


def test_files_that_cannot_be_used_are_rejected(tmp_path):
    write_chapter(tmp_path, f"{BOOK}/lonely", None)
    (tmp_path / f"{BOOK}/text.flac").write_text("no audio")
    (tmp_path / f"{BOOK}/orphan.json").write_text("{}")
    write_chapter(tmp_path, f"{BOOK}/twice")
    soundfile.write(tmp_path / f"{BOOK}/twice.wav", np.zeros(10), 16_000)
    soundfile.write(tmp_path / f"{BOOK}/zero.wav", np.zeros(0), 16_000)
    write_chapter(tmp_path, f"{BOOK}/good")
    reasons = {r.id.split("/")[-1]: r.reason for r in run(tmp_path) if isinstance(r, Reject)}
    assert reasons == {
        "lonely": "json_missing",
        "text": "audio_unreadable",
        "orphan": "audio_missing",
        "twice": "audio_ambiguous",
        "zero": "audio_empty",
    }


def test_odd_names(tmp_path):
    speakers = ["Zoë O'Hara; touch x", 'new\nline "quoted"', "$(id)"]
    for speaker in speakers:
        write_chapter(tmp_path, f"small/{speaker}/a book/ch 1")
    assert sorted(row["speaker"] for row in run(tmp_path)) == sorted(speakers)


def test_a_name_that_is_not_utf8_is_rejected(tmp_path):
    directory = tmp_path / "small" / os.fsdecode(b"caf\xe9") / "book"
    directory.mkdir(parents=True)
    (directory / "a.flac").write_bytes(b"never opened")
    (reject,) = run(tmp_path)
    assert reject.reason == "name_not_utf8" and reject.id == "small/caf\\xe9/book/a"
