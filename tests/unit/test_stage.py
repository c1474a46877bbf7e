import subprocess
import sys

import pytest

from aubert import stage, tables
from aubert.stage import Reject


def transcript(name: str) -> dict:
    return {"utterance_id": name, "text": "a", "score": 0.0, "num_frames": 1}


def run(tmp_path, results, ids, max_reject_fraction=1.0):
    return stage.run(
        "transcribe",
        "transcripts",
        results,
        ids=ids,
        id_column="utterance_id",
        out=tmp_path / "out.parquet",
        rejects=tmp_path / "rejects.parquet",
        max_reject_fraction=max_reject_fraction,
    )


def test_rows_and_rejects_go_to_their_files(tmp_path):
    results = [transcript("a"), Reject("b", "no_words", "silence"), transcript("c")]
    summary = run(tmp_path, results, ["a", "b", "c"])
    assert summary == "transcribe: 3 in, 2 out (2 rows), 1 rejected (1 no_words)"
    rejects = list(tables.rows(tmp_path / "rejects.parquet", "rejects"))
    assert rejects == [
        {"stage": "transcribe", "id": "b", "reason": "no_words", "detail": "silence"}
    ]


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([transcript("a")], "lost ids without a reject: 1, the first is b"),
        ([transcript("a"), transcript("b"), transcript("x")], "unknown ids"),
        ([transcript("a"), transcript("b"), Reject("b", "no_words", "")], "both put out"),
    ],
)
def test_accounts_that_do_not_balance_stop_the_stage(tmp_path, results, message):
    with pytest.raises(stage.AccountingError, match=message):
        run(tmp_path, results, ["a", "b"])
    assert list(tmp_path.iterdir()) == []


def test_accounts_hold_in_an_optimised_python():
    code = (
        "from aubert import stage\n"
        "try: stage._check_accounts('cut', {'a'}, set(), set())\n"
        "except stage.AccountingError: print('held')"
    )
    done = subprocess.run([sys.executable, "-O", "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "held", done.stderr


def test_too_many_faults_stop_the_stage_and_say_what_to_do(tmp_path):
    results = [transcript("a"), Reject("b", "audio_truncated", "b.flac ends at sample 5")]
    with pytest.raises(stage.TooManyRejects) as caught:
        run(tmp_path, results, ["a", "b"], max_reject_fraction=0.4)
    for part in ("1 of 2", "audio_truncated", "fetch it again", "b.flac", "max_reject_fraction"):
        assert part in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_what_the_reader_did_is_no_fault(tmp_path):
    results = [Reject("a", "not_in_book", "a preamble"), Reject("b", "no_words", "a pause")]
    assert "2 rejected" in run(tmp_path, results, ["a", "b"], max_reject_fraction=0.0)


def test_an_empty_shard_is_legal(tmp_path):
    assert run(tmp_path, [], [], max_reject_fraction=0.0).startswith("transcribe: 0 in, 0 out")
