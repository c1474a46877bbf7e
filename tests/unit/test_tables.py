import numpy as np
import pyarrow as pa
import pytest

from aubert import tables


def transcript(name: str, text: str = "one two") -> dict:
    return {"utterance_id": name, "text": text, "score": -1.0, "num_frames": 10}


def test_rows_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "deep" / "0.parquet"
    rows = [transcript("b"), transcript("a", "é ’")]
    assert tables.write(path, "transcripts", rows, {"aubert.ids_in": "2"}) == 2
    assert list(tables.rows(path, "transcripts")) == rows
    assert tables.metadata(path)["aubert.ids_in"] == "2"


def test_rows_beyond_one_group(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "ROWS_PER_GROUP", 3)
    rows = [transcript(f"{number:02}") for number in range(10)]
    tables.write(tmp_path / "t.parquet", "transcripts", rows)
    assert list(tables.rows(tmp_path / "t.parquet", "transcripts")) == rows


def test_an_empty_table_keeps_its_columns(tmp_path):
    tables.write(tmp_path / "t.parquet", "words", [])
    assert tables.read(tmp_path / "t.parquet", "words").schema.names[0] == "utterance_id"


@pytest.mark.parametrize(
    "rows",
    [
        [transcript("a"), transcript("a")],
        [{**transcript("a"), "text": None}],
        [{"utterance_id": "a"}],
        [{**transcript("a"), "colour": 1}],
    ],
    ids=["repeated key", "null", "missing column", "unknown column"],
)
def test_wrong_rows_are_refused_and_leave_no_file(tmp_path, rows):
    with pytest.raises((ValueError, pa.ArrowInvalid)):
        tables.write(tmp_path / "t.parquet", "transcripts", rows)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_rows_are_made_leaves_the_old_file(tmp_path):
    path = tmp_path / "t.parquet"
    tables.write(path, "transcripts", [transcript("old")])

    def rows():
        yield transcript("new")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        tables.write(path, "transcripts", rows())
    assert [row["utterance_id"] for row in tables.rows(path, "transcripts")] == ["old"]
    assert [file.name for file in tmp_path.iterdir()] == ["t.parquet"]


def test_another_table_is_refused(tmp_path):
    tables.write(tmp_path / "t.parquet", "transcripts", [transcript("a")])
    with pytest.raises(ValueError, match="does not hold the table words"):
        tables.read(tmp_path / "t.parquet", "words")
    (tmp_path / "text.parquet").write_text("not parquet")
    with pytest.raises(ValueError, match="delete it and run again"):
        tables.read(tmp_path / "text.parquet", "words")


def test_rows_of_some_ids_come_from_their_shards(tmp_path):
    for shard, names in {"0": ["c", "a"], "1": [], "2": ["b", "d"]}.items():
        path = tmp_path / "transcripts" / f"{shard}.parquet"
        tables.write(path, "transcripts", map(transcript, names))
    rows = tables.rows_of_ids(tmp_path, "transcripts", ["b", "a", "unknown"])
    assert rows == [transcript("a"), transcript("b")]
    scores = tables.all_columns(tmp_path, "transcripts", ["score"])
    assert [table.column_names for table in scores] == [["score"]] * 3


def test_names_are_drawn_by_their_hashes():
    names = pa.chunked_array([[f"u{number}" for number in range(500)]] * 2)
    assert tables.drawn(names, 1.0).to_pylist() == [True] * 1000
    drawn = tables.drawn(names, 0.3)
    assert drawn.to_pylist()[:500] == drawn.to_pylist()[500:]
    assert 0.2 < np.mean(drawn.to_pylist()) < 0.4
    more = tables.drawn(names.slice(3, 400), 0.5).to_pylist()  # a larger draw holds the smaller
    assert all(big for big, small in zip(more, drawn.to_pylist()[3:], strict=False) if small)
