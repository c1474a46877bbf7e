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
