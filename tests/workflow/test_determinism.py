"""The same speech and seed come to the same results: in however many shards, on however many
cores, in whatever directory."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from snakemake_run import ROOT, Run
from tiny_run import tiny_run

from aubert.units.labels import LabelSet

pytestmark = pytest.mark.xdist_group("tiny_run")

TABLES = ["recordings", "utterances", "transcripts", "matches", "refined", "words"]
# Iteration 2's label set, the first iteration's network: what all shards have a part in.
TARGETS = [
    "dataset",
    "results/tiny/hubert/iter1",
    "results/tiny/units/iter1_layer1/k6/codebook.npy",
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory, mini_corpus, finished_tiny_run) -> dict[int, Run]:
    """Shards -> run. 1 shard on one core, 2 and 5 on two; each in a directory of its own, with
    another order of sets."""
    found = {2: finished_tiny_run}
    for num_shards, cores in ((1, 1), (5, 2)):
        directory = tmp_path_factory.mktemp(f"in {num_shards} shards")
        run = tiny_run(directory, mini_corpus, num_shards=num_shards)
        found[num_shards] = replace(run, server=f"{num_shards} shards")
        found[num_shards].snakemake("--cores", str(cores), *TARGETS)
    return found


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def merged(run: Run, table: str) -> str:
    """Of all shards' rows, by key, as they come out of Parquet."""
    shards = [pq.read_table(path) for path in sorted(run.results(table).glob("*.parquet"))]
    whole = pa.concat_tables(shards)
    key = [
        name
        for name in ("utterance_id", "recording_id", "id", "index")
        if name in whole.column_names
    ]
    rows = whole.sort_by([(name, "ascending") for name in key]).to_pylist()
    assert rows
    return digest(repr(rows).encode())


def labels(run: Run, units: str) -> str:
    """The labels of all shards, by utterance."""
    sets = sorted(run.results("units", units, "labels").iterdir())
    rows = sorted((name, own.tobytes()) for path in sets for name, own in LabelSet.open(path))
    assert rows
    return digest(repr(rows).encode())


@pytest.mark.parametrize("table", TABLES)
def test_merged_tables_are_the_same(runs, table):
    assert len({merged(run, table) for run in runs.values()}) == 1


def test_merged_labels_are_the_same(runs):
    assert len({labels(run, "mfcc/k5") for run in runs.values()}) == 1


def test_merged_rejects_are_the_same(runs):
    stages = ["index", "cut", "transcribe", "match", "refine", "words"]
    tables = {
        num_shards: [sorted(_rejects(run, stage)) for stage in stages]
        for num_shards, run in runs.items()
    }
    assert tables[1] == tables[2] == tables[5]


def _rejects(run: Run, stage: str):
    for path in run.results("rejects", stage).glob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            yield tuple(row.values())


@pytest.mark.parametrize(
    "name",
    [
        "units/mfcc/k5/codebook.npy",
        "hubert/iter1/model.safetensors",
        "hubert/iter1/config.json",
        "units/iter1_layer1/k6/codebook.npy",
        "books.parquet",
    ],
)
def test_what_all_shards_are_learned_from_is_the_same(runs, name):
    assert len({digest(run.results(name).read_bytes()) for run in runs.values()}) == 1


def test_no_file_of_the_results_says_where_it_was_made(runs):
    """Neither the working directory, nor the checkout, nor the Python."""
    num_files = 0
    for run in runs.values():
        places = [run.directory, run.house, ROOT, Path.home(), Path(pa.__file__).parents[1]]
        forbidden = {str(place).encode() for place in places}
        for path in run.results().rglob("*"):
            if path.is_file():
                num_files += 1
                for content in contents(path):
                    assert not [place for place in forbidden if place in content], path
    assert num_files > 100


def contents(path: Path):
    """The bytes, and what Parquet holds in compressed pages."""
    yield path.read_bytes()
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        yield repr([table.to_pylist(), table.schema.metadata]).encode()
