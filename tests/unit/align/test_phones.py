"""Which utterances' phones are aligned, and what happens to those that cannot be."""

import numpy as np
import pytest
import soundfile

from aubert.align.phones import PhonesOptions, choose_scripts, phones
from aubert.stage import Reject

RECORDING = {"recording_id": "r", "path": "r.flac", "sample_rate_hz": 16_000}


def utterances(num: int) -> list[dict]:
    """Of a minute each."""
    slices = [{"start_sample": 0, "end_sample": 960_000}]
    return [
        {"utterance_id": f"u{i}", "recording_id": "r", "slices": slices, "num_samples": 960_000}
        for i in range(num)
    ]


def words(*ids: str) -> list[dict]:
    return [{"utterance_id": name, "spoken": text} for name in ids for text in ("mister", "o k")]


def chosen(rows: list[dict], minutes: float) -> list[str]:
    options = PhonesOptions(max_minutes=minutes)
    scripts = choose_scripts(
        [RECORDING], rows, words(*(row["utterance_id"] for row in rows)), options
    )
    return [script.utterance["utterance_id"] for script in scripts]


def test_only_what_has_words_and_as_much_as_is_asked_for():
    scripts = choose_scripts([RECORDING], utterances(3), words("u1"), PhonesOptions())
    assert [(s.utterance["utterance_id"], s.spoken) for s in scripts] == [
        ("u1", ["mister", "o", "k"])
    ]
    few = chosen(utterances(20), 5)
    assert len(few) == 5 and few != sorted(few)
    assert chosen(utterances(20)[::-1], 5) == few
    assert len(chosen(utterances(2), 0.5)) == 1
    with pytest.raises(ValueError, match=r"max_minutes\n.*greater than 0"):
        PhonesOptions(max_minutes=0)


def test_no_path_and_no_file_are_rejects(tmp_path):
    soundfile.write(tmp_path / "r.flac", np.zeros(1_600), 16_000)
    row = {**utterances(1)[0], "slices": [{"start_sample": 0, "end_sample": 1_600}]}
    scripts = choose_scripts([RECORDING], [row], words("u0") * 50, PhonesOptions())
    (reject,) = phones(scripts, tmp_path)
    assert isinstance(reject, Reject) and reject.reason == "alignment_failed"
    (tmp_path / "r.flac").unlink()
    (reject,) = phones(scripts, tmp_path)
    assert reject.reason in ("audio_missing", "audio_unreadable")
