"""What the rehearsal says of a run: it must see a lost row, and strike no job too often."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aubert import tables
from aubert.evaluate.dataset import STAGES

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
import rehearsal
import rehearsal_faults
from rehearsal_faults import Job, Watch


def write(path: Path, table: str, columns: dict[str, list[str]]) -> None:
    """A table with some columns filled; of the others the values do not matter."""
    schema = tables.TABLES[table].schema
    num_rows = len(next(iter(columns.values())))
    rest = {name: pa.nulls(num_rows, schema.field(name).type) for name in schema.names}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({**rest, **columns}), path)


@pytest.fixture
def results(tmp_path) -> Path:
    """Two recordings, of which one has two utterances and one is rejected by cut."""
    for stage, (table, key) in STAGES.items():
        ids = ["a_1", "a_2"] if key == "utterance_id" else ["a"]
        columns = {"index": {key: ["a", "b"]}}.get(stage, {key: ids})
        if stage == "cut":
            columns = {"utterance_id": ["a_1", "a_2"], "recording_id": ["a", "a"]}
        write(tmp_path / table / "0.parquet", table, columns)
        write(tmp_path / f"rejects/{stage}/0.parquet", "rejects", {"id": ["b"] * (stage == "cut")})
    for feature, k in rehearsal.UNITS.items():
        labels = tmp_path / f"units/{feature}/k{k}/labels/0"
        labels.mkdir(parents=True)
        (labels / "ids.txt").write_text("a_1\na_2\n")
        write(tmp_path / f"rejects/units_{feature}_k{k}/0.parquet", "rejects", {"id": []})
    return tmp_path


def test_rows_that_came_out_or_were_rejected_are_not_lost(results):
    assert set(rehearsal.lost_rows(results, {"a", "b"}).values()) == {0}


def test_a_row_that_is_missing_twice_or_from_nowhere_is_seen(results):
    write(results / "matches/0.parquet", "matches", {"utterance_id": ["a_1"]})
    write(results / "rejects/words/0.parquet", "rejects", {"id": ["a_2"]})
    (results / "units/mfcc/k100/labels/0/ids.txt").write_text("a_1\na_2\na_3\n")
    lost = rehearsal.lost_rows(results, {"a", "b", "c"})
    assert lost == {
        "index": 1, "cut": 0, "transcribe": 0, "match": 1, "refine": 1, "words": 1,
        "units_mfcc_k100": 1, "units_iter1_layer2_k100": 0,
    }  # fmt: skip


def test_a_job_is_left_as_many_tries_as_it_needs_to_end(monkeypatch):
    """Whatever the rate: Snakemake tries it three times."""
    struck, ids = [], iter(range(1000))
    monkeypatch.setattr(Watch, "_strike", lambda self, how, job: struck.append((how, job.name)))
    monkeypatch.setattr(rehearsal_faults, "FIRST_GUESS_S", 0.0)
    watch = Watch(rate=1.0, seed=0, node_failures=0)
    for _ in range(40):
        job = Job(str(next(ids)), "words", "words_wildcards_0", "RUNNING", 0, "1000M")
        monkeypatch.setattr(rehearsal_faults, "queue", lambda job=job: [job])
        watch.look()
        watch.struck = struck
    killed = [how for how, _ in struck if how != "requeue"]
    assert len(killed) == rehearsal_faults.TRIES and len(struck) > len(killed)
